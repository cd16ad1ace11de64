"""The optional result stream of an experiment."""

from __future__ import annotations

from pathlib import Path

from load_builders import plan
from result_builders import header

from vecgate.load.experiments.experiment_stream import ExperimentStream
from vecgate.results.result_stream import read_stream


def test_an_experiment_writes_header_records_and_footer(tmp_path: Path) -> None:
    """With the requests and the resources that remain."""
    path, head = tmp_path / "out" / "run.jsonl", header(kind="capacity")
    with ExperimentStream(path, head) as stream:
        stream.write(plan())
        stream.write_footer(is_complete=False, orphaned=["bucket vg-1: no"], requests={"PutVectors": 3})
    found = read_stream(path)
    assert (found.header, found.records) == (head, (plan(),))
    assert found.footer is not None
    assert found.footer.duration_s >= 0
    assert (found.footer.is_complete, found.footer.orphaned) == (False, ("bucket vg-1: no",))
    assert found.footer.requests == {"PutVectors": 3}


def test_an_experiment_without_a_path_writes_nothing(tmp_path: Path) -> None:
    """The user does not want to keep the stream."""
    with ExperimentStream(None, header()) as stream:
        stream.write(plan())
        stream.write_footer(is_complete=True, orphaned=())
    assert list(tmp_path.iterdir()) == []
