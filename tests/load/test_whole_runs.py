"""Whole runs, Locust and all, against an endpoint of their own: what the load lab promises about them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from vecgate.endpoint.local import LocalEndpoint
from vecgate.gate.load import judge_load
from vecgate.load.runner import Test as LoadTest
from vecgate.load.runner import run_scenario
from vecgate.results.histograms import Histogram, merged
from vecgate.results.load import Event, Plan, Second, WorkerTotals
from vecgate.results.records import Record, Stream
from vecgate.results.stream import read_stream
from vecgate.results.summary import summary_of
from vecgate.targets.leftovers import records_folder
from vecgate.targets.target import TargetChoice

WITHIN_S = 40.0
PUT = "PutVectors"
ADMIN = "/_vecgate/injection"


def load_test(endpoint: LocalEndpoint, scenario: str, folder: Path, **given: object) -> LoadTest:
    return LoadTest(scenario, TargetChoice(endpoint.url), folder / "run.jsonl", **given)  # type: ignore[arg-type]


def inject(endpoint: LocalEndpoint, plan: dict[str, object]) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own endpoint
        f"{endpoint.url}{ADMIN}", data=json.dumps(plan).encode(), method="PUT"
    )
    urllib.request.urlopen(request).close()  # noqa: S310


def started(endpoint: LocalEndpoint, test: LoadTest) -> subprocess.Popen[bytes]:
    """The run as a process of its own, which is not followed."""
    command = [word for word in test.command() if word != "--vecgate-parent=yes"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)


def wait_until(holds: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def seconds_in(path: Path) -> int:
    return path.read_bytes().count(b'"record":"second"') if path.exists() else 0


def is_accounted_for(stream: Stream) -> bool:
    """Every scheduled request was started, dropped or lost, and every one that was started ended."""
    summary, plan = summary_of(stream), stream.first(Plan)
    assert plan is not None
    return summary.started + summary.dropped + summary.lost == plan.scheduled == summary.due


def response(stream: Stream) -> Histogram:
    """Every response time of the run."""
    return merged(
        counts.response.histogram
        for second in stream.of(Second)
        for counts in second.operations.values()
        if counts.response.count
    )


def test_a_stall_shows_in_the_latencies_and_the_offered_load_does_not_sag(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """Latency counts from the intended departure; the schedule does not wait for answers."""
    rate, stall_s = 100, 2.0
    test = load_test(endpoint, scenario(rate=rate, seconds=8, in_flight=400), tmp_path)

    def at_the_third_second(record: Record) -> None:
        if isinstance(record, Second) and record.at_s == 2:  # the third second is over
            stall = {"kind": "stall", "rate": 1.0, "seconds": stall_s, "first": 1, "operations": [PUT]}
            inject(endpoint, {"fault": [stall]})

    stream = run_scenario(test, at_the_third_second)
    summary = summary_of(stream)
    assert is_accounted_for(stream)
    assert not summary.dropped
    # Each second of the schedule was offered in that second, also while nothing answered.
    assert [second.due for second in stream.of(Second)][:8] == [rate] * 8
    assert abs(sum(second.started for second in stream.of(Second)[2:5]) - 3 * rate) <= rate / 10
    # Requests are due evenly: those due in the first 1.5 s of the stall take 0.5 s or more, and some of those
    # behind them do while the endpoint works off what has piled up.
    times = response(stream)
    slow = times.count - times.at_most(0.5)
    assert rate * (stall_s - 0.52) <= slow <= rate * (stall_s - 0.5 + 0.4)
    assert 1_900 <= times.percentile_ms(99) <= 2_100


def test_workers_share_the_schedule_and_add_up_exactly(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """With --processes 2 what is offered is the schedule, and the histograms are the sum of the parts."""
    stream = run_scenario(load_test(endpoint, scenario(rate=150, seconds=5), tmp_path, processes=2))
    totals = stream.of(WorkerTotals)
    assert is_accounted_for(stream)
    assert {worker.worker for worker in totals} == {"worker-1", "worker-2"}
    assert [worker.started for worker in totals] == [375, 375]
    assert abs(sum(second.started for second in stream.of(Second)[:5]) - 750) <= 7
    parts = merged(counts.response.histogram for worker in totals for counts in worker.operations.values())
    assert parts.encode() == response(stream).encode()


def test_a_worker_that_is_killed_is_replaced_by_the_others(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """The total rate is back once the loss is noticed, and what was due in between is counted as lost."""
    rate = 100
    test = load_test(endpoint, scenario(rate=rate, seconds=14), tmp_path, processes=2)
    with started(endpoint, test) as process:
        wait_until(lambda: seconds_in(test.results) >= 3)
        psutil.Process(process.pid).children()[0].kill()
        process.wait(WITHIN_S)
    stream = read_stream(test.results)
    assert is_accounted_for(stream)
    events = [event.kind for event in stream.of(Event)]
    assert events.count("worker-lost") == 1
    assert 0 < summary_of(stream).lost < 8 * rate / 2
    last = stream.of(Second)[-4:]
    assert [second.lost for second in last] == [0] * 4
    assert abs(sum(second.started for second in last) - 4 * rate) <= rate / 10
    assert {second.workers for second in last} == {1}


def test_a_worker_that_joins_takes_its_part(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path, unused_port: int
) -> None:
    """A master on loopback deals the schedule out anew; nothing is done twice and nothing is left out."""
    test = load_test(
        endpoint,
        scenario(rate=100, seconds=12),
        tmp_path,
        words=["--headless", "--master", "--expect-workers=1", f"--master-bind-port={unused_port}"],
    )
    worker = LoadTest.program(["--worker", f"--master-port={unused_port}"])
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with started(endpoint, test) as master, subprocess.Popen(worker, **quiet) as first:  # type: ignore[call-overload]
        wait_until(lambda: seconds_in(test.results) >= 2)
        with subprocess.Popen(worker, **quiet) as second:  # type: ignore[call-overload]
            for process in (master, first, second):
                process.wait(WITHIN_S)
    stream = read_stream(test.results)
    assert is_accounted_for(stream)
    assert not summary_of(stream).lost
    assert [event.kind for event in stream.of(Event)].count("worker-joined") == 1
    assert {each.workers for each in stream.of(Second)[-3:]} == {2}
    assert [each.due for each in stream.of(Second)][:12] == [100] * 12


def test_a_threshold_that_fails_can_end_the_run(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """`abort_on_fail` ends a run after its grace period, and the verdict says which threshold did."""
    inject(endpoint, {"fault": [{"kind": "internal-error", "rate": 0.5, "operations": [PUT]}]})
    ends = '{ threshold = "errors < 5%", abort_on_fail = true, grace = "2s" }'
    stream = run_scenario(load_test(endpoint, scenario(seconds=30, thresholds=ends), tmp_path))
    assert len(stream.of(Second)) < 10
    assert stream.footer is not None
    verdict = judge_load(stream)
    assert verdict.grade == "failed"
    assert "errors < 5%" in str(verdict.checks)
    assert not buckets_left(endpoint)


def test_a_run_stops_at_its_price(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """`max_usd` ends a run before it costs more."""
    stream = run_scenario(load_test(endpoint, scenario(seconds=30), tmp_path, max_usd=0.005))
    assert 0 < summary_of(stream).usd <= 0.005
    assert len(stream.of(Second)) < 10


def test_ctrl_c_leaves_a_stream_that_can_be_read_and_no_bucket(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """What is known when a run is interrupted is kept; what it made is removed."""
    test = load_test(endpoint, scenario(seconds=60), tmp_path)
    with started(endpoint, test) as process:
        wait_until(lambda: seconds_in(test.results) >= 2)
        process.send_signal(signal.SIGINT)
        process.wait(WITHIN_S)
    stream = read_stream(test.results)
    assert len(stream.of(Second)) >= 2
    assert stream.footer is not None
    assert not stream.footer.is_complete
    assert judge_load(stream).grade == "unjudged"
    assert not buckets_left(endpoint)


def test_after_kill_9_clean_finds_the_bucket_and_the_stream_can_be_read(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """A bucket is written down before it is made."""
    test = load_test(endpoint, scenario(seconds=60), tmp_path)
    with started(endpoint, test) as process:
        wait_until(lambda: seconds_in(test.results) >= 2)
        process.kill()
        process.wait(WITHIN_S)
    assert buckets_left(endpoint) == 1
    assert len(read_stream(test.results).of(Second)) >= 2
    clean = [sys.executable, "-m", "vecgate", "clean", "--target", endpoint.url, "--yes"]
    subprocess.run(clean, check=True, capture_output=True)
    assert buckets_left(endpoint) == 0
    assert not list(records_folder().glob("*"))


def test_a_run_ends_with_the_command_that_follows_it(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """When `vecgate ramp` is killed its child stops, and removes what it made."""
    test = load_test(endpoint, scenario(seconds=60), tmp_path)
    words = ["ramp", test.scenario, "--target", endpoint.url, "-o", str(test.results), "--quiet"]
    with subprocess.Popen([sys.executable, "-m", "vecgate", *words]) as process:
        wait_until(lambda: seconds_in(test.results) >= 2)
        child = psutil.Process(process.pid).children()[0]
        process.kill()
    psutil.wait_procs([child], timeout=WITHIN_S)
    assert not child.is_running()
    assert not buckets_left(endpoint)


def buckets_left(endpoint: LocalEndpoint) -> int:
    """How many buckets the endpoint has."""
    command = [sys.executable, "-m", "vecgate", "clean", "--target", endpoint.url, "--json"]
    told = subprocess.run(command, check=True, capture_output=True, env={**os.environ}).stdout
    return len(json.loads(told)["buckets"])


@pytest.fixture
def unused_port() -> int:
    """A port that nothing listens on."""
    import socket  # noqa: PLC0415 - for this alone

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_ctrl_c_on_the_command_reports_what_is_known(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """`vecgate ramp` ends with 130, having shown the figures and removed the bucket."""
    results = tmp_path / "run.jsonl"
    words = ["ramp", scenario(seconds=60), "--target", endpoint.url, "-o", str(results), "--json"]
    command = [sys.executable, "-m", "vecgate", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: seconds_in(results) >= 2)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130
    assert json.loads(told)["ok"] >= 50
    assert not buckets_left(endpoint)
