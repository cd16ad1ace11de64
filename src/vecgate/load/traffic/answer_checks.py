"""Checks of answers by their requests: a success that does not answer what was asked is an error.

They run for every answer while load is generated. An answer to a GetVectors is large, so its keys are found
as bytes; only one that is small or looks wrong is parsed. The other answers are small.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import orjson

from vecgate.errors import ProtocolError
from vecgate.formatting import format_count

#: Checks the body of a successful answer. Raises ProtocolError; or KeyError, TypeError, ValueError or
#: AttributeError for an answer of another form.
CheckAnswer: TypeAlias = Callable[[bytes], None]
#: Answers of fewer bytes are parsed.
PARSED_BELOW = 4096
_KEY = re.compile(rb'"key"\s*:\s*"(v\d+)"')


@dataclass(frozen=True, slots=True)
class GetAnswer:
    """Checks an answer to a GetVectors.

    keys        that the request asks for
    is_certain  all of them are stored
    """

    keys: frozenset[bytes]
    dimension: int
    is_certain: bool

    def __call__(self, answer: bytes) -> None:
        """Check *answer*."""
        found = _KEY.findall(answer)
        # Each value has a digit and a comma, or the bracket.
        has_data = answer.count(b'"float32"') == len(found) and len(answer) >= 2 * self.dimension * len(found)
        is_small = len(answer) < PARSED_BELOW
        if is_small or len(found) != len(self.keys) or self.keys != set(found) or not has_data:
            self._check_parsed(answer)

    def _check_parsed(self, answer: bytes) -> None:
        records = orjson.loads(answer)["vectors"]
        found = [record["key"].encode() for record in records]
        asked = format_count(len(self.keys), "key")
        if other := [key for key in found if key not in self.keys]:
            raise _wrong("GetVectors", f"{other[0].decode()} was not asked for")
        if len(set(found)) < len(found):
            raise _wrong("GetVectors", f"{len(found)} vectors for {asked}, some of them twice")
        if self.is_certain and len(found) < len(self.keys):
            raise _wrong("GetVectors", f"{len(found)} vectors for {asked} that are stored")
        for record in records:
            if "data" not in record:
                raise _wrong("GetVectors", f"{record['key']} has no data")
            if (size := len(record["data"]["float32"])) != self.dimension:
                raise _wrong("GetVectors", f"a vector of dimension {size}, in an index of {self.dimension}")


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """Checks an answer to a QueryVectors.

    metric  distance metric of the index
    least   vectors that any answer has, because so many are stored
    top_k   vectors that an answer may have
    """

    metric: str
    least: int
    top_k: int

    def __call__(self, answer: bytes) -> None:
        """Check *answer*."""
        members = orjson.loads(answer)
        hits, metric = members["vectors"], members.get("distanceMetric")
        if metric != self.metric:
            raise _wrong("QueryVectors", f"distanceMetric {metric!r}, in an index with {self.metric!r}")
        if len(hits) < self.least:
            raise _wrong("QueryVectors", f"{len(hits)} vectors, and at least {self.least} match")
        if len(hits) > self.top_k:
            raise _wrong("QueryVectors", f"{len(hits)} vectors for topK {self.top_k}")
        distances = [hit["distance"] for hit in hits]
        if any(first > second for first, second in pairwise(distances)):
            raise _wrong("QueryVectors", "vectors that are not in the order of their distances")
        if len({hit["key"] for hit in hits}) < len(hits):
            raise _wrong("QueryVectors", "the same vector twice")


@dataclass(frozen=True, slots=True)
class ListAnswer:
    """Checks an answer to a ListVectors for the first page, which has *least* to *most* vectors."""

    least: int
    most: int

    def __call__(self, answer: bytes) -> None:
        """Check *answer*."""
        keys = {record["key"] for record in orjson.loads(answer)["vectors"]}
        if len(keys) < self.least:
            raise _wrong("ListVectors", f"{len(keys)} vectors, in an index that is not empty")
        if len(keys) > self.most:
            raise _wrong("ListVectors", f"{len(keys)} vectors for maxResults {self.most}")


def _wrong(operation: str, found: str) -> ProtocolError:
    return ProtocolError(f"{operation} has a wrong answer: {found}")
