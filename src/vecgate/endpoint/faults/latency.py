"""Simulated response times: log-normal by operation. The same seed and request number give the same time.

A latency is given by its median and its 99th percentile, which is how people measure it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, TypeAlias

import msgspec

from vecgate.endpoint.faults.deterministic_random import uniform
from vecgate.s3vectors.model import service_model
from vecgate.toml_schema import Problems, check_keys, parse_table, read_toml

NORMAL = NormalDist()
P99 = NORMAL.inv_cdf(0.99)
#: The key for all operations that are not named.
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Latency:
    """A distribution: half of all requests take at most *p50_s*, 99 of 100 at most *p99_s*."""

    p50_s: float
    p99_s: float

    def at(self, quantile: float) -> float:
        """Return the latency in seconds at a quantile between 0 and 1, both exclusive."""
        return self.p50_s * math.exp(math.log(self.p99_s / self.p50_s) / P99 * NORMAL.inv_cdf(quantile))


@dataclass(frozen=True, slots=True)
class LatencyModel:
    """Latencies by operation, with `others` for the rest; *seed* makes a run repeatable."""

    latencies: Mapping[str, Latency] = field(default_factory=dict)
    seed: int = 0

    def latency_s(self, operation: str, number: int) -> float:
        """Return how long request *number* takes: 0 if neither its operation nor `others` is given."""
        latency = self.latencies.get(operation) or self.latencies.get(OTHERS)
        return latency.at(uniform(self.seed, "latency", operation, number)) if latency else 0.0


# The guide says "as low as 100 ms" for warm queries and "sub-second" for cold ones (read 2026-11-24).
# GetIndex was observed at 128 to 141 ms, network included. The rest is inferred.
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


class _LatencyEntry(msgspec.Struct):
    p50_ms: Milliseconds
    p99_ms: Milliseconds


def read_latencies(path: Path) -> LatencyModel:
    """Return the latencies of a TOML file. Raises ConfigError that lists every problem."""
    problems, content = Problems(), read_toml(path)
    seed = content.pop("seed", 0)
    if not isinstance(seed, int):
        problems.add_value("seed", seed, "a whole number")
    known = (*service_model().operation_names, OTHERS)
    check_keys(content, known, "", problems)
    latencies = {
        name: latency
        for name, raw in content.items()
        if name in known and (latency := _build_latency(name, raw, problems))
    }
    problems.raise_if_any(path, hint="docs/endpoint.md shows the format.")
    return LatencyModel(latencies, seed)


def _build_latency(name: str, raw: object, problems: Problems) -> Latency | None:
    entry = parse_table(_LatencyEntry, raw, name, problems)
    if entry is None:
        return None
    if entry.p99_ms < entry.p50_ms:
        problems.add(f"{name}.p99_ms", f"is {entry.p99_ms:g}, allowed is at least p50_ms, {entry.p50_ms:g}")
    return Latency(entry.p50_ms / 1000, entry.p99_ms / 1000)
