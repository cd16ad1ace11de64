"""`vecgate capacity` as a command: the path of the search, its verdict and its exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from child_processes import WITHIN_S, child_process, wait_until
from commands import Vecgate
from load_builders import plan, second, steady, stream, unfinished
from result_builders import footer

from vecgate.cli.commands.load.capacity import capacity
from vecgate.exit_codes import ExitCode
from vecgate.load.experiments import capacity_trials as trials
from vecgate.load.load_runner import LoadTest
from vecgate.resources.creation_log import creation_log_folder
from vecgate.results.load.load_records import Capacity, LoadPlan, Trial
from vecgate.results.records import Stream
from vecgate.results.result_stream import read_stream

#: The rate of the unscaled scenario, in requests per second.
SCENARIO_PER_S = 20
SCENARIO = f"""
unit = "requests"
[vectors]
dimension = 8
per_request = 2
pool = 50
[[stages]]
kind = "constant"
rate = {SCENARIO_PER_S}
for = "10s"
"""
UNDER_50MS = plan(thresholds=("p(99) < 50ms",))


def slow_above(limit: float) -> Callable[[float], Stream]:
    """Return runs on a target that answers in 20 ms up to *limit*, and in 200 ms above."""
    return lambda rate: stream(*steady(response_s=0.02 if rate <= limit else 0.2), planned=UNDER_50MS)


@pytest.fixture(autouse=True)
def test_toml() -> None:
    """The scenario of the tests, in the working directory."""
    Path("test.toml").write_text(SCENARIO)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[float], Stream]], list[LoadTest]]:
    """Return a stream for each rate in place of Locust, and the list of the load tests."""

    def replace(of_rate: Callable[[float], Stream]) -> list[LoadTest]:
        tests_run: list[LoadTest] = []

        def run_scenario(test: LoadTest) -> Stream:
            tests_run.append(test)
            return of_rate(float(test.overrides["stages.rate"]) * SCENARIO_PER_S)

        monkeypatch.setattr(trials, "run_scenario", run_scenario)
        return tests_run

    return replace


Runs = Callable[[Callable[[float], Stream]], list[LoadTest]]


def test_a_search_ends_with_the_highest_rate_that_passed(vecgate: Vecgate, endpoint: str, runs: Runs) -> None:
    """Each trial on stderr as it ends, each rate on stdout, the verdict last, and the stream on disk."""
    tests_run = runs(slow_above(300))
    result = vecgate(
        "capacity",
        *("test.toml", "--target", endpoint, "--from", "100", "--to", "400", "--resolution", "20%"),
        *("--threshold", "p(99) < 50ms", "--set", "vectors.dimension=16", "-o", "capacity.jsonl"),
    )
    assert result.code == 0
    plan_line, *trial_lines = result.err.splitlines()
    assert (
        plan_line == f"plan      test on {endpoint} at 100 to 400 requests/s, up to about 10 trials of 20.0 s"
    )
    assert [line.split()[1:4] for line in trial_lines] == [
        ["1", "bracket", "100"],
        ["2", "bracket", "200"],
        ["3", "bracket", "400"],
        ["4", "bracket", "400"],
        ["5", "bisect", "283"],
        ["6", "bisect", "336"],
        ["7", "bisect", "336"],
        ["8", "confirm", "283"],
        ["9", "confirm", "283"],
    ]
    rows = [line.split()[:4] for line in result.out.splitlines()[:6]]
    assert rows == [
        ["requests/s", "trials", "passed", "achieved"],
        ["100", "1", "1", "100"],
        ["200", "1", "1", "200"],
        ["283", "3", "3", "283"],
        ["336", "2", "0", "336"],
        ["400", "2", "0", "400"],
    ]
    last = result.out.splitlines()[-1]
    assert last.startswith(
        "CAPACITY  283 requests/s passed p(99) < 50ms, confirmed twice; 336 failed: p(99) "
    )
    assert {test.overrides["vectors.dimension"] for test in tests_run} == {"16"}
    assert {test.thresholds for test in tests_run} == {("p(99) < 50ms",)}
    found = read_stream(Path("capacity.jsonl"))
    assert (found.header.kind, found.header.options["vectors.dimension"]) == ("capacity", "16")
    assert found.first(Capacity) == Capacity(
        rate_per_s=283, failed_per_s=336, unit="requests", confirmations=2
    )
    assert [trial.rate_per_s for trial in found.of(Trial)] == [100, 200, 400, 400, 283, 336, 336, 283, 283]
    planned = found.first(LoadPlan)
    assert planned is not None
    assert planned.thresholds == ("p(99) < 50ms",)
    assert found.footer is not None
    assert found.footer.is_complete


def test_json_has_the_same_result(vecgate: Vecgate, endpoint: str, runs: Runs) -> None:
    """One object; with --quiet nothing is printed on stderr."""
    runs(slow_above(1_000))
    words = ("capacity", "test.toml", "--target", endpoint, "--from", "100", "--to", "200", "--confirm", "3")
    result = vecgate(*words, "--json", "-q")
    told = json.loads(result.out)
    assert (told["ending"], told["rate_per_s"], told["failed_per_s"]) == ("found", 200, None)
    assert (told["confirmations"], told["exit_code"], told["unit"]) == (3, 0, "requests")
    assert told["line"].endswith("confirmed 3 times; that is the highest rate to try")
    assert [trial["phase"] for trial in told["trials"]] == ["bracket", "bracket", *["confirm"] * 3]
    assert result.err == ""


def generator_bound(rate: float) -> Stream:
    seconds = [second(at, *[0.01] * 10, late=10, busiest_cores=1.0, loop_lag_ms=300.0) for at in range(10)]
    return stream(*(seconds if rate > 150 else steady(response_s=0.02)), planned=UNDER_50MS)


def interrupted(rate: float) -> Stream:
    if rate > 150:
        raise KeyboardInterrupt
    return slow_above(1_000)(rate)


@dataclass(frozen=True)
class Ending:
    """The runs of a search, and its end."""

    of_rate: Callable[[float], Stream]
    code: int
    line: str
    more: tuple[str, ...] = ()


@pytest.mark.parametrize(
    "ending",
    [
        Ending(slow_above(50), 1, "FAIL  100 requests/s, the lowest rate to try, failed: p(99) < 50ms: "),
        Ending(generator_bound, 4, "INCONCLUSIVE  at 200 requests/s the load generator was the limit: "),
        Ending(
            slow_above(150),
            4,
            "INCONCLUSIVE  2 trials were not enough; 100 requests/s passed, unconfirmed",
            ("--trials", "2"),
        ),
        Ending(interrupted, 130, "INTERRUPTED  after 1 trial; 100 requests/s passed, not confirmed"),
        Ending(
            lambda _: unfinished(*steady(3), planned=UNDER_50MS),
            4,
            "STOPPED  after 0 trials; no rate is confirmed",
        ),
    ],
)
def test_each_ending_has_its_verdict_and_exit_code(
    vecgate: Vecgate, endpoint: str, runs: Runs, ending: Ending
) -> None:
    """An unconfirmed rate is not a capacity."""
    runs(ending.of_rate)
    words = ("capacity", "test.toml", "--target", endpoint, *ending.more, "-o", "capacity.jsonl")
    result = vecgate(*words)
    assert result.code == ending.code
    assert result.out.splitlines()[-1].startswith(ending.line)
    assert read_stream(Path("capacity.jsonl")).first(Capacity) is None


def test_orphaned_resources_are_listed_after_the_verdict(vecgate: Vecgate, endpoint: str, runs: Runs) -> None:
    """The capacity is reported all the same; the stream and JSON list the resources too."""

    def leaving(rate: float) -> Stream:
        leak = f"bucket vg-{rate:g}: it stays"
        return stream(*steady(response_s=0.02), planned=UNDER_50MS, foot=footer(orphaned=(leak,)))

    runs(leaving)
    words = ("capacity", "test.toml", "--target", endpoint, "--from", "100", "--to", "100", "--confirm", "1")
    result = vecgate(*words, "-o", "capacity.jsonl")
    assert result.code == 3
    *_, verdict, cleanup = result.out.splitlines()
    assert verdict.startswith("CAPACITY  100 requests/s passed ")
    resources = "bucket vg-100: it stays; bucket vg-100: it stays"
    assert cleanup == f"CLEANUP FAILED  2 resources could not be removed: {resources}. Run `vecgate clean`."
    foot = read_stream(Path("capacity.jsonl")).footer
    assert foot is not None
    assert foot.orphaned == ("bucket vg-100: it stays",) * 2
    told = json.loads(vecgate(*words, "--json").out)
    assert (told["orphaned"], told["exit_code"]) == (list(foot.orphaned), 3)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("test.toml",), 2, "no target is named"),
        (("nope", "--target", "local"), 2, "'nope' is neither a scenario nor a file"),
        (("test.toml", "--target", "http://127.0.0.1:9"), 3, "does not answer"),
        (("test.toml", "--target", "local", "--from", "9", "--to", "5"), 2, "the rates are 9 to 5"),
        (("test.toml", "--target", "local", "--resolution", "5"), 2, "--resolution: '5' is not a percentage"),
        (("test.toml", "--target", "local", "--trial", "20"), 2, "--trial: '20' is not a duration"),
        (
            ("test.toml", "--target", "local", "--trial", "10ms"),
            2,
            "--trial: 0.01 s, allowed is 1 to 3,600 s",
        ),
        (("test.toml", "--target", "local", "--set", "x"), 2, "'x' is not a setting"),
        (("test.toml", "--target", "local", "--threshold", "p99"), 2, "threshold 'p99'"),
        (("test.toml", "--target", "local", "--keep", "/dev/null/kept"), 2, "cannot be written"),
        (("test.toml", "--target", "local", "--bucket-prefix", "UP_"), 2, "'UP_' cannot start a bucket name"),
        (("test.toml", "--target", "local", "--max-cost", "0.001"), 2, "and the limit is $0.001"),
    ],
)
def test_invalid_options_are_reported(
    vecgate: Vecgate, words: tuple[str, ...], code: int, message: str
) -> None:
    """Before anything is run."""
    result = vecgate("capacity", *words)
    assert result.code == code
    assert message in result.err
    assert result.out == ""


def test_aws_is_not_used_without_consent(vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan, the maximum price and the cost limit are printed, and nothing is run."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "opens-nothing")
    result = vecgate("capacity", "test.toml", "--target", "aws", "--region", "us-east-1")
    assert result.code == 2
    assert "plan      test on aws (us-east-1, from --region) at 100 to 4,000 requests/s" in result.err
    assert "price     up to about $" in result.err
    assert "limit     stops at $1.00" in result.err
    assert "--yes" in result.err


REAL = ("test.toml", "--from", "30", "--to", "30", "--confirm", "1")


@pytest.mark.serial
def test_a_search_runs_locust_for_each_trial(vecgate: Vecgate, endpoint: str) -> None:
    """In child processes, with buckets that are removed at the end; `--keep` keeps the streams.

    The verdict itself depends on the speed of the machine.
    """
    words = ("capacity", *REAL, "--target", endpoint, "--trial", "1s", "--keep", "trials")
    result = vecgate(*words, "--threshold", "p(99) < 5s")
    kept = sorted(Path("trials").glob("*.jsonl"))
    names = ["trial-01.jsonl", "trial-02.jsonl"]
    if result.code == 0:
        assert result.out.splitlines()[-1].startswith("CAPACITY  30 requests/s passed ")
        assert [path.name for path in kept] == names
    assert [path.name for path in kept[:2]] == names[: len(kept)] != [], result
    assert {read_stream(path).header.kind for path in kept} == {"load"}
    assert buckets_of(endpoint) == set()
    assert list(creation_log_folder().glob("*")) == []


def test_an_interrupted_search_ends_the_trial_and_removes_its_bucket(endpoint: str) -> None:
    """By SIGTERM, which CI sends to cancel a job: exit code 130."""
    words = ("capacity", *REAL, "--target", endpoint, "--trial", "60s", "--keep", "trials")
    command = [sys.executable, "-m", "vecgate", *words]
    with child_process(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: has_a_second(Path("trials/trial-01.jsonl")), process)
        assert buckets_of(endpoint)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130, err
    assert out.splitlines()[-1] == "INTERRUPTED  after 0 trials; no rate is confirmed"
    assert buckets_of(endpoint) == set()


def has_a_second(path: Path) -> bool:
    """Return True if a second of the run is written."""
    return path.exists() and b'"record":"second"' in path.read_bytes()


def buckets_of(endpoint: str) -> set[str]:
    """Return the buckets of vecgate."""
    client = boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    try:
        found = client.list_vector_buckets(prefix="vg-")["vectorBuckets"]
        return {each["vectorBucketName"] for each in found}
    finally:
        client.close()


PAGE = (Path(__file__).parents[4] / "docs" / "capacity.md").read_text()
#: Explained on another page, for all commands.
COMMON = {"--target", "--region", "--profile", "--ca-bundle", "--no-verify", "--quiet"}


@pytest.mark.parametrize(
    "option",
    sorted({max(each.opts, key=len) for each in capacity.params if each.opts[0].startswith("-")} - COMMON),
)
def test_every_option_is_documented(option: str) -> None:
    """In `docs/capacity.md`."""
    assert f"`{option}`" in PAGE


def test_every_exit_code_is_documented() -> None:
    """With its number."""
    assert all(f"| {int(code)} |" in PAGE for code in ExitCode)
