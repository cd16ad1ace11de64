"""What a load test is asked to do in its own process, and what is made of how that ended."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from loads import plan, second
from runs import footer, header

from vecgate.errors import TargetError, UsageError, VecgateError
from vecgate.load import runner
from vecgate.load.runner import Test as LoadTest
from vecgate.load.runner import overrides_of, require_locust, run_scenario
from vecgate.results.records import Record
from vecgate.results.stream import StreamWriter, read_stream
from vecgate.targets.target import Target, TargetChoice

RECORDS = (header(kind="load"), plan(), second(0, 0.01))


class FakeLab:
    """Stands in for Locust: a program that does as it is told, and what was swept up after it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.words: list[str] = []
        self.swept: list[tuple[str, str]] = []
        self.left: list[str] = []
        self.body = ""

    def writes(self, *records: Record) -> None:
        path = self._folder / "ready.jsonl"
        with StreamWriter(path) as writer:
            for record in records:
                writer.write(record)
        self.body += f"open(results, 'wb').write({path.read_bytes()!r})\n"

    def says(self, *lines: str, code: int = 0) -> None:
        self.body += "".join(f"print({line!r}, file=sys.stderr)\n" for line in lines) + f"sys.exit({code})\n"

    def program(self, words: Sequence[str]) -> list[str]:
        self.words = list(words)
        (results,) = [word.partition("=")[2] for word in words if word.startswith("--vecgate-results=")]
        return [sys.executable, "-c", f"import os, sys\nresults = {results!r}\n{self.body}"]

    def sweep(self, target: Target, run: str) -> list[str]:
        self.swept.append((target.name, run))
        return self.left


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeLab:
    fake = FakeLab(tmp_path)
    monkeypatch.setattr(LoadTest, "program", fake.program)
    monkeypatch.setattr(runner, "sweep", fake.sweep)
    return fake


def load_test(folder: Path, target: str = "local") -> LoadTest:
    return LoadTest("smoke", TargetChoice(target, region="us-east-1"), folder / "out" / "run.jsonl")


def test_what_is_not_asked_for_is_not_said() -> None:
    """Then what the child would do by itself holds."""
    test = LoadTest("smoke", TargetChoice("local"), Path("run.jsonl"), run="0a1b2c3d")
    assert test.command() == [
        sys.executable,
        "-m",
        "vecgate.load.lab",
        "--headless",
        "--vecgate-scenario=smoke",
        "--vecgate-target=local",
        "--vecgate-results=run.jsonl",
        "--vecgate-run=0a1b2c3d",
        "--vecgate-parent=yes",
        "--loglevel=WARNING",
        "--only-summary",
    ]


def test_all_that_is_asked_for_is_said() -> None:
    """A cost of nothing too."""
    test = LoadTest(
        "ramp-1000",
        TargetChoice("https://s3.test", "eu-west-1", "load", "ca.pem", verify=False),
        Path("run.jsonl"),
        overrides={"vectors.dimension": "8", "stages.rate": "0.5"},
        thresholds=["p(99) < 1s", "errors < 1%"],
        processes=2,
        max_usd=0.0,
        is_aws_allowed=True,
        bucket_prefix="team",
        words=["--web-port=8090"],
        run="0a1b2c3d",
    )
    *told, bind_port, port = test.command()[3:-2]
    assert told == [
        "--web-port=8090",
        "--vecgate-scenario=ramp-1000",
        "--vecgate-target=https://s3.test",
        "--vecgate-region=eu-west-1",
        "--vecgate-profile=load",
        "--vecgate-ca-bundle=ca.pem",
        "--vecgate-no-verify=yes",
        "--vecgate-set=vectors.dimension=8;stages.rate=0.5",
        "--vecgate-thresholds=p(99) < 1s;errors < 1%",
        "--vecgate-results=run.jsonl",
        "--vecgate-bucket-prefix=team",
        "--vecgate-max-cost=0.0",
        "--vecgate-yes=yes",
        "--vecgate-run=0a1b2c3d",
        "--vecgate-parent=yes",
        "--processes=2",
        "--master-bind-host=127.0.0.1",
        "--master-host=127.0.0.1",
    ]
    assert bind_port.removeprefix("--master-bind-") == port.removeprefix("--master-")


def test_runs_with_workers_of_their_own_have_ports_of_their_own(tmp_path: Path) -> None:
    """So that two of them on one machine know nothing of each other."""
    tests = [replace(load_test(tmp_path), processes=2) for _ in range(4)]
    ports = {int(test.command()[-3].removeprefix("--master-port=")) for test in tests}
    assert all(1_024 <= port < 65_536 for port in ports)
    assert len(ports) > 1, "the system may give one twice"


def test_settings_are_pairs() -> None:
    """A value may hold what looks like another."""
    assert overrides_of([" a.b = 1 ", "c==d", "e="]) == {"a.b": "1", "c": "=d", "e": ""}
    with pytest.raises(UsageError, match="'a' sets nothing"):
        overrides_of(["b=1", "a"])
    with pytest.raises(UsageError, match="sets nothing"):
        overrides_of(["=1"])


