"""Samples of failed requests: for each cause the first, the last and some between.

A cause is an operation, an error code and a message in which the numbers and ids that differ from request to
request are replaced by `#`. One code so shows all of its causes: a load balancer's page and a
truncated answer are both `Protocol`. Memory is bounded: the causes of a code, the samples of a cause and the
length of a message. The counts are exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter
from typing import NamedTuple

import msgspec

from vecgate.printable import printable_line
from vecgate.redaction import redact

#: Characters of a message that are kept.
MESSAGE_MAX = 300
#: Samples of a cause between the first and the last, and causes of one code. Further causes are counted
#: together under an empty message.
BETWEEN_MAX, CAUSES_MAX = 3, 16
REQUEST_ID_MAX = 128

#: A status, which says what went wrong; or what differs between requests with the same cause: ids, which are
#: long words with a digit, and numbers. A short word such as `float32` is neither.
_VARIABLE = re.compile(
    r"(?P<kept>\b(?:status|instead of) \d{3}\b)"
    r"|(?=[\w.+/=-]*\d)[\w.+/=-]{8,}"
    r"|(?<!\w)\d[\d.,:]*(?!\w)"
)


class FailureSample(msgspec.Struct, frozen=True, kw_only=True):
    """One request that failed.

    at_s         when it ended, in seconds since the schedule began
    message      one printable line
    request_id   of the answer; empty if it had none
    response_ms  time since it was due
    """

    at_s: float
    message: str
    request_id: str = ""
    response_ms: float = 0.0


class FailureCause(msgspec.Struct, frozen=True, kw_only=True, tag="failure", tag_field="record"):
    """All requests of one operation that failed with one code and for the same reason.

    code     as in the counts of the operation
    message  of the first one, with `#` in place of what differs between them; empty for all causes beyond
             the first CAUSES_MAX of this code
    count    number of these requests
    samples  the first, some between, and the last, in order of time
    """

    operation: str
    code: str
    message: str = ""
    count: int
    samples: tuple[FailureSample, ...] = ()


class _Key(NamedTuple):
    operation: str
    code: str
    message: str


@dataclass(slots=True)
class _Cause:
    """A cause while its requests are counted. *between* has the samples with the lowest ranks."""

    first: FailureSample
    last: FailureSample
    count: int = 0
    between: list[tuple[bytes, FailureSample]] = field(default_factory=list)

    def add(self, sample: FailureSample) -> None:
        candidate, order = sample, _order(sample)
        if order >= _order(self.last):
            candidate, self.last = self.last, sample
        elif order < _order(self.first):
            candidate, self.first = self.first, sample
        if candidate in {self.first, self.last}:
            return
        ranked = _rank(candidate), candidate
        if ranked not in self.between:
            self.between = sorted([*self.between, ranked], key=itemgetter(0))[:BETWEEN_MAX]

    def samples(self) -> tuple[FailureSample, ...]:
        between = (sample for _, sample in self.between)
        return tuple(sorted({self.first, *between, self.last}, key=_order))


class FailureSamples:
    """Collects failed requests, or the causes that several workers collected."""

    def __init__(self) -> None:
        self._causes: dict[_Key, _Cause] = {}
        self._number: dict[tuple[str, str], int] = {}

    def __bool__(self) -> bool:
        return bool(self._causes)

    def record(self, operation: str, code: str, sample: FailureSample) -> None:
        """Count a request that failed with *code*. The message of *sample* may be any text."""
        message = clean_message(sample.message)
        request_id = printable_line(redact(sample.request_id))[:REQUEST_ID_MAX]
        kept = msgspec.structs.replace(sample, message=message, request_id=request_id)
        self._add(_Key(operation, code, message_pattern(message)), [kept], 1)

    def add(self, causes: Iterable[FailureCause]) -> None:
        """Add the *causes* of another collector."""
        for cause in causes:
            if cause.samples:
                self._add(_Key(cause.operation, cause.code, cause.message), cause.samples, cause.count)

    def causes(self) -> tuple[FailureCause, ...]:
        """Return what was collected, the most frequent cause first."""
        found = [
            FailureCause(**key._asdict(), count=cause.count, samples=cause.samples())
            for key, cause in self._causes.items()
        ]
        return tuple(sorted(found, key=lambda each: (-each.count, each.operation, each.code, each.message)))

    def take(self) -> tuple[FailureCause, ...]:
        """Return what was collected, and start again."""
        causes = self.causes()
        self._causes, self._number = {}, {}
        return causes

    def _add(self, key: _Key, samples: Sequence[FailureSample], count: int) -> None:
        if key not in self._causes and key.message:
            number = self._number.get(key[:2], 0)
            if number == CAUSES_MAX:
                key = _Key(key.operation, key.code, "")
            else:
                self._number[key[:2]] = number + 1
        if key not in self._causes:
            self._causes[key] = _Cause(samples[0], samples[0])
        cause = self._causes[key]
        cause.count += count
        for sample in samples:
            cause.add(sample)


@lru_cache(maxsize=1024)
def clean_message(text: str) -> str:
    """Return *text* as one printable line without secrets, shortened to MESSAGE_MAX characters."""
    # Redacted before it is shortened: a part of a secret would not be recognised.
    line = printable_line(redact(text)).strip()
    return line if len(line) <= MESSAGE_MAX else f"{line[: MESSAGE_MAX - 1]}…"


@lru_cache(maxsize=1024)
def message_pattern(message: str) -> str:
    """Return *message* with `#` in place of what differs between requests; never empty."""
    return _VARIABLE.sub(lambda found: found["kept"] or "#", message) or "no message"


def _order(sample: FailureSample) -> tuple[float, str, str, float]:
    return sample.at_s, sample.request_id, sample.message, sample.response_ms


def _rank(sample: FailureSample) -> bytes:
    # A hash in place of a random number: the samples of merged collectors are those of one that saw all.
    return blake2b(repr(_order(sample)).encode("utf-8", "replace"), digest_size=8).digest()
