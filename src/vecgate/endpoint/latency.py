"""How long the service would take: log-normal by operation, the same for the same seed and number.

A latency is given by its median and its 99th percentile, as people measure it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Any, TypeAlias

import msgspec

from vecgate.endpoint.chance import uniform
from vecgate.endpoint.settings import complete, read_toml, typed
from vecgate.s3vectors.model import service_model

NORMAL = NormalDist()
P99 = NORMAL.inv_cdf(0.99)
#: Stands for the operations that are not named.
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Latency:
    """Half of all requests take up to *p50_s*, 99 of 100 up to *p99_s*."""

    p50_s: float
    p99_s: float

    def at(self, quantile: float) -> float:
        """The latency in seconds at a quantile between 0 and 1, both exclusive."""
        return self.p50_s * math.exp(math.log(self.p99_s / self.p50_s) / P99 * NORMAL.inv_cdf(quantile))


@dataclass(frozen=True, slots=True)
class LatencyModel:
    """Latencies by operation, `others` for those that have none of their own; *seed* repeats a run."""

    latencies: Mapping[str, Latency] = field(default_factory=dict)
    seed: int = 0

    def wait_s(self, operation: str, number: int) -> float:
        """How long the request of that *number* takes: 0 where nothing is said of its operation."""
        latency = self.latencies.get(operation) or self.latencies.get(OTHERS)
        return latency.at(uniform(self.seed, "latency", operation, number)) if latency else 0.0


# From the guide: "as low as 100 ms" for warm queries, "sub-second" for cold ones (read 2026-11-24).
# GetIndex was seen to take 128 to 141 ms, network included. All else is inferred.
PRESETS: Mapping[str, LatencyModel | None] = {
    "off": None,
    "warm": LatencyModel({
        "QueryVectors": Latency(0.100, 0.250),
        "PutVectors": Latency(0.080, 0.300),
        "DeleteVectors": Latency(0.060, 0.250),
        "GetVectors": Latency(0.040, 0.150),
        "ListVectors": Latency(0.060, 0.200),
        OTHERS: Latency(0.050, 0.150),
    }),
    "cold": LatencyModel({
        "QueryVectors": Latency(0.400, 0.950),
        "PutVectors": Latency(0.150, 0.600),
        "DeleteVectors": Latency(0.100, 0.400),
        "GetVectors": Latency(0.120, 0.500),
        "ListVectors": Latency(0.150, 0.600),
        OTHERS: Latency(0.130, 0.300),
    }),
}  # fmt: skip

Milliseconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=600_000)]


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    p50_ms: Milliseconds
    p99_ms: Milliseconds


def read_latencies(path: Path) -> LatencyModel:
    """The latencies of a TOML file. Raises ConfigError with all that is wrong with it."""
    problems: list[str] = []
    content = read_toml(path)
    seed = content.pop("seed", 0)
    if not isinstance(seed, int):
        problems.append("seed: expected a whole number")
    known = {*service_model().operation_names, OTHERS}
    problems += [f"there is no operation {name!r}" for name in sorted(content.keys() - known)]
    latencies = {name: latency for name, raw in content.items() if (latency := _latency(name, raw, problems))}
    return complete(str(path), LatencyModel(latencies, seed), problems)


def _latency(name: str, raw: Any, problems: list[str]) -> Latency | None:  # noqa: ANN401 - from a file
    entry = typed(_Entry, raw, name, problems)
    if entry is None:
        return None
    if entry.p99_ms < entry.p50_ms:
        problems.append(f"{name}: p99_ms is {entry.p99_ms:g}, less than p50_ms: {entry.p50_ms:g}")
    return Latency(entry.p50_ms / 1000, entry.p99_ms / 1000)
