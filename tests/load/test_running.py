"""What a master writes of its run while it goes on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from runs import header

from vecgate.load.lab.running import Running
from vecgate.results.load import Event
from vecgate.results.stream import StreamWriter, read_stream


@pytest.mark.parametrize("at_s", [None, -0.2, 0.0])
def test_what_happens_before_the_schedule_happens_at_its_beginning(
    tmp_path: Path, at_s: float | None
) -> None:
    """Workers are told to begin in a moment; a run may be interrupted before that has come."""
    path = tmp_path / "run.jsonl"
    unused: dict[str, Any] = dict.fromkeys(
        ("settings", "scenario", "plan", "target", "place", "ledger", "gate")
    )
    with StreamWriter(path) as writer:
        writer.write(header(kind="load"))
        running = Running(**unused, writer=writer, begun_s=time.monotonic() + 60)
        running.event("aborted", "interrupted", at_s=at_s)
    (event,) = read_stream(path).of(Event)
    assert str(event.at_s) == "0.0"
