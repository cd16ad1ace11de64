from __future__ import annotations

import pytest

from vecgate.endpoint.answers import Refused
from vecgate.endpoint.snapshots import Hits, Snapshot, Snapshots


def snapshot(taken_s: float, query: bytes = b"q") -> Snapshot:
    return Snapshot(query, taken_s, Hits(["a"], [0.0], [None], [{}]))


def test_snapshots_are_bounded_in_number() -> None:
    """The oldest goes first."""
    kept = Snapshots(count_max=3)
    marks = [kept.keep(snapshot(float(n)), serial=n) for n in range(5)]
    assert len(kept) == 3
    for mark in marks[:2]:
        with pytest.raises(Refused, match="Invalid page token"):
            kept.find(mark, query=b"q", now=5.0)
    assert [kept.find(mark, query=b"q", now=5.0).taken_s for mark in marks[2:]] == [2.0, 3.0, 4.0]


def test_snapshots_are_bounded_in_age() -> None:
    """What is too old to be asked for is not kept either."""
    kept = Snapshots(age_s_max=10)
    mark = kept.keep(snapshot(0.0), serial=1)
    assert kept.find(mark, query=b"q", now=10.0).taken_s == 0.0
    with pytest.raises(Refused):
        kept.find(mark, query=b"q", now=10.5)
    kept.keep(snapshot(20.0), serial=2)
    assert len(kept) == 1


def test_a_mark_belongs_to_one_query() -> None:
    """Another query cannot read it."""
    kept = Snapshots()
    mark = kept.keep(snapshot(0.0), serial=1)
    with pytest.raises(Refused):
        kept.find(mark, query=b"other", now=0.0)


def test_equal_queries_have_marks_of_their_own() -> None:
    """Even in the same moment."""
    kept = Snapshots()
    assert kept.keep(snapshot(0.0), serial=1) != kept.keep(snapshot(0.0), serial=2)
