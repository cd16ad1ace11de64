"""Reads answers in any of the forms that servers use, so that one deviation of form is one failure.

A form is the spelling of a float32, an absent `metadata` instead of `{}`, the root of a euclidean distance
instead of its square, or a timestamp in milliseconds. The few requirements about a form read the answer
itself, with `call` or below boto3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.utils import parse_timestamp

from vecgate.gate.requirement_rules import BLOCKED_BY
from vecgate.resources.cleanup import parse_times_with
from vecgate.resources.handles import Answer, BucketHandle, IndexHandle, MakeIndex

#: A number above this is not a time in seconds: it would be in the year 5138.
SECONDS_MAX = 1e11
#: Of the operations that change nothing.
READ_PREFIXES = ("Get", "List", "Query")


class TolerantIndex(IndexHandle):
    """A handle whose `get`, `scan` and `query` answer in Amazon's form. `call` returns answers unchanged.

    is_rooted  tells whether the target returns the root of euclidean distances; asked only if it matters
    is_shared  other tests read the index, too, so none may write to it
    """

    def __init__(self, index: IndexHandle, metric: str, is_rooted: Callable[[], bool]) -> None:
        super().__init__(index._client, index.bucket, index.name, index.arn, index.dimension)  # noqa: SLF001 - its base
        self._metric, self._is_rooted = metric, is_rooted
        self.is_shared = False

    def call(self, operation: str, **members: Any) -> Answer:  # noqa: ANN401 - members of a request
        """Call *operation* on this index."""
        if self.is_shared and not operation.startswith(READ_PREFIXES):
            raise TypeError(f"{operation} changes an index that other tests read: use `make_index`")
        return super().call(operation, **members)

    def get(self, *keys: str, data: bool = True, metadata: bool = True) -> dict[str, Answer]:
        """Return the stored vectors of *keys* by key."""
        found = super().get(*keys, data=data, metadata=metadata)
        return {key: normalized(entry, metadata=metadata) for key, entry in found.items()}

    def scan(self, **members: Any) -> list[Answer]:  # noqa: ANN401 - members of a request
        """Return the vectors of all pages."""
        wants_metadata = members.get("returnMetadata") is True
        return [normalized(entry, metadata=wants_metadata) for entry in super().scan(**members)]

    def query(
        self,
        values: Sequence[float] | None = None,
        top_k: int = 10,
        *,
        distance: bool = True,
        metadata: bool = False,
        **members: Any,  # noqa: ANN401 - members of a request
    ) -> list[Answer]:
        """Return the results of all pages, nearest first."""
        entries = super().query(values, top_k, distance=distance, metadata=metadata, **members)
        found = [normalized(entry, metadata=metadata) for entry in entries]
        return self._squared(found) if distance and self._metric == "euclidean" else found

    def _squared(self, entries: list[Answer]) -> list[Answer]:
        if not any(_is_number(each.get("distance")) for each in entries) or not self._is_rooted():
            return entries
        return [
            {**each, "distance": each["distance"] ** 2} if "distance" in each else each for each in entries
        ]


class TolerantBucket(BucketHandle):
    """A handle to a bucket whose ARN the target may not tell, which one requirement is about."""

    @property
    def known_arn(self) -> str:
        """The ARN, empty if the target tells none."""
        return self._arn

    @property
    def arn(self) -> str:
        """The ARN. Without one, the running test is skipped: it would send an empty ARN."""
        if not self._arn:
            pytest.skip(f"{BLOCKED_BY}get-vector-bucket.name-and-arn: the target tells no ARN of a bucket")
        return self._arn

    @arn.setter
    def arn(self, arn: str) -> None:
        self._arn = arn


class DistanceForm:
    """Measures once whether a target returns the root of euclidean distances. Amazon returns the square."""

    def __init__(self, make_index: MakeIndex, remove: Callable[[IndexHandle], None]) -> None:
        self._make_index, self._remove = make_index, remove
        self._is_rooted: bool | None = None

    def is_rooted(self) -> bool:
        """Return whether two vectors that are 3 apart have the distance 3 instead of 9."""
        if self._is_rooted is None:
            self._is_rooted = self._measure()
        return self._is_rooted

    def _measure(self) -> bool:
        try:
            index = self._make_index(metric="euclidean", dimension=1)
            index.put(("a", [3.0]))
            found = IndexHandle.query(index, [0.0], 1)
            self._remove(index)
        except (BotoCoreError, ClientError, LookupError, TypeError, AssertionError):
            return False
        distance = found[0].get("distance") if found else None
        # Far from 9.
        return isinstance(distance, float | int) and abs(distance - 3) < 1e-3  # noqa: PLR2004 - see above


def normalized(entry: Answer, *, metadata: bool) -> Answer:
    """Return *entry* of a list of vectors with float32 values as doubles, and with requested *metadata*."""
    values = entry.get("data")
    if isinstance(values, dict) and isinstance(values.get("float32"), list):
        entry = {**entry, "data": {**values, "float32": list(map(as_float32, values["float32"]))}}
    return {**entry, "metadata": {}} if metadata and "metadata" not in entry else entry


def as_float32(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the double of the float32 that *value* spells. Anything else is returned unchanged."""
    if not _is_number(value):
        return value
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return value


def accept_any_timestamp(client: Any) -> None:  # noqa: ANN401 - boto3 makes its client classes at run time
    """Let *client* read a timestamp in milliseconds, and keep one that it cannot read, instead of raising."""
    parse_times_with(client, _parse_timestamp)


def _parse_timestamp(value: Any) -> datetime | Any:  # noqa: ANN401 - any JSON value
    try:
        return parse_timestamp(value / 1_000 if _is_number(value) and value > SECONDS_MAX else value)
    except (ValueError, TypeError, OverflowError, OSError, RuntimeError):
        return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
