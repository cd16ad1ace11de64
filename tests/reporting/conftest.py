from __future__ import annotations

import pytest
from runs import footer, header, result, run

from vecgate.results.records import Run


@pytest.fixture
def mixed() -> Run:
    """A run in which everything happens that can."""
    return run(
        result("put-vectors.a", claim="A < B", request_id="id-1", duration_s=0.25, worker="gw0"),
        result(
            "put-vectors.b[x|y]", "failed", reason="assert 1 == 2", detail="request  {'a': 1}\n```\nE  no"
        ),
        result("get-index.c", "deviation", level="should", reason="Answers 404. (https://b.example/)"),
        result("get-index.d", "outgrown", level="may", reason="passes, although it is listed: x"),
        result("query-vectors.e", "unsupported", reason="query: QueryVectors not implemented"),
        result("filters.f", "skipped", level="should", reason="no time"),
        head=header(
            target="http://h:1",
            lacking={"query": "QueryVectors not implemented"},
            versions={"vecgate": "0.1"},
        ),
        foot=footer(stale=("gone.x: no requirement has this id",), leaks=("bucket vg-1: <stuck>",)),
    )