def test_a_run_is_followed_and_then_read(lab: FakeLab, tmp_path: Path) -> None:
    """Of what another run has left in the file nothing is seen."""
    stale = load_test(tmp_path)
    stale.results.parent.mkdir()
    stale.results.write_bytes(b"nonsense\n")
    lab.writes(*RECORDS, footer())
    seen: list[Record] = []
    stream = run_scenario(stale, seen.append)
    assert seen == [*RECORDS, footer()]
    assert (stream.header, stream.records, stream.footer) == (RECORDS[0], RECORDS[1:], footer())
    assert lab.words[0] == "--headless"


def test_what_a_run_has_left_behind_is_swept_up(lab: FakeLab, tmp_path: Path) -> None:
    """On a target that is still there; one of ours has taken it along."""
    lab.writes(*RECORDS)
    for target in ("local", "moto"):
        run_scenario(load_test(tmp_path, target))
    assert lab.swept == []
    test = load_test(tmp_path, "http://127.0.0.1:9000")
    run_scenario(test)
    assert lab.swept == [("http://127.0.0.1:9000", test.run)]


@pytest.mark.parametrize("left", [[], ["bucket vg-r1: no"]])
def test_whoever_swept_last_knows_what_is_left_behind(lab: FakeLab, tmp_path: Path, left: list[str]) -> None:
    """What the child could not remove may be gone by now; what an endpoint of ours held is."""
    lab.writes(*RECORDS, footer(leaks=("bucket vg-r1: not yet",)))
    lab.left = left
    assert run_scenario(load_test(tmp_path, "http://127.0.0.1:9000")).leaks == tuple(left)
    assert run_scenario(load_test(tmp_path, "local")).leaks == ()
    assert read_stream(load_test(tmp_path).results).leaks == ("bucket vg-r1: not yet",)


def test_a_run_without_results_tells_what_it_left_behind(lab: FakeLab, tmp_path: Path) -> None:
    """Nothing else would."""
    lab.left = ["bucket vg-r1: no"]
    lab.says("error: it is shut", "hint: Open it.", code=3)
    with pytest.raises(TargetError) as caught:
        run_scenario(load_test(tmp_path, "http://127.0.0.1:9000"))
    assert caught.value.hint == "Open it.\nleft behind: bucket vg-r1: no\n`vecgate clean` finds it."


@pytest.mark.parametrize(
    ("code", "kind"), [(2, UsageError), (3, TargetError), (4, VecgateError), (1, VecgateError)]
)
def test_what_the_child_complains_of_is_our_complaint(
    lab: FakeLab, tmp_path: Path, code: int, kind: type[VecgateError]
) -> None:
    """In its words, with its hint, and of its kind; what it left behind is removed all the same."""
    lab.writes(*RECORDS)
    lab.says("Starting Locust", "error: it is shut", "hint: Open it.", "Shutting down", code=code)
    with pytest.raises(VecgateError) as caught:
        run_scenario(load_test(tmp_path, "http://127.0.0.1:9000"))
    assert type(caught.value) is kind
    assert (str(caught.value), caught.value.hint) == ("it is shut", "Open it.")
    assert len(lab.swept) == 1


def test_a_child_that_leaves_nothing_is_told_with_its_last_words(lab: FakeLab, tmp_path: Path) -> None:
    """Where it has any."""
    lab.says("Traceback", "ImportError: no module", code=1)
    with pytest.raises(VecgateError, match="left no results: ImportError: no module"):
        run_scenario(load_test(tmp_path))
    lab.body = ""
    test = load_test(tmp_path)
    with pytest.raises(VecgateError, match="left no results: it said nothing"):
        run_scenario(test)
    lab.writes(*RECORDS)
    run_scenario(test)
    lab.body = ""
    with pytest.raises(VecgateError, match="left no results"):
        run_scenario(test)


def test_an_interrupted_run_gives_what_there_is(lab: FakeLab, tmp_path: Path) -> None:
    """It can be reported up to then, and is cleared up."""
    lab.writes(*RECORDS)
    lab.body += "import time\ntime.sleep(60)\n"

    def interrupt(record: Record) -> None:
        if record == RECORDS[2]:
            raise KeyboardInterrupt

    stream = run_scenario(load_test(tmp_path, "http://127.0.0.1:9000"), interrupt)
    assert (stream.header, stream.records, stream.footer) == (RECORDS[0], RECORDS[1:], None)
    assert len(lab.swept) == 1


def test_a_run_that_was_interrupted_before_it_began_gives_nothing(
    lab: FakeLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to report."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run_child", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_scenario(load_test(tmp_path))


def test_no_thread_of_blas_takes_a_core(lab: FakeLab, tmp_path: Path) -> None:
    """A load test has few products to compute, and spinning threads would be in its way."""
    lab.writes(*RECORDS)
    lab.body += "assert os.environ['OPENBLAS_NUM_THREADS'] == '1'\n"
    assert run_scenario(load_test(tmp_path)).records


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (("locust",), "^locust not installed"),
        (("hdrh",), "^hdrhistogram not installed"),
        (("locust", "hdrh"), "^locust and hdrhistogram not installed"),
    ],
)
def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: tuple[str, ...], said: str
) -> None:
    """With the extra that brings it, before anything is started."""
    require_locust()
    monkeypatch.setattr(runner, "find_spec", lambda name: None if name in missing else object())
    with pytest.raises(UsageError, match=said) as caught:
        run_scenario(load_test(tmp_path))
    assert "vecgate[load]" in caught.value.hint
