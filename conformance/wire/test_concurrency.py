"""Reads and queries while vectors are overwritten: whole records, and no internal errors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeIndex

DIMENSION, KEYS, READS_MAX = 64, [f"k{number}" for number in range(12)], 60
#: Each writer overwrites every key this often. Readers stop with the last of them.
WRITES, WRITERS, READERS = 15, 2, 3


def write(index: IndexHandle, version: int) -> None:
    """Overwrite every key. All values of a vector and its metadata are the number of the version."""
    index.put(*((key, [float(version)] * DIMENSION, {"v": version}) for key in KEYS))


def write_all(index: IndexHandle, versions: Iterable[int]) -> None:
    """Write *versions* one after the other."""
    for version in versions:
        write(index, version)


def read_while_writing(index: IndexHandle, read: Callable[[], Any]) -> list[Any]:
    """Return what *read* returned while the keys were overwritten."""
    write(index, 1)
    done = threading.Event()

    def read_on() -> list[Any]:
        found = [read()]
        while not done.is_set() and len(found) < READS_MAX:
            found.append(read())
        return found

    with ThreadPoolExecutor(WRITERS + READERS) as pool:
        readers = [pool.submit(read_on) for _ in range(READERS)]
        versions = (range(2 + writer, 2 + WRITERS * WRITES, WRITERS) for writer in range(WRITERS))
        try:
            writers = [pool.submit(write_all, index, own) for own in versions]
            for each in writers:
                each.result()
        finally:
            done.set()
        return [found for reader in readers for found in reader.result()]


def is_whole(entry: dict[str, Any]) -> bool:
    """Return whether values and metadata of *entry* are from one write."""
    values, version = entry["data"]["float32"], entry["metadata"].get("v")
    return len(values) == DIMENSION and set(values) == {version}


@pytest.mark.parametrize("operation", ["GetVectors", "ListVectors"])
@requirement("wire.whole-records", kind="guard", evidence="inferred", source=sources.PRACTICES, slow=True)
def test_a_read_during_an_overwrite_is_whole(make_index: MakeIndex, operation: str) -> None:
    """A vector that is read while it is overwritten has the values and the metadata of one write."""
    index = make_index(dimension=DIMENSION, metric="euclidean")
    found = read_while_writing(
        index,
        lambda: (
            index.get(*KEYS)
            if operation == "GetVectors"
            else {each["key"]: each for each in index.scan(returnData=True, returnMetadata=True)}
        ),
    )
    torn = [entry for entries in found for entry in entries.values() if not is_whole(entry)]
    assert not torn, f"{len(torn)} records are of two writes, such as {torn[0]!r:.300}"
    assert {len(entries) for entries in found} == {len(KEYS)}, "a stored key was missing"


@requirement(
    "wire.queries-during-writes",
    kind="effect",
    evidence="inferred",
    source=sources.PRACTICES,
    needs="query",
    slow=True,
)
def test_a_query_during_writes_is_answered(make_index: MakeIndex) -> None:
    """A query during overwrites is answered without an error, and finds every stored key once."""
    index = make_index(dimension=DIMENSION, metric="euclidean")
    found = read_while_writing(
        index, lambda: [each["key"] for each in index.query([0.0] * DIMENSION, 50, distance=False)]
    )
    wrong = [keys for keys in found if sorted(keys) != sorted(KEYS)]
    assert not wrong, f"{len(wrong)} of {len(found)} queries found other keys, such as {wrong[0]}"
