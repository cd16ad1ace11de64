"""`vecgate capacity`: the path of the search, its verdict, its exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from commands import Vecgate
from loads import cut, plan, second, steady, stream
from runs import footer

from vecgate.cli.capacity import capacity
from vecgate.cli.exit_codes import ExitCode
from vecgate.load import trials
from vecgate.load.runner import Test as LoadTest
from vecgate.results.load import Capacity, Plan, Trial
from vecgate.results.records import Stream
from vecgate.results.stream import read_stream
from vecgate.targets.leftovers import records_folder

#: At so many requests a second as it stands.
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
    """Runs against a target that answers in 20 ms up to *limit*, and in 200 ms above."""
    return lambda rate: stream(*steady(response_s=0.02 if rate <= limit else 0.2), planned=UNDER_50MS)


@pytest.fixture(autouse=True)
def test_toml() -> None:
    """The scenario of the tests, in the folder that they work in."""
    Path("test.toml").write_text(SCENARIO)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[float], Stream]], list[LoadTest]]:
    """Give what Locust would: a stream for each rate. What was to be run is in the list."""

    def instead(of_rate: Callable[[float], Stream]) -> list[LoadTest]:
        seen: list[LoadTest] = []

        def run_scenario(test: LoadTest) -> Stream:
            seen.append(test)
            return of_rate(float(test.overrides["stages.rate"]) * SCENARIO_PER_S)

        monkeypatch.setattr(trials, "run_scenario", run_scenario)
        return seen

    return instead


Runs = Callable[[Callable[[float], Stream]], list[LoadTest]]


def test_a_search_ends_with_what_held_and_what_did_not(vecgate: Vecgate, endpoint: str, runs: Runs) -> None:
    """Each trial on stderr as it ends, each rate on stdout, the verdict last, the stream on disk."""
    seen = runs(slow_above(300))
    result = vecgate(
        "capacity",
        *("test.toml", "--target", endpoint, "--from", "100", "--to", "400", "--resolution", "20%"),
        *("--threshold", "p(99) < 50ms", "--set", "vectors.dimension=16", "-o", "capacity.jsonl"),
    )
    assert result.code == 0
    plan_line, *told = result.err.splitlines()
    assert plan_line == f"plan      test on {endpoint} at 100 to 400 requests/s, some 10 trials of 20.0 s"
    assert [line.split()[1:4] for line in told] == [
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
        ["requests/s", "tried", "held", "done"],
        ["100", "1", "1", "100"],
        ["200", "1", "1", "200"],
        ["283", "3", "3", "283"],
        ["336", "2", "0", "336"],
        ["400", "2", "0", "400"],
    ]
    last = result.out.splitlines()[-1]
    assert last.startswith("CAPACITY  283 requests/s held p(99) < 50ms, confirmed twice; 336 did not: p(99) ")
    assert {test.overrides["vectors.dimension"] for test in seen} == {"16"}
    assert {test.thresholds for test in seen} == {("p(99) < 50ms",)}
    found = read_stream(Path("capacity.jsonl"))
    assert (found.header.kind, found.header.options["vectors.dimension"]) == ("capacity", "16")
    assert found.first(Capacity) == Capacity(
        rate_per_s=283, failed_per_s=336, unit="requests", confirmations=2
    )
    assert [trial.rate_per_s for trial in found.of(Trial)] == [100, 200, 400, 400, 283, 336, 336, 283, 283]
    planned = found.first(Plan)
    assert planned is not None
    assert planned.thresholds == ("p(99) < 50ms",)
    assert found.footer is not None
    assert found.footer.is_complete


def test_json_has_the_same(vecgate: Vecgate, endpoint: str, runs: Runs) -> None:
    """One object, and with --quiet nothing on stderr."""
    runs(slow_above(1_000))
    words = ("capacity", "test.toml", "--target", endpoint, "--from", "100", "--to", "200", "--confirm", "3")
    result = vecgate(*words, "--json", "-q")
    told = json.loads(result.out)
    assert (told["ending"], told["rate_per_s"], told["failed_per_s"]) == ("found", 200, None)
    assert (told["confirmations"], told["exit_code"], told["unit"]) == (3, 0, "requests")
    assert told["line"].endswith("confirmed 3 times; no higher rate was to be tried")
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
    """What Locust would give, and how the search ends then."""

    of_rate: Callable[[float], Stream]
    code: int
    line: str
    more: tuple[str, ...] = ()


@pytest.mark.parametrize(
    "ending",
    [
        Ending(
            slow_above(50), 1, "FAIL  100 requests/s, the lowest rate to try, did not hold: p(99) < 50ms: "
        ),
        Ending(generator_bound, 4, "NOT JUDGED  at 200 requests/s the generator was the limit: "),
        Ending(
            slow_above(150),
            4,
            "NOT JUDGED  2 trials were not enough; 100 requests/s held, unconfirmed",
            ("--trials", "2"),
        ),
        Ending(interrupted, 130, "INTERRUPTED  after 1 trial; nothing is confirmed"),
        Ending(
            lambda _: cut(*steady(3), planned=UNDER_50MS), 4, "STOPPED  after 0 trials; nothing is confirmed"
        ),
    ],
)
def test_each_way_to_end_has_its_words_and_its_code(
    vecgate: Vecgate, endpoint: str, runs: Runs, ending: Ending
) -> None:
    """What is not confirmed is never a capacity."""
    runs(ending.of_rate)
    words = ("capacity", "test.toml", "--target", endpoint, *ending.more, "-o", "capacity.jsonl")
    result = vecgate(*words)
    assert result.code == ending.code
    assert result.out.splitlines()[-1].startswith(ending.line)
    assert read_stream(Path("capacity.jsonl")).first(Capacity) is None


def test_what_a_trial_leaves_behind_is_named_and_is_no_pass(
    vecgate: Vecgate, endpoint: str, runs: Runs
) -> None:
    """What was found stands there all the same; the stream and JSON have it too."""

    def leaving(rate: float) -> Stream:
        leak = f"bucket vg-{rate:g}: it stays"
        return stream(*steady(response_s=0.02), planned=UNDER_50MS, foot=footer(leaks=(leak,)))

    runs(leaving)
    words = ("capacity", "test.toml", "--target", endpoint, "--from", "100", "--to", "100", "--confirm", "1")
    result = vecgate(*words, "-o", "capacity.jsonl")
    assert result.code == 3
    *_, first, second_, last = result.out.splitlines()
    assert first == second_ == "left behind: bucket vg-100: it stays; `vecgate clean` finds it"
    assert last.startswith(
        "NOT CLEAN  2 resources are left behind, `vecgate clean` finds them; 100 requests/s "
    )
    foot = read_stream(Path("capacity.jsonl")).footer
    assert foot is not None
    assert foot.leaks == ("bucket vg-100: it stays",) * 2
    told = json.loads(vecgate(*words, "--json").out)
    assert (told["left_behind"], told["exit_code"]) == (list(foot.leaks), 3)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("test.toml",), 2, "no target is named"),
        (("nope", "--target", "local"), 2, "'nope' is neither a scenario nor a file"),
        (("test.toml", "--target", "http://127.0.0.1:9"), 3, "does not answer"),
        (("test.toml", "--target", "local", "--from", "9", "--to", "5"), 2, "the rates go from 9 to 5"),
        (("test.toml", "--target", "local", "--resolution", "5"), 2, "'5' is no share"),
        (("test.toml", "--target", "local", "--trial", "20"), 2, "'20' is no time"),
        (
            ("test.toml", "--target", "local", "--trial", "10ms"),
            2,
            "a trial of 0.01 s, allowed is 1 to",
        ),
        (("test.toml", "--target", "local", "--set", "x"), 2, "'x' sets nothing"),
        (("test.toml", "--target", "local", "--threshold", "p99"), 2, "threshold 'p99'"),
        (("test.toml", "--target", "local", "--keep", "/dev/null/kept"), 2, "cannot be written"),
        (("test.toml", "--target", "local", "--bucket-prefix", "UP_"), 2, "'UP_' starts no bucket name"),
        (("test.toml", "--target", "local", "--max-cost", "0.001"), 2, "and $0.001 is allowed"),
    ],
)
def test_what_cannot_be_searched_says_why(
    vecgate: Vecgate, words: tuple[str, ...], code: int, said: str
) -> None:
    """Before anything is run."""
    result = vecgate("capacity", *words)
    assert result.code == code
    assert said in result.err
    assert result.out == ""


def test_amazon_is_planned_first_and_not_used_unasked(
    vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What will be done, what it costs at most, where it stops, and that nothing was done."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "opens-nothing")
    result = vecgate("capacity", "test.toml", "--target", "aws", "--region", "us-east-1")
    assert result.code == 2
    assert "plan      test on aws (us-east-1, from --region) at 100 to 4,000 requests/s" in result.err
    assert "at most, at the prices of" in result.err
    assert "limit     stops at $1.00" in result.err
    assert "--yes" in result.err


REAL = ("test.toml", "--from", "30", "--to", "30", "--confirm", "1")


def test_a_search_runs_locust_for_each_trial(vecgate: Vecgate, endpoint: str) -> None:
    """In processes of its own, into buckets that are gone; the stream of each is kept where that is asked.

    Whether this machine is quick enough, with all that it does besides, is another matter.
    """
    words = ("capacity", *REAL, "--target", endpoint, "--trial", "1s", "--keep", "trials")
    result = vecgate(*words, "--threshold", "p(99) < 5s")
    kept = sorted(Path("trials").glob("*.jsonl"))
    names = ["trial-01.jsonl", "trial-02.jsonl"]
    if result.code == 0:
        assert result.out.splitlines()[-1].startswith("CAPACITY  30 requests/s held ")
        assert [path.name for path in kept] == names
    assert [path.name for path in kept[:2]] == names[: len(kept)] != [], result
    assert {read_stream(path).header.kind for path in kept} == {"load"}
    assert buckets_of(endpoint) == set()
    assert list(records_folder().glob("*")) == []


def test_an_interrupted_search_ends_the_trial_and_removes_what_it_made(endpoint: str) -> None:
    """SIGTERM, as a cancelled CI job gets it: exit code 130, and no bucket is left."""
    words = ("capacity", *REAL, "--target", endpoint, "--trial", "60s", "--keep", "trials")
    with subprocess.Popen(
        [sys.executable, "-m", "vecgate", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 30
        while not is_under_way(Path("trials/trial-01.jsonl")) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.05)
        assert buckets_of(endpoint)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out.splitlines()[-1] == "INTERRUPTED  after 0 trials; nothing is confirmed"
    assert buckets_of(endpoint) == set()


def is_under_way(path: Path) -> bool:
    """A second of the run is written."""
    return path.exists() and b'"record":"second"' in path.read_bytes()


def buckets_of(endpoint: str) -> set[str]:
    """Buckets of ours that are there."""
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


PAGE = (Path(__file__).parents[2] / "docs" / "capacity.md").read_text()
#: Explained with every command, not here.
COMMON = {"--target", "--region", "--profile", "--ca-bundle", "--no-verify", "--quiet"}


@pytest.mark.parametrize(
    "option",
    sorted({max(each.opts, key=len) for each in capacity.params if each.opts[0].startswith("-")} - COMMON),
)
def test_every_option_is_explained(option: str) -> None:
    """In `docs/capacity.md`."""
    assert f"`{option}`" in PAGE


def test_every_exit_code_is_explained() -> None:
    """With its number."""
    assert all(f"| {int(code)} |" in PAGE for code in ExitCode)
