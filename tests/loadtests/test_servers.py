"""`python -m loadtests.servers` on the local endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadtests.servers import measure_servers as module

from vecgate.errors import UsageError
from vecgate.reporting.html.matrix_sections import speed_rows
from vecgate.results.benchmark_records import Benchmark
from vecgate.results.result_stream import read_stream
from vecgate.targets.resolution import open_target
from vecgate.targets.target import TargetChoice


def test_a_server_is_measured_from_its_start_to_its_queries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that cannot be started is named, and makes the run incomplete. Queries are of vectors that are stored."""

    def open_known(choice: TargetChoice, environment: dict[str, str]) -> object:
        if choice.name == "absent":
            raise UsageError("absent is not installed")
        return open_target(choice, environment)

    monkeypatch.setattr(module, "open_target", open_known)
    problems = module.measure_servers(
        ["local", "absent"],
        [500, 1_000],
        dimension=8,
        queries=3,
        starts=1,
        stage_s=60.0,
        results=tmp_path / "servers.jsonl",
    )
    assert problems == {"absent": "absent is not installed"}
    stream = read_stream(tmp_path / "servers.jsonl")
    found = {each.group: each for each in stream.of(Benchmark)}
    assert {group: each.rounds for group, each in found.items()} == {
        "put into 1,000 × 8": 1,
        "put into 500 × 8": 1,
        "query 1,000 × 8": 3,
        "query 500 × 8": 3,
        "start": 1,
    }
    assert found["put into 500 × 8"].memory_mb > 10
    assert stream.footer is not None
    assert not stream.footer.is_complete
    rows = speed_rows(["local"], [stream])
    assert len(rows) == 9
    assert all(cell.text != "–" for row in rows for cell in row.cells)
