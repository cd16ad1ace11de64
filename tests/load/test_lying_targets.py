"""Whole runs against servers that acknowledge what they do not do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from lying_server import Lie, OnSome, Reply, answer, lying_server

from vecgate.endpoint.local import LocalEndpoint
from vecgate.gate.load_verdict import STORED, judge_load
from vecgate.load.load_runner import LoadTest, run_scenario
from vecgate.results.load.failure_samples import FailureSample
from vecgate.results.load.load_records import ReadBack
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import Stream
from vecgate.targets.target import TargetChoice


def run(endpoint: LocalEndpoint, lie: Lie, path: str, folder: Path, *, processes: int = 0) -> Stream:
    with lying_server(endpoint.url, lie) as url:
        return run_scenario(LoadTest(path, TargetChoice(url), folder / "run.jsonl", processes=processes))


@pytest.mark.parametrize("processes", [0, pytest.param(2, marks=pytest.mark.nightly)])
def test_a_target_that_stores_nothing_fails(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path, processes: int
) -> None:
    """Every request was acknowledged in time, so only the look-up at the end can tell."""
    stores_nothing = OnSome("PutVectors", lie=answer(Reply()))
    path = scenario(seconds=1, thresholds='"errors < 1%"')
    stream = run(endpoint, stores_nothing, path, tmp_path, processes=processes)
    (found,) = stream.of(ReadBack)
    assert (found.acknowledged, found.looked_up, found.missing) == (100, 100, 100)
    assert judge_load(stream).grade == "failed"
    assert stream.footer is not None
    assert stream.footer.requests["GetVectors"] == found.requests


@pytest.mark.nightly
def test_reads_that_find_nothing_and_deletes_that_are_not_done_fail(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """The read fails at once; the delete when the vectors are looked up."""

    def lie(operation: str, body: object, forward: Callable[[object], Reply]) -> Reply:
        if operation == "DeleteVectors":
            return Reply()
        reply = forward(body)
        return replace(reply, body={**reply.body, "vectors": []}) if operation == "QueryVectors" else reply

    path = Path(scenario(seconds=1, rate=40))
    mix = "operations = {PutVectors = 0.5, DeleteVectors = 0.25, QueryVectors = 0.25}"
    path.write_text(path.read_text().replace("[vectors]", f"preload = 20\n{mix}\n[vectors]"))
    stream = run(endpoint, lie, str(path), tmp_path)
    queries = summarize(stream).operations["QueryVectors"]
    assert (queries.ok, set(queries.errors)) == (0, {"Protocol"})
    assert any("0 vectors, and at least 10 match" in each.message for each in _samples(stream))
    (found,) = stream.of(ReadBack)
    assert found.remaining == found.deleted_looked_up > 0
    assert (found.missing, found.different) == (0, 0)
    assert STORED in {check.name for check in judge_load(stream).decisive}


def _samples(stream: Stream) -> list[FailureSample]:
    return [sample for cause in summarize(stream).failures for sample in cause.samples]
