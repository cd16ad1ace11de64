"""Indexes that many tests read and none of them changes, so that one creation serves all of them.

Each has a bucket of its own. The requests that created it are added to the log of every test that uses it, so
that the program that repeats a failure, and recorded evidence, are as complete as with an index of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from vecgate.conformance_kit.requests.exchanges import Exchange, ExchangeLog
from vecgate.conformance_kit.requests.tolerant_reading import TolerantIndex
from vecgate.resources.handles import BucketHandle, IndexHandle, MakeIndex

#: Creates and fills an index with the function that it is given.
BuildIndex: TypeAlias = Callable[[MakeIndex], IndexHandle]
#: Returns the index that such a function builds.
ShareIndex: TypeAlias = Callable[[BuildIndex], IndexHandle]


@dataclass(frozen=True, slots=True)
class _SharedIndex:
    index: IndexHandle
    bucket: str
    exchanges: Sequence[Exchange]


class SharedIndexes:
    """Shared indexes by the function that builds them.

    make_bucket, remove_bucket  create and remove a bucket with everything in it
    keep                        called with the name of a bucket that must outlive the test
    """

    def __init__(
        self,
        log: ExchangeLog,
        *,
        make_index: MakeIndex,
        make_bucket: Callable[[], BucketHandle],
        remove_bucket: Callable[[str], None],
        keep: Callable[[str], None],
    ) -> None:
        self._log, self._make_index = log, make_index
        self._make_bucket, self._remove_bucket, self._keep = make_bucket, remove_bucket, keep
        self._found: dict[BuildIndex, _SharedIndex] = {}

    def get(self, build: BuildIndex) -> IndexHandle:
        """Return the index of *build*, which runs on first use. An index that cannot be built is not kept."""
        if known := self._found.get(build):
            self._log.replay(known.exchanges)
            return known.index
        before = set(map(id, self._log))
        bucket = self._make_bucket()
        try:
            index = build(partial(self._make_index, bucket))
        except BaseException:
            self._remove_bucket(bucket.name)
            raise
        self._keep(bucket.name)
        if isinstance(index, TolerantIndex):
            index.is_shared = True
        exchanges = [each for each in self._log if id(each) not in before]
        self._found[build] = _SharedIndex(index, bucket.name, exchanges)
        return index

    def discard(self, build: BuildIndex) -> None:
        """Remove the index of *build*: the next test that needs it gets a new one."""
        if known := self._found.pop(build, None):
            self._remove_bucket(known.bucket)
