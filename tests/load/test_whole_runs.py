"""Whole runs with Locust against a local endpoint: the properties that a load test promises."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from child_processes import WITHIN_S, child_process, wait_until
from whole_runs import (
    count_buckets,
    count_seconds,
    inject,
    is_accounted_for,
    is_consistent,
    is_starved,
    load_test,
    start_run,
    unused_port,
)

from vecgate.endpoint.local import LocalEndpoint
from vecgate.gate.load_verdict import judge_load
from vecgate.load.load_runner import LoadTest, run_scenario
from vecgate.load.master_secret import SECRET_VARIABLE
from vecgate.load.scenario.scenario_file import load_scenario
from vecgate.load.scenario.scenario_price import estimate_price
from vecgate.resources.creation_log import creation_log_folder
from vecgate.results.histograms import Histogram, merge_histograms
from vecgate.results.load.load_records import Event, LoadPlan, Second, WorkerTotals
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import Record, Stream
from vecgate.results.result_stream import read_stream

PUT = "PutVectors"
SILENT = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def response_times(stream: Stream) -> Histogram:
    """Return all response times of the run."""
    return merge_histograms(
        counts.response.histogram
        for second in stream.of(Second)
        for counts in second.operations.values()
        if counts.response.count
    )


def has_stopped_early(stream: Stream) -> bool:
    """Return True if the run started only a part of its schedule."""
    plan = stream.first(LoadPlan)
    assert plan is not None
    return 0 < summarize(stream).started < plan.scheduled


def test_a_stall_shows_in_the_latencies_and_does_not_stop_the_load(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """Latency counts from the due time, and the schedule does not wait for answers."""
    rate, stall_s = 100, 2.0
    test = load_test(endpoint, scenario(rate=rate, seconds=8, in_flight=400), tmp_path)

    def stall_after_three_seconds(record: Record) -> None:
        if isinstance(record, Second) and record.at_s == 2:
            stall = {"kind": "stall", "rate": 1.0, "seconds": stall_s, "first": 1, "operations": [PUT]}
            inject(endpoint, {"fault": [stall]})

    stream = run_scenario(test, stall_after_three_seconds)
    assert is_accounted_for(stream)
    assert not summarize(stream).dropped
    # Each second has its requests, also while nothing is answered.
    assert [second.due for second in stream.of(Second)][:8] == [rate] * 8
    if is_starved(stream):
        return
    # More requests are in flight than one second has: they start although no answer comes.
    assert max(second.in_flight for second in stream.of(Second)) > rate
    # Requests are evenly spaced: those due in the first 1.5 s of the stall take 0.5 s or more.
    times = response_times(stream)
    slow = times.count - times.count_within(0.5)
    assert rate * (stall_s - 0.52) <= slow
    assert times.percentile_ms(99) >= 1_900


def test_workers_divide_the_schedule_and_their_totals_add_up_exactly(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """Two workers send half of the schedule each, and the histograms are the sum of the parts. Each request has
    a row in the CSV file.
    """
    path, rows = scenario(rate=150, seconds=5), tmp_path / "rows.csv"
    stream = run_scenario(load_test(endpoint, path, tmp_path, processes=2, csv=rows))
    totals = stream.of(WorkerTotals)
    assert is_accounted_for(stream)
    assert {worker.worker for worker in totals} == {"worker-1", "worker-2"}
    if not summarize(stream).lost:
        assert [worker.started for worker in totals] == [375, 375]
    parts = merge_histograms(
        counts.response.histogram for worker in totals for counts in worker.operations.values()
    )
    assert parts.encode() == response_times(stream).encode()
    with rows.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == summarize(stream).due - summarize(stream).lost
    found = [row for row in found if row["state"] == "ended"]
    assert len(found) == summarize(stream).requests
    assert {row["worker"] for row in found} == {"worker-1", "worker-2"}
    assert {(row["operation"], row["status"], row["error"]) for row in found} == {(PUT, "200", "")}
    late_ms = [1e3 * (float(row["timestamp"]) - float(row["intended"])) for row in found]
    differences = [float(row["response_ms"]) - float(row["service_ms"]) for row in found]
    assert late_ms == pytest.approx(differences, abs=0.01)


def test_the_arrivals_of_a_killed_worker_go_to_the_others(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """Its end is noticed without waiting for its silence, and what was due in between is lost."""
    test = load_test(endpoint, scenario(rate=100, seconds=10, in_flight=100), tmp_path, processes=2)
    with start_run(test) as process:
        wait_until(lambda: count_seconds(test.results) >= 2, process)
        psutil.Process(process.pid).children()[0].kill()
        process.wait(WITHIN_S)
    stream = read_stream(test.results)
    assert is_accounted_for(stream)
    reasons = [event.text for event in stream.of(Event) if event.kind == "worker-lost"]
    assert any(reason.endswith("has ended; its part goes to others") for reason in reasons)
    summary = summarize(stream)
    assert summary.lost + summary.unknown > 0
    if is_starved(stream):
        return
    assert len(reasons) == 1
    last = stream.of(Second)[-1]
    assert (last.workers, last.lost) == (1, 0)
    assert sorted(each.lost_at_s is not None for each in stream.of(WorkerTotals)) == [False, True]


def test_workers_end_with_their_master(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """Otherwise their requests would not be counted."""
    test = load_test(endpoint, scenario(seconds=120), tmp_path, processes=2)
    with start_run(test) as process:
        wait_until(lambda: count_seconds(test.results) >= 1, process)
        workers = psutil.Process(process.pid).children()
        process.kill()
        assert len(workers) == 2
        _, alive = psutil.wait_procs(workers, timeout=WITHIN_S)
        assert alive == []


def test_a_full_disk_ends_the_run_but_not_the_clean_up(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """The error names the file, it is not a usage error, and the records on disk can be read."""
    results = tmp_path / "run.jsonl"
    words = ["ramp", scenario(seconds=60), "--target", endpoint.url, "-o", str(results), "--quiet"]
    done = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -f 16; exec "$@"', "-", sys.executable, "-m", "vecgate", *words],
        check=False, capture_output=True, text=True, timeout=2 * WITHIN_S,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (4, "")
    error, hint = done.stderr.splitlines()
    assert error == f"error: writing to {results} failed: File too large"
    assert "vecgate report" in hint
    assert read_stream(results).of(Second)
    assert not count_buckets(endpoint)


QUERIES = """
unit = "requests"
preload = 600
start_within = "60s"
thresholds = ["recall@10 >= 0.9"]
operations = { QueryVectors = 1 }
query = { recall_sample = 20 }
vectors = { dimension = 8, pool = 50 }
stages = [{ kind = "constant", rate = 40, for = "2s" }]
"""


def test_recall_is_computed_and_the_price_is_the_estimated_one(
    endpoint: LocalEndpoint, tmp_path: Path
) -> None:
    """The index contains each vector twelve times."""
    path = tmp_path / "queries.toml"
    path.write_text(QUERIES)
    stream = run_scenario(load_test(endpoint, str(path), tmp_path))
    summary = summarize(stream)
    assert summary.recall is not None
    assert (summary.recall.queries, summary.recall.mean) == (20, 1.0)
    assert summary.usd == pytest.approx(estimate_price(load_scenario(str(path))).usd)


def test_a_worker_that_joins_takes_its_part(
    endpoint: LocalEndpoint,
    scenario: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The master partitions the remaining arrivals again; nothing is sent twice, and nothing is left out."""
    monkeypatch.setenv(SECRET_VARIABLE, "a secret of this test")
    port = unused_port()
    test = load_test(
        endpoint,
        scenario(rate=100, seconds=120),
        tmp_path,
        locust_arguments=["--headless", "--master", "--expect-workers=1", f"--master-bind-port={port}"],
    )
    worker = LoadTest.locust_command(["--worker", f"--master-port={port}"])
    with start_run(test) as master, child_process(worker, **SILENT) as first:
        wait_until(lambda: count_seconds(test.results) >= 1, master)
        with child_process(worker, **SILENT) as second:
            wait_until(lambda: b'"workers":2' in test.results.read_bytes(), master)
            joined_s = count_seconds(test.results)
            wait_until(lambda: count_seconds(test.results) >= joined_s + 2, master)
            master.send_signal(signal.SIGINT)
            for process in (master, first, second):
                process.wait(WITHIN_S)
    stream = read_stream(test.results)
    assert is_consistent(stream)
    assert [event.kind for event in stream.of(Event)].count("worker-joined") == 1
    assert len(stream.of(WorkerTotals)) == 2
    # Until the interrupt every second has its requests, whatever the number of workers.
    assert {second.due for second in stream.of(Second)[: joined_s + 1]} == {100}
    if not is_starved(stream):
        assert not summarize(stream).lost


