"""Quotas of an index: token buckets, with the time as an argument.

Over any window of t seconds a quota allows at most `per_s` * t + `burst`. A request is charged to all of its
quotas or to none: a refused request costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec

from vecgate.s3vectors.limits import VECTORS_PER_PUT_MAX, WRITE_REQUESTS_PER_S, WRITE_VECTORS_PER_S
from vecgate.toml_schema import Problems, check_keys, parse_table, read_toml

WRITES = frozenset({"PutVectors", "DeleteVectors"})
READS = frozenset({"GetVectors", "ListVectors", "QueryVectors"})
LIMITED = WRITES | READS
#: With more buckets than this, full ones are dropped: a full bucket is the same as a new one.
BUCKETS_MAX = 4096


@dataclass(frozen=True, slots=True)
class Rate:
    """A quota: *per_s* sustained, and *burst* at once."""

    per_s: float
    burst: float


@dataclass(frozen=True, slots=True)
class Quotas:
    """The quotas of every index; None for no limit.

    write_requests  PutVectors and DeleteVectors requests
    write_vectors   the vectors that those put and delete
    read_requests   GetVectors, ListVectors and QueryVectors requests
    """

    write_requests: Rate | None = None
    write_vectors: Rate | None = None
    read_requests: Rate | None = None


PRESETS: Mapping[str, Quotas | None] = {
    "off": None,
    # The rates of the guide. The burst is one second's worth, because the guide speaks of rates "per second".
    "documented": Quotas(
        Rate(WRITE_REQUESTS_PER_S, WRITE_REQUESTS_PER_S), Rate(WRITE_VECTORS_PER_S, WRITE_VECTORS_PER_S)
    ),
    # Writers on AWS (observed 2026-09) got no 429 at 6,026 vectors/s, 12 at 9,702 and 120 at 18,078. If their
    # runs had the same length T and their batches were full, a bucket of size B that refills at 6,026/s fits:
    # 3,676 T - B = 12 x 500 and 12,052 T - B = 120 x 500 give T = 6.4 s and B = 17,700. Rounded. The limit of
    # requests is inferred.
    "observed": Quotas(Rate(WRITE_REQUESTS_PER_S, 3 * WRITE_REQUESTS_PER_S), Rate(6_000, 18_000)),
}


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """The tokens in a bucket at *at_s*."""

    tokens: float
    at_s: float

    def take(self, units: float, rate: Rate, *, now: float) -> TokenBucket | None:
        """Return the bucket after taking *units* at *now*, or None if it holds fewer."""
        tokens = min(rate.burst, self.tokens + max(0.0, now - self.at_s) * rate.per_s) - units
        return TokenBucket(tokens, max(now, self.at_s)) if tokens >= 0 else None

    def is_full(self, rate: Rate, *, now: float) -> bool:
        """Return whether the bucket has refilled by *now*."""
        return self.tokens + (now - self.at_s) * rate.per_s >= rate.burst


@dataclass(slots=True)
class QuotaLimiter:
    """Enforces *quotas* for each index."""

    quotas: Quotas
    _buckets: dict[tuple[str, str], TokenBucket] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._buckets)

    def charge(self, index: str, operation: str, vectors: int, *, now: float) -> str:
        """Charge a request to the quotas of *index*, or return the name of the quota that refuses it.

        Returns an empty string if the request is allowed. *vectors* is the number that it writes, *now* the
        seconds of any clock.
        """
        charged: dict[tuple[str, str], TokenBucket] = {}
        for name, rate, units in self._charges(operation, vectors):
            bucket = self._buckets.get((index, name)) or TokenBucket(rate.burst, now)
            remaining = bucket.take(units, rate, now=now)
            if remaining is None:
                return name
            charged[index, name] = remaining
        self._buckets.update(charged)
        if len(self._buckets) > BUCKETS_MAX:
            self._drop_full(now)
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

    def _drop_full(self, now: float) -> None:
        rates = {name: rate for name in Quotas.__slots__ if (rate := getattr(self.quotas, name))}
        self._buckets = {
            (index, name): bucket
            for (index, name), bucket in self._buckets.items()
            if not bucket.is_full(rates[name], now=now)
        }


Positive: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]


class _RateEntry(msgspec.Struct):
    per_s: Positive
    burst: Positive


def read_quotas(path: Path) -> Quotas:
    """Return the quotas of a TOML file. Raises ConfigError that lists every problem."""
    problems, content = Problems(), read_toml(path)
    check_keys(content, Quotas.__slots__, "", problems)
    rates = {name: _build_rate(name, content[name], problems) for name in Quotas.__slots__ if name in content}
    problems.raise_if_any(path, hint="docs/endpoint.md shows the format.")
    return Quotas(**rates)


def _build_rate(name: str, raw: object, problems: Problems) -> Rate | None:
    entry = parse_table(_RateEntry, raw, name, problems)
    if entry is None:
        return None
    least = VECTORS_PER_PUT_MAX if name == "write_vectors" else 1
    if entry.burst < least:
        allowed = f"at least {least}, which one request may need"
        problems.add(f"{name}.burst", f"is {entry.burst:g}, allowed is {allowed}")
    return Rate(entry.per_s, entry.burst)
