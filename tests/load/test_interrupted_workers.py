"""A worker that is interrupted says so in plain words, and the run that it leaves is not the target's fault."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from child_processes import WITHIN_S, child_process, wait_until
from whole_runs import count_seconds, load_test, start_run, unused_port

from vecgate.endpoint.local import LocalEndpoint
from vecgate.gate.load_verdict import judge_load, load_verdict_line
from vecgate.load.master_secret import SECRET_VARIABLE
from vecgate.results.load.load_records import Event, WorkerTotals
from vecgate.results.load.load_summary import summarize
from vecgate.results.result_stream import read_stream


def test_ctrl_c_on_a_worker_is_no_failure_of_the_target(
    endpoint: LocalEndpoint,
    scenario: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No traceback on the worker; the master names it, and what it missed is INCONCLUSIVE."""
    monkeypatch.setenv(SECRET_VARIABLE, "a secret of this test")
    port = unused_port()
    test = load_test(
        endpoint,
        scenario(rate=50, seconds=120),
        tmp_path,
        locust_arguments=["--headless", "--master", "--expect-workers=1", f"--master-bind-port={port}"],
    )
    words = ["ramp", "--worker", "--master-host", "127.0.0.1", "--master-port", str(port)]
    command = [sys.executable, "-m", "vecgate", *words]
    with (
        start_run(test) as master,
        child_process(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as worker,
    ):
        wait_until(lambda: count_seconds(test.results) >= 1, master)
        # As a terminal does: to the command and to the processes that it started.
        os.killpg(worker.pid, signal.SIGINT)
        output, _ = worker.communicate(timeout=WITHIN_S)
        master.wait(WITHIN_S)
    assert worker.returncode == 130
    assert b"Traceback" not in output
    assert b"KeyboardInterrupt" not in output
    stream = read_stream(test.results)
    assert stream.footer is not None
    assert stream.footer.is_complete
    (lost,) = stream.of(WorkerTotals)
    assert [(each.kind, each.text) for each in stream.of(Event) if each.kind != "stage"] == [
        ("worker-lost", "worker-1 has left; there is no other worker"),
        ("aborted", "worker-1 left, and there is no other worker"),
    ]
    line = load_verdict_line(judge_load(stream), summarize(stream))
    assert lost.lost_at_s is not None
    assert line.startswith("INCONCLUSIVE  the run was aborted after ")
    assert ": worker-1 left, and there is no other worker" in line
