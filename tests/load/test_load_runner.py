"""The command line of the child process of a load test, and the handling of its output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from load_builders import plan, second
from result_builders import footer, header

from vecgate.errors import TargetError, UsageError, VecgateError
from vecgate.load import load_runner as runner
from vecgate.load.load_runner import LoadTest, parse_overrides, require_locust, run_scenario
from vecgate.results.records import Record
from vecgate.results.result_stream import StreamWriter, read_stream
from vecgate.targets.target import Target, TargetChoice

RECORDS = (header(kind="load"), plan(), second(0, 0.01))


class FakeLocust:
    """A script in place of Locust, and the clean-up after it."""

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

    def locust_command(self, words: Sequence[str]) -> list[str]:
        self.words = list(words)
        (results,) = [word.partition("=")[2] for word in words if word.startswith("--vecgate-results=")]
        return [sys.executable, "-c", f"import os, sys\nresults = {results!r}\n{self.body}"]

    def remove_orphans(self, target: Target, run: str) -> list[str]:
        self.swept.append((target.name, run))
        return self.left


@pytest.fixture
def locust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeLocust:
    fake = FakeLocust(tmp_path)
    monkeypatch.setattr(LoadTest, "locust_command", fake.locust_command)
    monkeypatch.setattr(runner, "remove_orphans", fake.remove_orphans)
    return fake


def load_test(folder: Path, target: str = "local") -> LoadTest:
    return LoadTest("smoke", TargetChoice(target, region="us-east-1"), folder / "out" / "run.jsonl")


def test_defaults_are_not_passed() -> None:
    """The defaults of the child process apply."""
    test = LoadTest("smoke", TargetChoice("local"), Path("run.jsonl"), run="0a1b2c3d")
    assert test.command() == [
        sys.executable,
        "-m",
        "vecgate.load.runtime",
        "--headless",
        "--vecgate-scenario=smoke",
        "--vecgate-target=local",
        "--vecgate-results=run.jsonl",
        "--vecgate-run=0a1b2c3d",
        "--vecgate-parent=yes",
        "--loglevel=WARNING",
        "--only-summary",
    ]


def test_all_settings_are_passed() -> None:
    """Including a cost limit of 0."""
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
        locust_arguments=["--web-port=8090"],
        run="0a1b2c3d",
    )
    *words, bind_port, port = test.command()[3:-2]
    assert words == [
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


def test_runs_with_worker_processes_have_different_ports(tmp_path: Path) -> None:
    """So that two runs on one machine are independent."""
    tests = [replace(load_test(tmp_path), processes=2) for _ in range(4)]
    ports = {int(test.command()[-3].removeprefix("--master-port=")) for test in tests}
    assert all(1_024 <= port < 65_536 for port in ports)
    assert len(ports) > 1, "the system may give one twice"


def test_a_setting_is_a_name_and_a_value() -> None:
    """A value may contain further equals signs."""
    assert parse_overrides([" a.b = 1 ", "c==d", "e="]) == {"a.b": "1", "c": "=d", "e": ""}
    with pytest.raises(UsageError, match="'a' is not a setting"):
        parse_overrides(["b=1", "a"])
    with pytest.raises(UsageError, match="is not a setting"):
        parse_overrides(["=1"])


def test_a_run_is_followed_and_then_read(locust: FakeLocust, tmp_path: Path) -> None:
    """The content that an earlier run left in the file is ignored."""
    stale = load_test(tmp_path)
    stale.results.parent.mkdir()
    stale.results.write_bytes(b"nonsense\n")
    locust.writes(*RECORDS, footer())
    seen: list[Record] = []
    stream = run_scenario(stale, seen.append)
    assert seen == [*RECORDS, footer()]
    assert (stream.header, stream.records, stream.footer) == (RECORDS[0], RECORDS[1:], footer())
    assert locust.words[0] == "--headless"


def test_orphaned_resources_of_a_run_are_removed(locust: FakeLocust, tmp_path: Path) -> None:
    """If the target still exists: an embedded endpoint has ended with all of its resources."""
    locust.writes(*RECORDS)
    for target in ("local", "moto"):
        run_scenario(load_test(tmp_path, target))
    assert locust.swept == []
    test = load_test(tmp_path, "http://127.0.0.1:9000")
    run_scenario(test)
    assert locust.swept == [("http://127.0.0.1:9000", test.run)]


@pytest.mark.parametrize("left", [[], ["bucket vg-r1: no"]])
def test_the_last_clean_up_decides_what_is_orphaned(
    locust: FakeLocust, tmp_path: Path, left: list[str]
) -> None:
    """A resource that the child could not remove may be removed now, or gone with its endpoint."""
    locust.writes(*RECORDS, footer(orphaned=("bucket vg-r1: not yet",)))
    locust.left = left
    assert run_scenario(load_test(tmp_path, "http://127.0.0.1:9000")).orphaned == tuple(left)
    assert run_scenario(load_test(tmp_path, "local")).orphaned == ()
    assert read_stream(load_test(tmp_path).results).orphaned == ("bucket vg-r1: not yet",)


def test_the_error_of_a_run_without_results_lists_orphaned_resources(
    locust: FakeLocust, tmp_path: Path
) -> None:
    """No result stream does."""
    locust.left = ["bucket vg-r1: no"]
    locust.says("error: it is closed", "hint: Open it.", code=3)
    with pytest.raises(TargetError) as caught:
        run_scenario(load_test(tmp_path, "http://127.0.0.1:9000"))
    assert caught.value.hint == "Open it.\norphaned: bucket vg-r1: no; remove it with `vecgate clean`"


@pytest.mark.parametrize(
    ("code", "kind"), [(2, UsageError), (3, TargetError), (4, VecgateError), (1, VecgateError)]
)
def test_an_error_of_the_child_is_raised(
    locust: FakeLocust, tmp_path: Path, code: int, kind: type[VecgateError]
) -> None:
    """With its message, its hint and its class; orphaned resources are removed all the same."""
    locust.writes(*RECORDS)
    locust.says("Starting Locust", "error: it is closed", "hint: Open it.", "Shutting down", code=code)
    with pytest.raises(VecgateError) as caught:
        run_scenario(load_test(tmp_path, "http://127.0.0.1:9000"))
    assert type(caught.value) is kind
    assert (str(caught.value), caught.value.hint) == ("it is closed", "Open it.")
    assert len(locust.swept) == 1


def test_a_child_without_results_is_an_error_with_its_last_output(locust: FakeLocust, tmp_path: Path) -> None:
    """If it has any output."""
    locust.says("Traceback", "ImportError: no module", code=1)
    with pytest.raises(VecgateError, match="wrote no results: ImportError: no module"):
        run_scenario(load_test(tmp_path))
    locust.body = ""
    test = load_test(tmp_path)
    with pytest.raises(VecgateError, match="wrote no results: it printed nothing"):
        run_scenario(test)
    locust.writes(*RECORDS)
    run_scenario(test)
    locust.body = ""
    with pytest.raises(VecgateError, match="wrote no results"):
        run_scenario(test)


def test_an_interrupted_run_returns_the_records_so_far(locust: FakeLocust, tmp_path: Path) -> None:
    """They can be reported, and orphaned resources are removed."""
    locust.writes(*RECORDS)
    locust.body += "import time\ntime.sleep(60)\n"

    def interrupt(record: Record) -> None:
        if record == RECORDS[2]:
            raise KeyboardInterrupt

    stream = run_scenario(load_test(tmp_path, "http://127.0.0.1:9000"), interrupt)
    assert (stream.header, stream.records, stream.footer) == (RECORDS[0], RECORDS[1:], None)
    assert len(locust.swept) == 1


def test_a_run_interrupted_before_its_first_record_returns_nothing(
    locust: FakeLocust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to report."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run_child", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_scenario(load_test(tmp_path))


def test_blas_uses_one_thread(locust: FakeLocust, tmp_path: Path) -> None:
    """A load test has few matrix products, and busy-waiting threads would slow it down."""
    locust.writes(*RECORDS)
    locust.body += "assert os.environ['OPENBLAS_NUM_THREADS'] == '1'\n"
    assert run_scenario(load_test(tmp_path)).records


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the extra that installs it, before anything is started."""
    require_locust()
    monkeypatch.setattr(runner, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"^locust is not installed") as caught:
        run_scenario(load_test(tmp_path))
    assert "vecgate[load]" in caught.value.hint
