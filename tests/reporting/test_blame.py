from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import footer, header, result, run

from vecgate.gate.rules import Rule
from vecgate.gate.verdict import Check, Verdict, judge
from vecgate.reporting.blame import excused_in, unexplained_in
from vecgate.results.records import Run

BEFORE = run(result("a.b"), result("a.gone"))
OUTCOMES = ("passed", "failed", "deviation", "outgrown", "unsupported", "skipped")


def unexplained(found: Run, verdict: Verdict) -> list[str]:
    return [check.name for check in unexplained_in(found.results, verdict)]


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (run(result("a.b", "failed")), []),
        (run(result("a.b", "outgrown")), []),
        (run(result("a.b"), foot=footer(stale=("x.y: not there",))), ["deviations"]),
        (run(), ["something ran"]),
        (Run(header(), (result("a.b", "failed"),), None), ["whole run"]),
        (run(result("a.b"), head=header(unlisted=("query",))), ["core"]),
    ],
    ids=["failed", "outgrown", "stale", "nothing", "cut-off", "core"],
)
def test_a_check_that_no_failed_requirement_explains_is_told(found: Run, names: list[str]) -> None:
    """What fails by itself says why; the rest would be a gate that fails without a failure."""
    assert unexplained(found, judge(found)) == names


def test_a_baseline_is_told_where_what_it_blames_does_not_fail() -> None:
    """What is gone has no case, and what is a known deviation now is skipped."""
    for now in (run(result("a.b")), run(result("a.b"), result("a.gone", "deviation"))):
        assert unexplained(now, judge(now, baseline=BEFORE)) == ["baseline"]
    worse = run(result("a.b"), result("a.gone", "failed"))
    assert unexplained(worse, judge(worse, baseline=BEFORE)) == []


def test_a_failure_is_excused_where_nothing_blames_it() -> None:
    """By its level, or by the share that is allowed; never by a colon in its name."""
    found = run(result("a.b"), result("a.may", "failed", level="may"), result("a.c[x: y]", "failed"))
    assert excused_in(found.results, judge(found)) == {"a.may"}
    assert excused_in(found.results, judge(found, [Rule("must", 0.5)])) == {"a.may", "a.c[x: y]"}
    known = Verdict((Check("deviations", "m", "failed", ("a.may: passes",)),))
    assert excused_in(found.results, known) == {"a.c[x: y]"}


@given(
    outcomes=st.lists(st.tuples(st.sampled_from(OUTCOMES), st.sampled_from(("must", "should", "may")))),
    rules=st.lists(st.builds(Rule, st.sampled_from(("must", "should", "may")), st.none() | st.floats(0, 1))),
)
def test_something_fails_where_the_gate_does_and_nothing_where_it_passes(
    outcomes: list[tuple[str, str]], rules: list[Rule]
) -> None:
    """Whatever came out, and whatever is asked for."""
    found = run(*(result(f"a.b{at}", outcome, level=level) for at, (outcome, level) in enumerate(outcomes)))
    verdict = judge(found, rules, BEFORE if len(outcomes) % 2 else None)
    failing = {each.id for each in found.results if each.outcome in {"failed", "outgrown"}}
    red = bool(failing - excused_in(found.results, verdict)) or bool(unexplained(found, verdict))
    assert red is (verdict.grade != "passed")
