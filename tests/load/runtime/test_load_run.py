"""The records that the master writes during a run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from result_builders import header

from vecgate.load.runtime.load_run import LoadRun
from vecgate.results.load.load_records import Event
from vecgate.results.result_stream import StreamWriter, read_stream


@pytest.mark.parametrize("at_s", [None, -0.2, 0.0])
def test_an_event_before_the_schedule_is_recorded_at_its_beginning(
    tmp_path: Path, at_s: float | None
) -> None:
    """The schedule starts shortly after the workers are ready; a run may be interrupted before that."""
    path = tmp_path / "run.jsonl"
    unused: dict[str, Any] = dict.fromkeys(
        ("settings", "scenario", "plan", "target", "index", "ledger", "gate")
    )
    with StreamWriter(path) as writer:
        writer.write(header(kind="load"))
        run = LoadRun(**unused, writer=writer, start_s=time.monotonic() + 60)
        run.record_event("aborted", "interrupted", at_s=at_s)
    (event,) = read_stream(path).of(Event)
    assert str(event.at_s) == "0.0"
