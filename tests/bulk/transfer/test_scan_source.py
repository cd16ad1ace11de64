"""A copy that was interrupted anywhere, any number of times, ends with the vectors of its source."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from paged_index import PagedIndex

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.core.run_state import BulkOutcome
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.transfer.metadata_change import MetadataChange
from vecgate.bulk.transfer.scan_source import PageJournal, ScanSource
from vecgate.bulk.transfer.segment_journal import SegmentJournal
from vecgate.bulk.writer import BulkWriter
from vecgate.errors import ProtocolError, ServiceError
from vecgate.testing.scripted_service import modelled_error

CONFIG = BulkConfig(
    batch_vectors=2,
    in_flight=2,
    vectors_per_s=1e9,
    requests_per_s=1e9,
    retry=RetryPolicy(attempts_max=1, base_s=0),
    retry_for_s=0,
)
CHANGE = MetadataChange({"tenant": "a"}, ("number",))


class FailsAt:
    """Refuses the request of this number, counted over the given operations."""

    def __init__(self, number: int | None, *operations: str) -> None:
        self.left, self.operations = number, operations

    def __call__(self, operation: str, members: dict[str, Any]) -> None:
        del members
        if self.left is None or operation not in self.operations:
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            raise modelled_error("AccessDeniedException", operation=operation)


def copy(
    source: PagedIndex,
    destination: PagedIndex,
    path: Path,
    *,
    segments: int = 2,
    change: MetadataChange | None = None,
    only_changed: bool = False,
    in_flight: int = 2,
) -> tuple[BulkOutcome, dict[str, int]]:
    """Run a copy to its end or its first failure. Return its outcome and the counts of its journal."""
    folder = path.parent
    with closing(SegmentJournal(path, {"index": "films"}, segments=segments)) as journal:
        pages = PageJournal(journal)
        reader = BulkReader(source, bucket="media", index="films", retry=CONFIG.retry)
        vectors = ScanSource(
            "media/films",
            reader,
            segments=journal.segments,
            dimension=2,
            change=change,
            only_changed=only_changed,
            tokens=journal.tokens,
            journal=pages,
        )
        config = replace(CONFIG, in_flight=in_flight)
        writer = BulkWriter(destination, bucket="media", index="films", config=config)
        outcome = writer.put(vectors, rejects=folder / "rejects", run_journal=pages)
        pages.flush()
        counts = {name: getattr(journal, name) for name in ("records", "written", "rejected")}
        journal.is_finished = outcome.is_complete
    return outcome, counts


def is_changed(index: PagedIndex) -> bool:
    """Return whether every vector has the metadata of CHANGE."""
    return all(metadata == {"tenant": "a"} for _, metadata in index.stored.values())


@given(
    keys=st.integers(0, 40),
    page=st.integers(1, 7),
    segments=st.integers(1, 3),
    failures=st.lists(st.tuples(st.booleans(), st.integers(0, 12), st.booleans()), max_size=4),
)
@example(keys=20, page=3, segments=2, failures=[(True, 1, True), (False, 0, False)])
def test_an_interrupted_copy_is_complete_when_it_says_so(
    keys: int, page: int, segments: int, failures: list[tuple[bool, int, bool]]
) -> None:
    """Reads or writes fail, and tokens of an earlier run may be refused."""
    source = PagedIndex([f"k{number}" for number in range(keys)], page=page)
    destination = PagedIndex()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        for reads_fail, number, refuses_tokens in [*failures, (False, None, False)]:
            source._before = FailsAt(number if reads_fail else None, "ListVectors")
            destination._before = FailsAt(None if reads_fail else number, "PutVectors")
            source.refuses_tokens = refuses_tokens
            outcome, counts = copy(source, destination, path, segments=segments)
            if outcome.is_complete:
                assert destination.stored == source.stored
                assert counts == {"records": keys, "written": keys, "rejected": 0}
                assert not path.exists()
            else:
                assert isinstance(outcome.stopped_by, ServiceError)
        assert outcome.is_complete


def test_a_resumed_copy_reads_and_writes_only_what_is_left(tmp_path: Path) -> None:
    """A page that was written is not read again."""
    source = PagedIndex([f"k{number}" for number in range(12)], page=2)
    destination = PagedIndex(before=FailsAt(3, "PutVectors"))
    outcome, _ = copy(source, destination, tmp_path / "journal", segments=1, in_flight=1)
    assert not outcome.is_complete
    assert len(destination.stored) == 6
    source.requests.clear()
    destination.requests.clear()
    outcome, counts = copy(source, destination, tmp_path / "journal", segments=1)
    assert outcome.is_complete
    assert len(source.requests) == 3
    assert sum(len(members["vectors"]) for name, members in destination.requests if name == "PutVectors") == 6
    assert counts["records"] == 12


def test_a_change_in_place_writes_only_what_differs(tmp_path: Path) -> None:
    """Pages without anything to write count too, so a repeated change sends nothing."""
    index = PagedIndex([f"k{number}" for number in range(10)], page=3)
    index.stored["k3"] = ([3.0, 1.0], {"tenant": "a"})
    for expected in (9, 0):
        index.requests.clear()
        outcome, counts = copy(index, index, tmp_path / "journal", change=CHANGE, only_changed=True)
        assert outcome.is_complete
        assert counts == {"records": 10, "written": expected, "rejected": 0}
        assert ("PutVectors" in {name for name, _ in index.requests}) is bool(expected)
        assert is_changed(index)


def test_a_copy_may_change_metadata_on_the_way(tmp_path: Path) -> None:
    """Then every vector is written, changed or not."""
    source, destination = PagedIndex([f"k{number}" for number in range(5)]), PagedIndex()
    source.stored["k3"] = ([3.0, 1.0], {"tenant": "a"})
    outcome, counts = copy(source, destination, tmp_path / "journal", change=CHANGE)
    assert (outcome.is_complete, counts["written"]) == (True, 5)
    assert is_changed(destination)
    assert {k: v for k, (v, _) in destination.stored.items()} == {k: v for k, (v, _) in source.stored.items()}


def test_rejected_vectors_are_counted_over_all_runs(tmp_path: Path) -> None:
    """A later run that writes the rest must not pass."""
    source = PagedIndex([f"k{number}" for number in range(8)], page=2)
    first = next(iter(BulkReader(source, bucket="media", index="films").scan(1))).keys[0]
    source.stored[first] = ([0.0, 1.0], {"long": "x" * 3_000})
    destination = PagedIndex(before=FailsAt(2, "PutVectors"))
    outcome, counts = copy(source, destination, tmp_path / "journal", segments=1, in_flight=1)
    assert not outcome.is_complete
    assert counts["rejected"] == 1
    outcome, counts = copy(source, destination, tmp_path / "journal", segments=1)
    assert (outcome.is_complete, outcome.rejected) == (True, 0)
    assert counts == {"records": 8, "written": 8, "rejected": 1}
    assert set(source.stored) - set(destination.stored) == {first}


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_a_scan_yields_blocks_of_the_size_that_is_requested(rows: int) -> None:
    """Positions ascend from the first one, over all pages."""
    source = PagedIndex([f"k{number}" for number in range(7)], page=3)
    reader = BulkReader(source, bucket="media", index="films")
    vectors = ScanSource("media/films", reader, segments=1, dimension=2)
    blocks = list(vectors.blocks(rows=rows, first=10))
    assert max(map(len, blocks)) <= rows
    assert [int(each) for block in blocks for each in block.positions] == list(range(10, 17))
    assert {key for block in blocks for key in block.keys} == set(source.stored)
    assert vectors.describe() == "all vectors of media/films"
    assert (
        list(
            ScanSource(
                "e", BulkReader(PagedIndex(), bucket="media", index="films"), segments=2, dimension=2
            ).blocks()
        )
        == []
    )


def test_pages_continue_with_their_tokens() -> None:
    """A segment whose token is empty has ended, and one whose token is refused begins again, which is said."""
    source = PagedIndex([f"k{number}" for number in range(9)], page=2)
    reader = BulkReader(source, bucket="media", index="films")
    pages = list(reader.scan_pages(1))
    assert [page.is_restart for page in pages] == [False] * len(pages)
    rest = list(reader.scan_pages(1, tokens={0: pages[1].token}))
    assert [page.vectors.keys for page in rest] == [page.vectors.keys for page in pages[2:]]
    assert list(reader.scan_pages(1, tokens={0: ""})) == []
    source.refuses_tokens = True
    again = list(reader.scan_pages(1, tokens={0: pages[1].token}))
    assert [page.is_restart for page in again] == [True, *[False] * (len(pages) - 1)]
    assert [page.vectors.keys for page in again] == [page.vectors.keys for page in pages]


def test_a_server_that_ignores_segments_is_found_out() -> None:
    """It would return every vector once for each segment."""

    def ignore_segments(_: str, members: dict[str, Any]) -> None:
        members.update(segmentCount=1, segmentIndex=0)

    reader = BulkReader(
        PagedIndex(["a", "b", "c"], page=1, before=ignore_segments), bucket="media", index="films"
    )
    with pytest.raises(ProtocolError, match="the server ignores segments"):
        list(reader.scan(4))
    assert sorted(key for page in reader.scan(1) for key in page.keys) == ["a", "b", "c"]


def test_another_error_than_a_refused_token_ends_the_scan() -> None:
    """It would be wrong to begin again."""
    source = PagedIndex(["a", "b"], page=1, before=FailsAt(0, "ListVectors"))
    reader = BulkReader(source, bucket="media", index="films", retry=CONFIG.retry)
    with pytest.raises(ServiceError, match="AccessDenied"):
        list(reader.scan_pages(1, tokens={0: "0000000001"}))
