from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from result_builders import header, result

from vecgate.conformance_kit import conformance_run
from vecgate.conformance_kit.conformance_run import (
    ConformanceOutcome,
    Gate,
    GateOptions,
    SuiteOptions,
    check_options,
    read_catalogue,
    run_conformance,
)
from vecgate.errors import UsageError, VecgateError
from vecgate.exit_codes import ExitCode
from vecgate.gate.requirement_rules import DEFAULT_RULES
from vecgate.process import ChildExit
from vecgate.results.records import Footer, Result
from vecgate.results.result_stream import StreamWriter, read_stream
from vecgate.results.verdict_records import VerdictRecord
from vecgate.targets.target import TargetChoice

LOCAL = TargetChoice("local")
FOOTER = Footer(ended_at="2026-11-24T10:00:00Z", duration_s=1.0, requests={}, is_complete=True)
FakeSuite = Callable[[Sequence[str], Path, Callable[[Result], None]], ChildExit]


def test_options_become_arguments_of_pytest() -> None:
    """Empty options are omitted, flags have no value, and `-k` and `-n` are those of pytest."""
    options = SuiteOptions(
        level="quick", expression="put", workers="2", quota=True, deviations=Path("d.toml")
    )
    assert options.pytest_arguments(TargetChoice("mine", region="eu-west-1", verify=False)) == [
        "--vecgate-target=mine",
        "--vecgate-region=eu-west-1",
        "--vecgate-no-verify",
        "--vecgate-level=quick",
        "--vecgate-quota",
        "--vecgate-deviations=d.toml",
        "-k",
        "put",
        "-n",
        "2",
    ]
    assert SuiteOptions().pytest_arguments(LOCAL) == ["--vecgate-target=local", "--vecgate-level=full"]


def test_the_default_gate() -> None:
    """Without rules and a baseline, the default rules apply."""
    assert GateOptions((), None).load() == Gate(DEFAULT_RULES, None)


def test_workers_need_xdist(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error comes before the run."""
    monkeypatch.setattr(conformance_run, "find_spec", lambda _: None)
    check_options(SuiteOptions())
    with pytest.raises(UsageError, match="pytest-xdist"):
        check_options(SuiteOptions(workers="2"))


def run_with(suite: FakeSuite, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ConformanceOutcome:
    """Run *suite* in place of the conformance suite."""
    monkeypatch.setattr(conformance_run, "run_suite", suite)
    return run_conformance(LOCAL, SuiteOptions(), Gate(), folder / "results.jsonl", lambda _: None)


def test_the_verdict_is_part_of_the_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of the stream shows the verdict of the run."""

    def suite(arguments: Sequence[str], results: Path, on_result: Callable[[Result], None]) -> ChildExit:
        assert arguments[-1] == f"--vecgate-results={results}"
        with StreamWriter(results) as stream:
            for record in (header(), result("a.b"), FOOTER):
                stream.write(record)
        return ChildExit(0, "")

    outcome = run_with(suite, tmp_path, monkeypatch)
    assert (outcome.verdict.grade, outcome.exit_code) == ("passed", ExitCode.PASS)
    assert read_stream(tmp_path / "results.jsonl").first(VerdictRecord) == outcome.verdict.record


def test_an_interrupted_run_is_judged_by_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without results the interrupt is raised."""

    def interrupted(_: Sequence[str], results: Path, __: Callable[[Result], None]) -> ChildExit:
        with StreamWriter(results) as stream:
            stream.write(header())
            stream.write(result("a.b"))
        raise KeyboardInterrupt

    def interrupted_immediately(*_: object) -> ChildExit:
        raise KeyboardInterrupt

    outcome = run_with(interrupted, tmp_path, monkeypatch)
    assert (outcome.verdict.grade, outcome.exit_code) == ("inconclusive", ExitCode.INTERRUPTED)
    with pytest.raises(KeyboardInterrupt):
        run_with(interrupted_immediately, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("child", "kind", "message"),
    [
        (ChildExit(4, "ERROR: no such option"), UsageError, "no such option"),
        (ChildExit(3, "INTERNALERROR> E boom"), VecgateError, "pytest ended with code 3"),
        (ChildExit(0, ""), VecgateError, "the suite wrote no results"),
    ],
    ids=["usage", "internal", "no-results"],
)
def test_a_suite_that_did_not_run_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child: ChildExit, kind: type[VecgateError], message: str
) -> None:
    """The message or the hint has the error of pytest."""
    with pytest.raises(kind, match=message):
        run_with(lambda *_: child, tmp_path, monkeypatch)


def test_a_suite_that_cannot_be_collected_has_no_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint has the error of pytest."""
    monkeypatch.setattr(conformance_run, "run_suite", lambda *_: ChildExit(2, "E   ImportError: no module"))
    with pytest.raises(VecgateError, match="cannot be collected") as caught:
        read_catalogue()
    assert caught.value.hint == "ImportError: no module"
