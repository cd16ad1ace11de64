from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from result_builders import footer, header, result, run

from vecgate.gate.conformance_verdict import judge_conformance
from vecgate.gate.requirement_rules import Rule
from vecgate.gate.verdict import Check, Verdict
from vecgate.reporting.ci.failing_cases import tolerated_failures, unexplained_checks
from vecgate.results.records import ConformanceRun

BASELINE = run(result("a.b"), result("a.x"))
OUTCOMES = ("passed", "failed", "deviation", "unexpected-pass", "unsupported", "skipped")


def unexplained(found: ConformanceRun, verdict: Verdict) -> list[str]:
    return [check.name for check in unexplained_checks(found.results, verdict)]


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (run(result("a.b", "failed")), []),
        (run(result("a.b", "unexpected-pass")), []),
        (run(result("a.b"), foot=footer(stale_deviations=("x.y: not there",))), ["deviations"]),
        (run(), ["something ran"]),
        (ConformanceRun(header(), (result("a.b", "failed"),), None), ["whole run"]),
        (run(result("a.b"), head=header(missing_core=("query",))), ["core"]),
    ],
    ids=["failed", "unexpected-pass", "stale-deviation", "empty", "incomplete", "missing-core"],
)
def test_a_check_is_a_case_unless_a_failed_requirement_explains_it(
    found: ConformanceRun, names: list[str]
) -> None:
    """A failed requirement is a case itself. Without this, a gate could fail while no case fails."""
    assert unexplained(found, judge_conformance(found)) == names


def test_the_baseline_is_a_case_if_no_failed_requirement_explains_it() -> None:
    """A missing requirement has no case, and a new known deviation is skipped."""
    for now in (run(result("a.b")), run(result("a.b"), result("a.x", "deviation"))):
        assert unexplained(now, judge_conformance(now, baseline=BASELINE)) == ["baseline"]
    regressed = run(result("a.b"), result("a.x", "failed"))
    assert unexplained(regressed, judge_conformance(regressed, baseline=BASELINE)) == []


def test_a_failure_is_tolerated_if_no_check_names_it() -> None:
    """Because of its level, or because the rule allows some failures. A colon in its id does not matter."""
    found = run(result("a.b"), result("a.may", "failed", level="may"), result("a.c[x: y]", "failed"))
    assert tolerated_failures(found.results, judge_conformance(found)) == {"a.may"}
    half = judge_conformance(found, [Rule("must", 0.5)])
    assert tolerated_failures(found.results, half) == {"a.may", "a.c[x: y]"}
    deviations = Verdict((Check("deviations", "m", "failed", ("a.may: passes",)),))
    assert tolerated_failures(found.results, deviations) == {"a.c[x: y]"}


@given(
    outcomes=st.lists(st.tuples(st.sampled_from(OUTCOMES), st.sampled_from(("must", "should", "may")))),
    rules=st.lists(st.builds(Rule, st.sampled_from(("must", "should", "may")), st.none() | st.floats(0, 1))),
)
def test_a_case_fails_if_and_only_if_the_gate_does_not_pass(
    outcomes: list[tuple[str, str]], rules: list[Rule]
) -> None:
    """For any outcomes and rules."""
    found = run(*(result(f"a.b{at}", outcome, level=level) for at, (outcome, level) in enumerate(outcomes)))
    verdict = judge_conformance(found, rules, BASELINE if len(outcomes) % 2 else None)
    failing = {each.id for each in found.results if each.outcome in {"failed", "unexpected-pass"}}
    has_failure = bool(failing - tolerated_failures(found.results, verdict)) or bool(
        unexplained(found, verdict)
    )
    assert has_failure is (verdict.grade != "passed")
