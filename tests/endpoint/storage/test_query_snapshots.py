from __future__ import annotations

import pytest

from vecgate.endpoint.requests.messages import ApiError
from vecgate.endpoint.storage.query_snapshots import Hits, Snapshot, Snapshots


def snapshot(created_s: float, query: bytes = b"q") -> Snapshot:
    return Snapshot(query, created_s, Hits(["a"], [0.0], [None], [{}]))


def test_the_number_of_snapshots_is_limited() -> None:
    """The oldest is dropped first."""
    snapshots = Snapshots(count_max=3)
    scopes = [snapshots.add(snapshot(float(n)), serial=n) for n in range(5)]
    assert len(snapshots) == 3
    for scope in scopes[:2]:
        with pytest.raises(ApiError, match="Invalid page token"):
            snapshots.find(scope, query=b"q", now=5.0)
    assert [snapshots.find(scope, query=b"q", now=5.0).created_s for scope in scopes[2:]] == [2.0, 3.0, 4.0]


def test_the_age_of_snapshots_is_limited() -> None:
    """Expired ones are dropped."""
    snapshots = Snapshots(age_s_max=10)
    scope = snapshots.add(snapshot(0.0), serial=1)
    assert snapshots.find(scope, query=b"q", now=10.0).created_s == 0.0
    with pytest.raises(ApiError):
        snapshots.find(scope, query=b"q", now=10.5)
    snapshots.add(snapshot(20.0), serial=2)
    assert len(snapshots) == 1


def test_a_snapshot_belongs_to_one_query() -> None:
    """Another query cannot read it."""
    snapshots = Snapshots()
    scope = snapshots.add(snapshot(0.0), serial=1)
    with pytest.raises(ApiError):
        snapshots.find(scope, query=b"other", now=0.0)


def test_equal_queries_have_different_scopes() -> None:
    """Even at the same time."""
    snapshots = Snapshots()
    assert snapshots.add(snapshot(0.0), serial=1) != snapshots.add(snapshot(0.0), serial=2)
