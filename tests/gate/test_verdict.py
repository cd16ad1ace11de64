from __future__ import annotations

import pytest
from runs import footer, header, result, run

from vecgate.gate.rules import Rule
from vecgate.gate.verdict import judge, line_of, verdict_of
from vecgate.results.records import Run, Stream

GOOD = run(result("a.b"), result("a.c", level="should"))


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (GOOD, "PASS  2 of 2 requirements passed"),
        (
            run(
                result("a.b"),
                result("a.c", "deviation"),
                result("a.d", "unsupported"),
                result("a.e", "skipped"),
                result("a.f", "failed", level="may"),
            ),
            (
                "PASS  1 of 3 requirements passed, 1 of level may failed, 1 known deviation, "
                "1 not offered by the target, 1 not tested"
            ),
        ),
        (
            run(result("a.b"), result("a.c", "failed")),
            "FAIL  1 of 2 must requirements passed; failed: a.c",
        ),
        (
            run(result("a.b"), *(result(f"a.x{n}", "failed") for n in range(5))),
            "FAIL  1 of 6 must requirements passed; failed: a.x0, a.x1, a.x2 and 2 more",
        ),
        (run(), "FAIL  nothing ran: no requirement was judged"),
        (
            run(result("a.b", "unsupported"), result("a.c", "skipped")),
            "FAIL  nothing ran: no requirement was judged (2 were skipped)",
        ),
        (
            run(
                result("a.b"),
                head=header(unlisted=("query",), lacking={"query": "QueryVectors not implemented"}),
            ),
            "FAIL  the target lacks query (QueryVectors not implemented), and no deviation says so",
        ),
        (
            run(result("a.b"), result("a.c", "outgrown")),
            "FAIL  1 listed deviation is no longer true, a.c: passes",
        ),
        (
            run(
                result("a.b"),
                foot=footer(stale=("x.y: not there", "text: the target has it")),
            ),
            "FAIL  2 listed deviations are no longer true, x.y: not there, text: the target has it",
        ),
        (
            Run(header(), (result("a.b"),), None),
            "NOT JUDGED  the run did not end: the outcome of 1 requirement is known",
        ),
        (
            run(result("a.b"), result("a.c", "failed"), foot=footer(is_complete=False)),
            "NOT JUDGED  the run did not end: the outcome of 2 requirements is known",
        ),
    ],
    ids=[
        "all-passed",
        "mixed",
        "failed",
        "many-failed",
        "nothing",
        "only-skipped",
        "core",
        "outgrown",
        "stale",
        "cut-off",
        "incomplete",
    ],
)
def test_the_line_says_why(found: Run, line: str) -> None:
    """Passed, failed and could not be judged are three things, each with its words."""
    verdict = judge(found)
    assert line_of(verdict, found) == line
    assert bool(verdict) is line.startswith("PASS")


def test_only_the_named_rules_count() -> None:
    """`--require must` says nothing of should."""
    found = run(result("a.b"), result("a.c", "failed", level="should"))
    assert not judge(found)
    assert judge(found, [Rule("must")])


def test_a_share_that_is_not_reached_names_what_did_not_pass() -> None:
    """Known deviations too: they have not passed."""
    found = run(result("a.b"), result("a.c", "deviation"), result("a.d", "failed"))
    (check,) = [check for check in judge(found, [Rule("must", 0.9)]).checks if check.name == "must>=90%"]
    assert (check.grade, check.ids) == ("failed", ("a.c", "a.d"))


def test_a_share_that_is_reached_names_nobody() -> None:
    """What is good enough needs no mending."""
    found = run(result("a.b"), result("a.c", "failed"))
    verdict = judge(found, [Rule("must", 0.5)])
    assert verdict
    assert all(not check.ids for check in verdict.checks)


@pytest.mark.parametrize(
    ("before", "now", "line"),
    [
        (GOOD, GOOD, "PASS  2 of 2 requirements passed"),
        (
            GOOD,
            run(result("a.c", level="should")),
            "FAIL  1 passed before and is gone, a.b",
        ),
        (
            GOOD,
            run(result("a.b", "deviation"), result("a.c", level="should")),
            "FAIL  1 passed before and does not now, a.b",
        ),
        (run(result("a.b", "failed")), GOOD, "FAIL  nothing passed in the baseline: it holds nothing"),
        (
            GOOD,
            run(result("a.new"), foot=footer(left_out=("a.b", "a.c"))),
            "FAIL  none of 2 that passed before was looked at",
        ),
    ],
)
def test_a_baseline_is_held(before: Run, now: Run, line: str) -> None:
    """The gate is the difference; a baseline in which nothing passed is none."""
    assert line_of(judge(now, baseline=before), now) == line


@pytest.mark.parametrize(
    ("left_out", "measured"),
    [
        ((), "2 passed before, and none is worse"),
        (("a.c",), "1 of 2 that passed before was looked at, and none is worse"),
    ],
)
def test_a_part_of_the_suite_claims_a_part_of_the_baseline(left_out: tuple[str, ...], measured: str) -> None:
    """What was not to run was not looked at."""
    ran = [each for each in GOOD.results if each.id not in left_out]
    verdict = judge(run(*ran, foot=footer(left_out=left_out)), baseline=GOOD)
    assert verdict.checks[-1].measured == measured


@pytest.mark.parametrize(
    ("leaks", "line"),
    [
        (("a",), "NOT CLEAN  1 resource is left behind, `vecgate clean` finds it; 1 of 1 requirement passed"),
        (
            ("a", "b"),
            "NOT CLEAN  2 resources are left behind, `vecgate clean` finds them; 1 of 1 requirement passed",
        ),
    ],
)
def test_a_run_that_leaves_something_behind_has_not_passed(leaks: tuple[str, ...], line: str) -> None:
    """Whatever it found; one that failed has failed."""
    foot = footer(leaks=leaks)
    passed, failed = (run(result("a.b", outcome), foot=foot) for outcome in ("passed", "failed"))
    assert line_of(judge(passed), passed) == line
    assert line_of(judge(failed), failed).startswith("FAIL  ")


def test_what_failed_and_may_is_told_by_its_level() -> None:
    """A share of should that is reached is no failure of level may."""
    found = run(result("a.b"), result("a.c", "failed", level="should"), result("a.d", "failed", level="may"))
    line = line_of(judge(found, [Rule("must"), Rule("should", 0.0)]), found)
    assert line == "PASS  1 of 3 requirements passed, 1 of level should failed, 1 of level may failed"


def test_a_verdict_that_is_kept_is_what_the_gate_said() -> None:
    """With its rules and its baseline; without it the usual rules hold."""
    found = run(result("a.b"), result("a.c", "failed", level="should"))
    verdict = judge(found, [Rule("must")], baseline=GOOD)
    kept = Stream(found.header, (*found.results, verdict.record), found.footer)
    assert verdict_of(kept) == verdict
    assert (verdict.record.grade, [check.name for check in verdict.record.checks]) == (
        "failed",
        ["must", "baseline"],
    )
    plain = Stream(found.header, found.results, found.footer)
    assert [check.name for check in verdict_of(plain).checks] == ["must", "should"]
