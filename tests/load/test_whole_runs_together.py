"""Whole runs next to, before and after one another: which requests belong to which, and when each one ends."""

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
from child_processes import WITHIN_S, child_process, wait_until
from whole_runs import (
    count_seconds,
    inject,
    is_accounted_for,
    is_consistent,
    is_starved,
    load_test,
    start_run,
    unused_port,
    web_token,
)

from vecgate.endpoint.local import LocalEndpoint
from vecgate.exit_codes import EXIT_CODE_OF_GRADE
from vecgate.gate.load_verdict import judge_load
from vecgate.load.load_runner import LoadTest, run_scenario
from vecgate.load.web.page_requests import TOKEN_HEADER
from vecgate.results.load.load_records import Event, Second, WorkerTotals
from vecgate.results.load.load_summary import summarize
from vecgate.results.result_stream import read_stream

REJECTED = "the master rejects this worker: it does not have the secret of the master"


@pytest.mark.parametrize("processes", [0, pytest.param(2, marks=pytest.mark.nightly)])
def test_a_request_that_is_never_answered_is_an_error_when_the_drain_deadline_has_passed(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path, processes: int
) -> None:
    """A target that hangs does not pass, and the run does not wait longer than the scenario says."""
    hang = {"kind": "stall", "rate": 1.0, "seconds": 20, "operations": ["PutVectors"]}
    inject(endpoint, {"fault": [hang]})
    path = scenario(seconds=3, thresholds='"errors < 1%"', in_flight=400)
    stream = run_scenario(load_test(endpoint, path, tmp_path, processes=processes))
    summary = summarize(stream)
    assert is_accounted_for(stream)
    counts = summary.operations["PutVectors"]
    assert (counts.ok, counts.errors) == (0, {"Unanswered": summary.started})
    # The schedule takes three seconds, and the drain deadline is five.
    assert counts.response.max_ms >= 5_000
    assert len(stream.of(Second)) <= 8
    assert judge_load(stream).grade != "passed"


# `runtime/test_worker_registry.py` and `runtime/test_worker.py` show both sides of a rejection in a moment.
@pytest.mark.nightly
def test_two_runs_on_one_machine_are_independent(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """Each has its own port and its own workers, and rejects a worker that it has not started."""
    path = scenario(seconds=120)
    choice = load_test(endpoint, path, tmp_path).choice
    tests = [LoadTest(path, choice, tmp_path / name, processes=2) for name in ("a.jsonl", "b.jsonl")]
    command = [word for word in tests[0].command() if word != "--vecgate-parent=yes"]
    port = next(word for word in command if word.startswith("--master-port="))
    with child_process(command, stdout=subprocess.DEVNULL) as first, start_run(tests[1]) as second:
        wait_until(lambda: count_seconds(tests[0].results) >= 1, first)
        unknown = subprocess.run(
            LoadTest.locust_command(["--worker", port]),
            check=False,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )
        wait_until(lambda: count_seconds(tests[1].results) >= 1, second)
        for process in (first, second):
            process.send_signal(signal.SIGINT)
        codes = first.wait(WITHIN_S), second.wait(WITHIN_S)
    assert unknown.returncode == 2
    assert f"error: {REJECTED}" in unknown.stderr
    for test, code in zip(tests, codes, strict=True):
        stream = read_stream(test.results)
        assert is_consistent(stream)
        assert code == EXIT_CODE_OF_GRADE[judge_load(stream).grade]
        if not is_starved(stream):
            assert len(stream.of(WorkerTotals)) == 2
            assert not [event for event in stream.of(Event) if event.kind.startswith("worker")]


def test_the_run_does_not_wait_for_a_worker_that_dies_before_the_schedule(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """The others take its part."""
    test = load_test(endpoint, scenario(seconds=4), tmp_path, processes=2)
    with start_run(test) as process:
        wait_until(test.results.exists, process)
        psutil.Process(process.pid).children()[0].kill()
        process.wait(WITHIN_S)
    stream = read_stream(test.results)
    assert is_accounted_for(stream)
    # Its end was noticed: no timeout had to pass.
    reasons = [event.text for event in stream.of(Event) if event.kind == "worker-lost"]
    assert any(reason.endswith("has ended; its part goes to others") for reason in reasons)


def test_no_run_waits_forever_for_a_worker_that_dies_at_once(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """If the worker was not registered yet, the run cannot begin; otherwise the others take its part."""
    test = load_test(endpoint, scenario(seconds=4), tmp_path, processes=2)
    with child_process(test.command(), stderr=subprocess.PIPE, text=True) as process:
        parent = psutil.Process(process.pid)
        wait_until(lambda: len(parent.children()) == 2, process)
        parent.children()[0].kill()
        _, output = process.communicate(timeout=WITHIN_S)
    has_failed = "error: a worker has ended before the run began" in output and process.returncode == 4
    assert has_failed or "worker-lost" in test.results.read_text()


def listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def test_sigterm_ends_a_master_that_waits_for_workers(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """No request is in flight yet."""
    port = unused_port()
    arguments = ["--headless", "--master", "--expect-workers=1", f"--master-bind-port={port}"]
    with start_run(load_test(endpoint, scenario(), tmp_path, locust_arguments=arguments)) as process:
        wait_until(lambda: listens(port), process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) != 0


def test_a_master_that_waits_for_workers_ends_with_the_command_that_started_it(
    endpoint: LocalEndpoint, scenario: Callable[..., str]
) -> None:
    """No command would report its result."""
    port = unused_port()
    words = ["ramp", scenario(), "--target", endpoint.url, "--quiet", "--master", f"--master-port={port}"]
    with child_process([sys.executable, "-m", "vecgate", *words]) as process:
        wait_until(lambda: listens(port), process)
        children = psutil.Process(process.pid).children()
        process.kill()
        _, alive = psutil.wait_procs(children, timeout=WITHIN_S)
        assert alive == []


def test_the_web_interface_can_start_one_run_after_the_other(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """Each with its own id, file and bucket; the stream of the first run does not change any more."""
    port = unused_port()
    arguments = ["--web-host=127.0.0.1", f"--web-port={port}"]
    test = load_test(endpoint, scenario(seconds=3), tmp_path, locust_arguments=arguments)
    results = [test.results, test.results.with_name("run-2.jsonl")]

    def has_begun(path: Path) -> bool:
        # Locust confirms a start even if the previous test has not quite ended, so ask until the file exists.
        if not path.exists():
            url, form = f"http://127.0.0.1:{port}", b"user_count=1&spawn_rate=1"
            start = urllib.request.Request(  # noqa: S310 - the test's own
                f"{url}/swarm", form, {TOKEN_HEADER: web_token(url)}
            )
            urllib.request.urlopen(start, timeout=WITHIN_S).close()  # noqa: S310
        return path.exists()

    with start_run(test) as process:
        wait_until(lambda: listens(port), process)
        wait_until(lambda: has_begun(results[0]) and has_ended(results[0]), process)
        first = results[0].read_bytes()
        wait_until(lambda: has_begun(results[1]) and has_ended(results[1]), process)
        os.kill(process.pid, signal.SIGTERM)
        last_code = process.wait(WITHIN_S)
    assert results[0].read_bytes() == first
    streams = [read_stream(path) for path in results]
    assert all(is_accounted_for(stream) for stream in streams)
    grades = [judge_load(stream).grade for stream in streams]
    assert set(grades) <= {"passed", "inconclusive"}
    assert last_code == EXIT_CODE_OF_GRADE[grades[1]]
    assert streams[0].header.run != streams[1].header.run


def has_ended(path: Path) -> bool:
    return b'"record":"footer"' in path.read_bytes()
