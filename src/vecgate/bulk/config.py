"""The settings of the batch client."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isfinite

from vecgate.bulk.core.argument_types import described, is_integer, is_number, shown
from vecgate.bulk.core.reject_limit import RejectLimit
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.errors import ConfigError
from vecgate.s3vectors.limits import (
    PAYLOAD_BYTES_MAX,
    VECTORS_PER_PUT_MAX,
    WRITE_REQUESTS_PER_S,
    WRITE_VECTORS_PER_S,
)

#: A read is sent again until its deadline, this often at most, with this time between two attempts.
READ_ATTEMPTS_MAX, READ_WAIT_MAX_S = 1_000_000, 5.0


@dataclass(frozen=True, slots=True)
class BulkConfig:
    """Settings of the batch client.

    batch_vectors      vectors per request, or keys per request of a delete
    payload_bytes_max  bytes per request; larger batches are split
    in_flight          requests in flight at most
    vectors_per_s      never exceeded over any window; lowered while the service throttles
    requests_per_s     likewise; 10 means at least 100 ms between requests
    progress_every     vectors between two `Progress` events
    retry              limits on the attempts of one request
    retry_for_s        seconds for which a run waits for a target of which no request succeeds; then it stops
    rejects_max        rejected records at which a run stops

    Raises ConfigError, which names every setting that is out of range.
    """

    batch_vectors: int = VECTORS_PER_PUT_MAX
    payload_bytes_max: int = PAYLOAD_BYTES_MAX
    in_flight: int = 5
    vectors_per_s: float = WRITE_VECTORS_PER_S
    requests_per_s: float = WRITE_REQUESTS_PER_S
    progress_every: int = 1_000
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    retry_for_s: float = 600.0
    rejects_max: RejectLimit = field(default_factory=RejectLimit)

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise ConfigError("; ".join(problems))

    @property
    def read_retry(self) -> RetryPolicy:
        """The policy of reads that wait for an unavailable target for `retry_for_s`."""
        if not self.retry_for_s:
            return self.retry
        return replace(
            self.retry, attempts_max=READ_ATTEMPTS_MAX, cap_s=READ_WAIT_MAX_S, deadline_s=self.retry_for_s
        )

    def _problems(self) -> list[str]:
        kinds = {"retry": RetryPolicy, "rejects_max": RejectLimit}
        wrong = [
            f"{name} must be a {kind.__name__}, but is {described(value)}"
            for name, kind in kinds.items()
            if not isinstance(value := getattr(self, name), kind)
        ]
        return wrong or self._numbers_out_of_range()

    def _numbers_out_of_range(self) -> list[str]:
        integers = {"batch_vectors", "payload_bytes_max", "in_flight", "progress_every", "retry.attempts_max"}
        bounds: list[tuple[str, float, float, float]] = [
            ("batch_vectors", self.batch_vectors, 1, VECTORS_PER_PUT_MAX),
            ("payload_bytes_max", self.payload_bytes_max, 1, PAYLOAD_BYTES_MAX),
            ("in_flight", self.in_flight, 1, 256),
            ("progress_every", self.progress_every, 1, 10**9),
            ("retry_for_s", self.retry_for_s, 0, 86_400),
            ("retry.attempts_max", self.retry.attempts_max, 1, 1_000),
            ("retry.base_s", self.retry.base_s, 0, 3_600),
            ("retry.cap_s", self.retry.cap_s, 0, 3_600),
            ("retry.deadline_s", self.retry.deadline_s, 0, 86_400),
            ("retry.retry_after_max_s", self.retry.retry_after_max_s, 0, 86_400),
        ]
        out_of_range = [
            f"{name} is {shown(value)}, allowed is {low:,} to {high:,}"
            for name, value, low, high in bounds
            if not (is_integer(value) if name in integers else is_number(value)) or not low <= value <= high
        ]
        rates = {"vectors_per_s": self.vectors_per_s, "requests_per_s": self.requests_per_s}
        return out_of_range + [
            f"{name} is {value if is_number(value) else repr(value)}, allowed is a number above 0"
            for name, value in rates.items()
            if not (is_number(value) and value > 0 and isfinite(value))
        ]


#: Named settings. `steady` is for an index that others use too: small batches, 100 ms apart, 1,000 vectors/s.
PRESETS = {
    "full": BulkConfig(),
    "steady": BulkConfig(
        batch_vectors=100,
        in_flight=5,
        vectors_per_s=1_000,
        requests_per_s=10,
        progress_every=1_000,
        retry=RetryPolicy(attempts_max=3),
    ),
    "stream": BulkConfig(batch_vectors=1, in_flight=8, vectors_per_s=1_000),
}
