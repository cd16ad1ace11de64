from __future__ import annotations

import pytest
from result_builders import footer, header, result, run

from vecgate.results.records import ConformanceRun, Stream


@pytest.fixture
def mixed() -> ConformanceRun:
    """A run with every outcome, a stale deviation and an orphaned resource."""
    return run(
        result("put-vectors.a", claim="A < B", request_id="id-1", duration_s=0.25, worker="gw0"),
        result(
            "put-vectors.b[x|y]", "failed", reason="assert 1 == 2", detail="request  {'a': 1}\n```\nE  no"
        ),
        result("get-index.c", "deviation", level="should", reason="Answers 404. (https://b.example/)"),
        result("get-index.d", "unexpected-pass", level="may", reason="passed, but a deviation is listed: x"),
        result("query-vectors.e", "unsupported", reason="query: QueryVectors not implemented"),
        result("filters.f", "skipped", level="should", reason="no time"),
        head=header(
            target="http://h:1",
            unsupported={"query": "QueryVectors not implemented"},
            versions={"vecgate": "0.1"},
        ),
        foot=footer(
            stale_deviations=("stale.x: no requirement has this id",), orphaned=("bucket vg-1: <stuck>",)
        ),
    )


@pytest.fixture
def mixed_stream(mixed: ConformanceRun) -> Stream:
    """The same run as a stream."""
    return Stream(mixed.header, mixed.results, mixed.footer)