def test_a_failed_threshold_can_end_the_run(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """`abort_on_fail` ends a run after its grace period, and the verdict names the threshold."""
    inject(endpoint, {"fault": [{"kind": "internal-error", "rate": 0.5, "operations": [PUT]}]})
    ends = '{ threshold = "errors < 5%", abort_on_fail = true, grace = "2s" }'
    stream = run_scenario(load_test(endpoint, scenario(seconds=120, thresholds=ends), tmp_path))
    assert has_stopped_early(stream)
    assert stream.footer is not None
    verdict = judge_load(stream)
    assert is_starved(stream) or verdict.grade == "failed"
    assert "errors < 5%" in str(verdict.checks)
    summary = summarize(stream)
    (cause,) = summary.failures
    assert {cause.code: cause.count} == summary.operations[PUT].errors
    assert all(sample.request_id and sample.message.startswith("status 500: ") for sample in cause.samples)
    assert not count_buckets(endpoint)


def test_a_run_stops_at_its_cost_limit(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """`max_usd` ends a run before it costs more."""
    stream = run_scenario(load_test(endpoint, scenario(seconds=120), tmp_path, max_usd=0.005))
    assert has_stopped_early(stream)
    assert [event.kind for event in stream.of(Event)].count("aborted") == 1
    if not is_starved(stream):
        assert 0 < summarize(stream).usd <= 0.005


def test_ctrl_c_leaves_a_readable_stream_and_no_bucket(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """Everything known at the interrupt is kept, and the resources are removed."""
    test = load_test(endpoint, scenario(seconds=120), tmp_path)
    with start_run(test) as process:
        wait_until(lambda: count_seconds(test.results) >= 2, process)
        process.send_signal(signal.SIGINT)
        process.wait(WITHIN_S)
    stream = read_stream(test.results)
    assert len(stream.of(Second)) >= 2
    assert stream.footer is not None
    assert not stream.footer.is_complete
    assert judge_load(stream).grade == "inconclusive"
    assert not count_buckets(endpoint)


def test_after_kill_9_clean_finds_the_bucket_and_the_stream_is_readable(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """A bucket is in the creation log before it is created."""
    test = load_test(endpoint, scenario(seconds=120), tmp_path)
    with start_run(test) as process:
        wait_until(lambda: count_seconds(test.results) >= 2, process)
        process.kill()
        process.wait(WITHIN_S)
    assert count_buckets(endpoint) == 1
    assert len(read_stream(test.results).of(Second)) >= 2
    clean = [sys.executable, "-m", "vecgate", "clean", "--target", endpoint.url, "--yes"]
    subprocess.run([*clean, "--older-than", "0h"], check=True, capture_output=True, timeout=WITHIN_S)
    assert count_buckets(endpoint) == 0
    assert not list(creation_log_folder().glob("*"))


def test_a_run_ends_with_the_command_that_started_it(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """When `vecgate ramp` is killed, its child stops and removes its resources."""
    test = load_test(endpoint, scenario(seconds=120), tmp_path)
    words = ["ramp", test.scenario, "--target", endpoint.url, "-o", str(test.results), "--quiet"]
    with child_process([sys.executable, "-m", "vecgate", *words]) as process:
        wait_until(lambda: count_seconds(test.results) >= 2, process)
        child = psutil.Process(process.pid).children()[0]
        process.kill()
        _, alive = psutil.wait_procs([child], timeout=WITHIN_S)
        assert alive == []
    assert not count_buckets(endpoint)


def test_ctrl_c_on_the_command_reports_what_is_known(
    endpoint: LocalEndpoint, scenario: Callable[..., str], tmp_path: Path
) -> None:
    """`vecgate ramp` prints the results so far, removes the bucket and ends with 130."""
    results = tmp_path / "run.jsonl"
    words = ["ramp", scenario(seconds=120), "--target", endpoint.url, "-o", str(results), "--json"]
    command = [sys.executable, "-m", "vecgate", *words]
    with child_process(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: count_seconds(results) >= 2, process)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130
    assert json.loads(output)["succeeded"] > 0
    assert not count_buckets(endpoint)
