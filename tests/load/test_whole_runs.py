"""Whole runs, Locust and all, against an endpoint of their own: what the load lab promises about them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from whole_runs import (
    WITHIN_S,
    buckets_left,
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
from vecgate.load.price import priced
from vecgate.load.runner import Test as LoadTest
from vecgate.load.runner import run_scenario
from vecgate.load.scenario import load_scenario
from vecgate.results.histograms import Histogram, merged
from vecgate.results.load import Event, Second, WorkerTotals
from vecgate.results.records import Record, Stream
from vecgate.results.stream import read_stream
from vecgate.results.summary import summary_of
from vecgate.targets.leftovers import records_folder

PUT = "PutVectors"


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
    # Requests are due evenly: those due in the first 1.5 s of the stall take 0.5 s or more.
    times = response(stream)
    slow = times.count - times.at_most(0.5)
    assert rate * (stall_s - 0.52) <= slow
    assert times.percentile_ms(99) >= 1_900


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
    test = load_test(endpoint, scenario(rate=rate, seconds=16), tmp_path, processes=2)
    with started(endpoint, test) as process:
        wait_until(lambda: seconds_in(test.results) >= 3, process)
        psutil.Process(process.pid).children()[0].kill()
        process.wait(WITHIN_S)
    stream = read_stream(test.results)
    # What was under way on the worker that was killed was heard of no more.
    assert is_accounted_for(stream, unheard=rate // 2)
    (lost,) = [event.text for event in stream.of(Event) if event.kind == "worker-lost"]
    assert lost.endswith("has ended; its part goes to others")
    # The second that it had begun, and the one until its part is the other's. By its silence it would be
    # found out after 3.5 seconds at the earliest, and 4.5 would be lost.
    assert 0 < summary_of(stream).lost < 4 * rate / 2
    last = stream.of(Second)[-4:]
    assert [second.lost for second in last] == [0] * 4
    assert abs(sum(second.started for second in last) - 4 * rate) <= rate / 10
    assert {second.workers for second in last} == {1}


def test_workers_end_with_their_master(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """Nobody counts what they would send after that."""
    test = load_test(endpoint, scenario(seconds=120), tmp_path, processes=2)
    with started(endpoint, test) as process:
        wait_until(lambda: seconds_in(test.results) >= 2, process)
        workers = psutil.Process(process.pid).children()
        process.kill()
    assert len(workers) == 2
    _, left = psutil.wait_procs(workers, timeout=WITHIN_S)
    assert left == []


def test_a_disk_that_is_full_ends_the_run_and_nothing_else(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """The file is named, it is no wrong usage, what was made is removed, and what is on disk can be read."""
    results = tmp_path / "run.jsonl"
    words = ["ramp", scenario(seconds=60), "--target", endpoint.url, "-o", str(results), "--quiet"]
    done = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -f 16; exec "$@"', "-", sys.executable, "-m", "vecgate", *words],
        check=False, capture_output=True, text=True, timeout=2 * WITHIN_S,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (4, "")
    told, hint = done.stderr.splitlines()
    assert told == f"error: {results} cannot be written any further: File too large"
    assert "vecgate report" in hint
    assert read_stream(results).of(Second)
    assert not buckets_left(endpoint)


QUERIES = """
unit = "requests"
preload = 600
thresholds = ["recall@10 >= 0.9"]
operations = { QueryVectors = 1 }
query = { recall_sample = 20 }
vectors = { dimension = 8, pool = 50 }
stages = [{ kind = "constant", rate = 40, for = "2s" }]
"""


def test_answers_are_judged_and_the_price_is_that_of_all_that_is_done(
    endpoint: LocalEndpoint, tmp_path: Path
) -> None:
    """Recall of an index that holds each vector twelve times; the price is what was said before."""
    path = tmp_path / "queries.toml"
    path.write_text(QUERIES)
    stream = run_scenario(load_test(endpoint, str(path), tmp_path))
    summary = summary_of(stream)
    assert summary.recall is not None
    assert (summary.recall.queries, summary.recall.mean) == (20, 1.0)
    assert summary.usd == pytest.approx(priced(load_scenario(str(path))).usd)


def test_a_worker_that_joins_takes_its_part(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """A master on loopback deals the schedule out anew; nothing is done twice and nothing is left out."""
    port = unused_port()
    test = load_test(
        endpoint,
        scenario(rate=100, seconds=24),
        tmp_path,
        words=["--headless", "--master", "--expect-workers=1", f"--master-bind-port={port}"],
    )
    worker = LoadTest.program(["--worker", f"--master-port={port}"])
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with started(endpoint, test) as master, subprocess.Popen(worker, **quiet) as first:  # type: ignore[call-overload]
        wait_until(lambda: seconds_in(test.results) >= 2, master)
        with subprocess.Popen(worker, **quiet) as second:  # type: ignore[call-overload]
            wait_until(lambda: b'"worker-joined"' in test.results.read_bytes(), master)
            for process in (master, first, second):
                process.wait(WITHIN_S)
    stream = read_stream(test.results)
    assert is_accounted_for(stream)
    assert not summary_of(stream).lost
    assert [event.kind for event in stream.of(Event)].count("worker-joined") == 1
    assert {each.workers for each in stream.of(Second)[-3:]} == {2}
    assert [each.due for each in stream.of(Second)][:24] == [100] * 24


def test_a_threshold_that_fails_can_end_the_run(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """`abort_on_fail` ends a run after its grace period, and the verdict says which threshold did."""
    inject(endpoint, {"fault": [{"kind": "internal-error", "rate": 0.5, "operations": [PUT]}]})
    ends = '{ threshold = "errors < 5%", abort_on_fail = true, grace = "2s" }'
    stream = run_scenario(load_test(endpoint, scenario(seconds=30, thresholds=ends), tmp_path))
    assert len(stream.of(Second)) < 25
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
    assert len(stream.of(Second)) < 25


def test_ctrl_c_leaves_a_stream_that_can_be_read_and_no_bucket(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """What is known when a run is interrupted is kept; what it made is removed."""
    test = load_test(endpoint, scenario(seconds=60), tmp_path)
    with started(endpoint, test) as process:
        wait_until(lambda: seconds_in(test.results) >= 2, process)
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
        wait_until(lambda: seconds_in(test.results) >= 2, process)
        process.kill()
        process.wait(WITHIN_S)
    assert buckets_left(endpoint) == 1
    assert len(read_stream(test.results).of(Second)) >= 2
    clean = [sys.executable, "-m", "vecgate", "clean", "--target", endpoint.url, "--yes"]
    subprocess.run([*clean, "--older-than", "0h"], check=True, capture_output=True)
    assert buckets_left(endpoint) == 0
    assert not list(records_folder().glob("*"))


def test_a_run_ends_with_the_command_that_follows_it(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """When `vecgate ramp` is killed its child stops, and removes what it made."""
    test = load_test(endpoint, scenario(seconds=60), tmp_path)
    words = ["ramp", test.scenario, "--target", endpoint.url, "-o", str(test.results), "--quiet"]
    with subprocess.Popen([sys.executable, "-m", "vecgate", *words]) as process:
        wait_until(lambda: seconds_in(test.results) >= 2, process)
        child = psutil.Process(process.pid).children()[0]
        process.kill()
    psutil.wait_procs([child], timeout=WITHIN_S)
    assert not child.is_running()
    assert not buckets_left(endpoint)


def test_ctrl_c_on_the_command_reports_what_is_known(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """`vecgate ramp` ends with 130, having shown the figures and removed the bucket."""
    results = tmp_path / "run.jsonl"
    words = ["ramp", scenario(seconds=60), "--target", endpoint.url, "-o", str(results), "--json"]
    command = [sys.executable, "-m", "vecgate", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: seconds_in(results) >= 2, process)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130
    assert json.loads(told)["ok"] >= 50
    assert not buckets_left(endpoint)
