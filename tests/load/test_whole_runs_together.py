"""Whole runs beside, before and after one another: what belongs to which, and when each is over."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from whole_runs import (
    WITHIN_S,
    inject,
    is_accounted_for,
    load_test,
    seconds_in,
    started,
    unused_port,
    wait_until,
)

from vecgate.endpoint.local import LocalEndpoint
from vecgate.gate.load import judge_load
from vecgate.load.lab.conductor import READY_WITHIN_S
from vecgate.load.runner import Test as LoadTest
from vecgate.load.runner import run_scenario
from vecgate.results.load import Event, Second, WorkerTotals
from vecgate.results.records import Record
from vecgate.results.stream import read_stream
from vecgate.results.summary import summary_of

STRANGER = "the master has workers of its own, and takes no others"


@pytest.mark.parametrize("processes", [0, 2])
def test_what_is_never_answered_is_an_error_and_the_run_waits_no_longer_than_it_says(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path, processes: int
) -> None:
    """A target that hangs does not pass: what it was sent is an error that took until the end."""
    ends = '"errors < 1%"'
    test = load_test(
        endpoint, scenario(seconds=4, thresholds=ends, in_flight=400), tmp_path, processes=processes
    )

    def at_the_second_second(record: Record) -> None:
        if isinstance(record, Second) and record.at_s == 1:
            hang = {"kind": "stall", "rate": 1.0, "seconds": 12, "operations": ["PutVectors"]}
            inject(endpoint, {"fault": [hang]})

    stream = run_scenario(test, at_the_second_second)
    summary = summary_of(stream)
    assert is_accounted_for(stream)
    counts = summary.operations["PutVectors"]
    assert set(counts.errors) == {"Unanswered"}
    assert counts.ok + counts.errors["Unanswered"] == summary.started
    # Five seconds are waited after the four of the schedule.
    assert counts.response.max_ms >= 5_000
    assert len(stream.of(Second)) <= 9
    assert judge_load(stream).grade == "failed"


def test_two_runs_on_one_machine_know_nothing_of_each_other(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """Each has its own port and its own workers; a worker from elsewhere is told, and does nothing."""
    tests = [
        LoadTest(path, load_test(endpoint, path, tmp_path).choice, tmp_path / name, processes=2)
        for path, name in [(scenario(seconds=8), "a.jsonl"), (scenario(seconds=8), "b.jsonl")]
    ]
    command = [word for word in tests[0].command() if word != "--vecgate-parent=yes"]
    port = next(word for word in command if word.startswith("--master-port="))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as first, started(endpoint, tests[1]) as second:
        wait_until(lambda: seconds_in(tests[0].results) >= 1, first)
        stranger = subprocess.run(
            LoadTest.program(["--worker", port]),
            check=False,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )
        assert (first.wait(WITHIN_S), second.wait(WITHIN_S)) == (0, 0)
    assert stranger.returncode == 4
    assert f"error: {STRANGER}" in stranger.stderr
    for test in tests:
        stream = read_stream(test.results)
        assert is_accounted_for(stream)
        assert len(stream.of(WorkerTotals)) == 2
        assert not [event for event in stream.of(Event) if event.kind.startswith("worker")]


def test_a_worker_that_dies_before_the_schedule_begins_holds_up_nobody(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """The others do its part."""
    test = load_test(endpoint, scenario(seconds=4), tmp_path, processes=2)
    with started(endpoint, test) as process:
        wait_until(test.results.exists, process)
        psutil.Process(process.pid).children()[0].kill()
        process.wait(WITHIN_S)
    stream = read_stream(test.results)
    assert is_accounted_for(stream, unheard=100)
    assert [event.kind for event in stream.of(Event)].count("worker-lost") == 1
    assert stream.footer is not None
    assert stream.footer.duration_s < READY_WITHIN_S


def test_nobody_waits_for_ever_for_a_worker_that_dies_at_once(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """Either it was not there yet, and the run cannot begin, or the others do its part."""
    test = load_test(endpoint, scenario(seconds=4), tmp_path, processes=2)
    with subprocess.Popen(test.command(), stderr=subprocess.PIPE, text=True) as process:
        parent = psutil.Process(process.pid)
        wait_until(lambda: len(parent.children()) == 2, process)
        parent.children()[0].kill()
        _, told = process.communicate(timeout=WITHIN_S)
    is_refused = "error: a worker has ended before the run began" in told and process.returncode == 4
    assert is_refused or "worker-lost" in test.results.read_text()


def listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def test_a_master_that_waits_for_workers_ends_when_it_is_told_to(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """There is nothing to bring to an end."""
    port = unused_port()
    words = ["--headless", "--master", "--expect-workers=1", f"--master-bind-port={port}"]
    with started(endpoint, load_test(endpoint, scenario(), tmp_path, words=words)) as process:
        wait_until(lambda: listens(port), process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) != 0


def test_a_master_that_waits_for_workers_ends_with_the_command_that_follows_it(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """Nobody would read what it finds."""
    port = unused_port()
    words = ["ramp", scenario(), "--target", endpoint.url, "--quiet", "--master", f"--master-port={port}"]
    with subprocess.Popen([sys.executable, "-m", "vecgate", *words]) as process:
        wait_until(lambda: listens(port), process)
        children = psutil.Process(process.pid).children()
        process.kill()
    _, left = psutil.wait_procs(children, timeout=WITHIN_S)
    assert left == []


def test_the_web_interface_can_run_one_test_after_the_other(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """Each with an id, a file and a bucket of its own; the first one's is not touched again."""
    port = unused_port()
    words = ["--web-host=127.0.0.1", f"--web-port={port}"]
    test = load_test(endpoint, scenario(seconds=3), tmp_path, words=words)
    results = [test.results, test.results.with_name("run-2.jsonl")]

    def is_begun(path: Path) -> bool:
        # Locust says that a test has started also where the one before has not quite ended.
        if not path.exists():
            url, told = f"http://127.0.0.1:{port}/swarm", b"user_count=1&spawn_rate=1"
            urllib.request.urlopen(url, data=told, timeout=WITHIN_S).close()
        return path.exists()

    with started(endpoint, test) as process:
        wait_until(lambda: listens(port), process)
        wait_until(lambda: is_begun(results[0]) and has_ended(results[0]), process)
        first = results[0].read_bytes()
        wait_until(lambda: is_begun(results[1]) and has_ended(results[1]), process)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0
    assert results[0].read_bytes() == first
    streams = [read_stream(path) for path in results]
    assert all(is_accounted_for(stream) and judge_load(stream).grade == "passed" for stream in streams)
    assert streams[0].header.run != streams[1].header.run


def has_ended(path: Path) -> bool:
    return b'"record":"footer"' in path.read_bytes()
