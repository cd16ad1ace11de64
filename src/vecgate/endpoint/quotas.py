"""How much an index takes: token buckets, with the time as an argument.

Over any window of t seconds a lane lets through at most `per_s` * t + `burst`. A request passes all of its
lanes or none: what is refused costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec

from vecgate.endpoint.settings import complete, read_toml, typed
from vecgate.s3vectors.limits import VECTORS_PER_PUT_MAX, WRITE_REQUESTS_PER_S, WRITE_VECTORS_PER_S

WRITES = frozenset({"PutVectors", "DeleteVectors"})
READS = frozenset({"GetVectors", "ListVectors", "QueryVectors"})
#: Lanes of idle indexes are forgotten once there are this many: a full lane is a new lane.
LANES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Rate:
    """What a lane allows: *per_s* for ever, and *burst* at once."""

    per_s: float
    burst: float


@dataclass(frozen=True, slots=True)
class Quotas:
    """The lanes of every index; None where there is no limit.

    write_requests  PutVectors and DeleteVectors
    write_vectors   the vectors put and deleted by them
    read_requests   GetVectors, ListVectors, QueryVectors
    """

    write_requests: Rate | None = None
    write_vectors: Rate | None = None
    read_requests: Rate | None = None


PRESETS: Mapping[str, Quotas | None] = {
    "off": None,
    # What the guide says, with one second's worth at once: it speaks of rates "per second".
    "documented": Quotas(
        Rate(WRITE_REQUESTS_PER_S, WRITE_REQUESTS_PER_S), Rate(WRITE_VECTORS_PER_S, WRITE_VECTORS_PER_S)
    ),
    # Writers were seen (2026-09) to draw no 429 at 6,026 vectors/s, 12 at 9,702 and 120 at 18,078. If their
    # runs were equally long and their batches full, a bucket that refills at 6,026/s fits: 3,676 T - B =
    # 12 x 500 and 12,052 T - B = 120 x 500 give T = 6.4 s and B = 17,700. Rounded; requests inferred.
    "observed": Quotas(Rate(WRITE_REQUESTS_PER_S, 3 * WRITE_REQUESTS_PER_S), Rate(6_000, 18_000)),
}


@dataclass(frozen=True, slots=True)
class Lane:
    """How full a bucket was when it was last looked at."""

    tokens: float
    at_s: float

    def after(self, units: float, rate: Rate, *, now: float) -> Lane | None:
        """The lane once *units* have passed at *now*; None where it has not got them."""
        tokens = min(rate.burst, self.tokens + max(0.0, now - self.at_s) * rate.per_s) - units
        return Lane(tokens, max(now, self.at_s)) if tokens >= 0 else None

    def is_full(self, rate: Rate, *, now: float) -> bool:
        """Whether it has refilled by *now*."""
        return self.tokens + (now - self.at_s) * rate.per_s >= rate.burst


@dataclass(slots=True)
class QuotaLedger:
    """What each index has left of its *quotas*."""

    quotas: Quotas
    _lanes: dict[tuple[str, str], Lane] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._lanes)

    def refused_by(self, index: str, operation: str, vectors: int, *, now: float) -> str:
        """The lane of *index* that refuses a request now, empty where none does and it has been counted.

        *vectors* is how many it writes, *now* seconds of any clock.
        """
        passed: dict[tuple[str, str], Lane] = {}
        for name, rate, units in self._charges(operation, vectors):
            lane = self._lanes.get((index, name)) or Lane(rate.burst, now)
            after = lane.after(units, rate, now=now)
            if after is None:
                return name
            passed[index, name] = after
        self._lanes.update(passed)
        if len(self._lanes) > LANES_MAX:
            self._forget_idle(now)
        return ""

    def _charges(self, operation: str, vectors: int) -> list[tuple[str, Rate, int]]:
        charges = []
        if operation in WRITES:
            charges = [
                ("write_requests", self.quotas.write_requests, 1),
                ("write_vectors", self.quotas.write_vectors, vectors),
            ]
        elif operation in READS:
            charges = [("read_requests", self.quotas.read_requests, 1)]
        return [(name, rate, units) for name, rate, units in charges if rate is not None]

    def _forget_idle(self, now: float) -> None:
        rates = {name: rate for name in Quotas.__slots__ if (rate := getattr(self.quotas, name))}
        self._lanes = {
            (index, name): lane
            for (index, name), lane in self._lanes.items()
            if not lane.is_full(rates[name], now=now)
        }


Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]


class _RateEntry(msgspec.Struct, forbid_unknown_fields=True):
    per_s: Positive
    burst: Positive


def read_quotas(path: Path) -> Quotas:
    """The quotas of a TOML file. Raises ConfigError with all that is wrong with it."""
    problems: list[str] = []
    content, known = read_toml(path), Quotas.__slots__
    problems += [
        f"unknown lane [{name}]; there are {', '.join(known)}" for name in content.keys() - set(known)
    ]
    rates = {name: _rate(name, content[name], problems) for name in known if name in content}
    return complete(str(path), Quotas(**rates), problems)


def _rate(name: str, raw: object, problems: list[str]) -> Rate | None:
    entry = typed(_RateEntry, raw, name, problems)
    if entry is None:
        return None
    least = VECTORS_PER_PUT_MAX if name == "write_vectors" else 1
    if entry.burst < least:
        problems.append(f"{name}: burst is {entry.burst:g}, less than one request may need: {least}")
    return Rate(entry.per_s, entry.burst)
