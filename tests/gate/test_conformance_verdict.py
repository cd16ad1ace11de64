from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from result_builders import footer, header, result, run

from vecgate.gate.conformance_verdict import conformance_verdict_line, judge_conformance, recorded_verdict
from vecgate.gate.requirement_rules import Rule
from vecgate.results.records import ConformanceRun, Footer, Result, Stream

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
                "1 unsupported by the target, 1 skipped"
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
        (run(), "FAIL  no requirement was tested"),
        (
            run(result("a.b", "unsupported"), result("a.c", "skipped")),
            "FAIL  no requirement was tested (2 were skipped)",
        ),
        (
            run(
                result("a.b"),
                head=header(missing_core=("query",), unsupported={"query": "QueryVectors not implemented"}),
            ),
            (
                "FAIL  the target does not support query (QueryVectors not implemented), "
                "and no deviation lists that"
            ),
        ),
        (
            run(result("a.b"), result("a.c", "unexpected-pass")),
            "FAIL  1 listed deviation is stale: a.c: passes",
        ),
        (
            run(
                result("a.b"),
                foot=footer(stale_deviations=("x.y: no such id", "text: supported")),
            ),
            "FAIL  2 listed deviations are stale: x.y: no such id, text: supported",
        ),
        (
            ConformanceRun(header(), (result("a.b"),), None),
            "INCONCLUSIVE  the run did not end: it has 1 result",
        ),
        (
            run(result("a.b"), result("a.c", "failed"), foot=footer(is_complete=False)),
            "INCONCLUSIVE  the run did not end: it has 2 results",
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
        "unexpected-pass",
        "stale",
        "cut-off",
        "incomplete",
    ],
)
def test_the_line_gives_the_reason(found: ConformanceRun, line: str) -> None:
    """Passed, failed and inconclusive runs have different words and reasons."""
    verdict = judge_conformance(found)
    assert conformance_verdict_line(verdict, found) == line
    assert bool(verdict) is line.startswith("PASS")


def test_only_the_named_rules_count() -> None:
    """`--require must` ignores the level should."""
    found = run(result("a.b"), result("a.c", "failed", level="should"))
    assert not judge_conformance(found)
    assert judge_conformance(found, [Rule("must")])


def test_a_minimum_that_is_not_reached_names_what_did_not_pass() -> None:
    """Known deviations have not passed either."""
    found = run(result("a.b"), result("a.c", "deviation"), result("a.d", "failed"))
    (check,) = [
        check for check in judge_conformance(found, [Rule("must", 0.9)]).checks if check.name == "must>=90%"
    ]
    assert (check.grade, check.ids) == ("failed", ("a.c", "a.d"))


def test_a_minimum_that_is_reached_names_nothing() -> None:
    """There is nothing to fix."""
    found = run(result("a.b"), result("a.c", "failed"))
    verdict = judge_conformance(found, [Rule("must", 0.5)])
    assert verdict
    assert all(not check.ids for check in verdict.checks)


@pytest.mark.parametrize(
    ("before", "now", "line"),
    [
        (GOOD, GOOD, "PASS  2 of 2 requirements passed"),
        (
            GOOD,
            run(result("a.c", level="should")),
            "FAIL  1 requirement that passed in the baseline is missing now: a.b",
        ),
        (
            GOOD,
            run(result("a.b", "deviation"), result("a.c", level="should")),
            "FAIL  1 requirement that passed in the baseline does not pass now: a.b",
        ),
        (
            run(result("a.b", "failed")),
            GOOD,
            "FAIL  nothing passed in the baseline, so there is nothing to compare",
        ),
        (
            GOOD,
            run(result("a.new"), foot=footer(deselected=("a.b", "a.c"))),
            "FAIL  none of the 2 requirements that passed in the baseline was run",
        ),
    ],
)
def test_a_baseline_must_not_regress(before: ConformanceRun, now: ConformanceRun, line: str) -> None:
    """A baseline in which nothing passed proves nothing, so it fails."""
    assert conformance_verdict_line(judge_conformance(now, baseline=before), now) == line


@pytest.mark.parametrize(
    ("deselected", "measured"),
    [
        ((), "2 requirements passed in the baseline, and none regressed"),
        (("a.c",), "1 of 2 requirements that passed in the baseline were run, and none regressed"),
    ],
)
def test_a_part_of_the_suite_is_compared_with_that_part_of_the_baseline(
    deselected: tuple[str, ...], measured: str
) -> None:
    """The measured text says how much was compared."""
    ran = [each for each in GOOD.results if each.id not in deselected]
    verdict = judge_conformance(run(*ran, foot=footer(deselected=deselected)), baseline=GOOD)
    assert verdict.checks[-1].measured == measured


def test_allowed_failures_are_counted_by_level() -> None:
    """A failure of level should is not counted as one of level may."""
    found = run(result("a.b"), result("a.c", "failed", level="should"), result("a.d", "failed", level="may"))
    line = conformance_verdict_line(judge_conformance(found, [Rule("must"), Rule("should", 0.0)]), found)
    assert line == "PASS  1 of 3 requirements passed, 1 of level should failed, 1 of level may failed"


def test_a_recorded_verdict_is_used() -> None:
    """It rests on the rules and the baseline of the command. Without one, the default rules apply."""
    found = run(result("a.b"), result("a.c", "failed", level="should"))
    verdict = judge_conformance(found, [Rule("must")], baseline=GOOD)
    recorded = Stream(found.header, (*found.results, verdict.record), found.footer)
    assert recorded_verdict(recorded) == verdict
    assert (verdict.record.grade, [check.name for check in verdict.record.checks]) == (
        "failed",
        ["must", "baseline"],
    )
    plain = Stream(found.header, found.results, found.footer)
    assert [check.name for check in recorded_verdict(plain).checks] == ["must", "should"]


@pytest.mark.parametrize("failing", ["first-steps.put-and-get", "first-steps.query"])
def test_no_rule_lets_a_target_pass_whose_basic_path_fails(failing: str) -> None:
    """Unless the baseline had the failure and gates alone. A list of deviations can excuse only queries."""
    found = run(result("a.b"), result(failing, "failed"))
    (check,) = [
        check for check in judge_conformance(found, [Rule("must", 0.5)]).checks if check.grade == "failed"
    ]
    assert (check.name, check.ids) == ("basic path", (failing,))
    excused = judge_conformance(run(result("a.b"), result(failing, "deviation")), [Rule("must", 0.5)])
    assert bool(excused) is (failing == "first-steps.query")
    assert judge_conformance(found, [], baseline=found)
    assert not judge_conformance(found, [Rule("must", 0.5)], baseline=found)


def test_a_baseline_gates_alone() -> None:
    """Without rules, only what is worse than in the baseline counts."""
    before = run(
        result("a.b"), result("a.c", "failed"), head=header(missing_core=("query",), unsupported=QUERY)
    )
    verdict = judge_conformance(before, [], baseline=before)
    line = conformance_verdict_line(verdict, before)
    assert line.startswith("PASS  1 of 2 requirements passed, 1 of level must failed; ")
    assert "compared with the baseline alone: 1 of level must fails, 1 in the baseline" in line
    worse = run(result("a.b", "failed"), result("a.c"), head=before.header)
    assert not judge_conformance(worse, [], baseline=before)
    better = run(result("a.b"), result("a.c"), result("a.new"), result("a.open", "failed", level="may"))
    assert judge_conformance(better, [], baseline=before)
    assert not judge_conformance(before, [], baseline=run(result("a.b")))


@pytest.mark.parametrize("level", ["must", "should"])
@pytest.mark.parametrize("deselected", [(), ("a.new",)], ids=["unknown", "deselected"])
def test_a_baseline_says_nothing_about_what_it_did_not_run(level: str, deselected: tuple[str, ...]) -> None:
    """It is of `-k`, of another level, of an earlier version, or a line of it is missing."""
    before = run(result("a.b"), foot=footer(deselected=deselected))
    now = run(result("a.b"), result("a.new", "failed", level=level))
    assert conformance_verdict_line(judge_conformance(now, [], before), now).startswith(
        "FAIL  1 test case that the baseline did not run failed; make a new one: a.new"
    )
    assert judge_conformance(now, [], now)
    unsupported = run(result("a.b"), result("a.new", "unsupported", level=level))
    assert judge_conformance(now, [], unsupported)


@settings(max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from([f"a.{letter}" for letter in "bcdefgh"]),
        st.tuples(
            st.sampled_from(["passed", "failed"]), st.sampled_from(["passed", "failed"]), st.booleans()
        ),
        min_size=1,
    ),
    st.randoms(use_true_random=False),
)
def test_no_part_of_a_baseline_passes_what_the_whole_does_not(
    outcomes: dict[str, tuple[str, str, bool]], random: Random
) -> None:
    """In any order, and with any lines missing."""
    before = [result(id_, first) for id_, (first, _, _) in outcomes.items()]
    part = [each for each in before if outcomes[each.id][2]]
    random.shuffle(part)
    now = run(*(result(id_, last) for id_, (_, last, _) in outcomes.items()))
    if judge_conformance(now, [], run(*part)):
        assert judge_conformance(now, [], run(*before))


def test_a_baseline_of_another_target_is_named() -> None:
    """Whoever reads the verdict sees what was compared."""
    verdict = judge_conformance(GOOD, [], run(result("a.b"), head=header(target="moto")))
    assert verdict.checks[-1].measured == "1 requirement passed in the baseline (of moto), and none regressed"


def test_a_list_of_deviations_that_covers_everything_excuses_nothing() -> None:
    """A run in which nothing passed shows nothing, whatever the rules and the baseline are."""
    listed = run(result("a.b", "deviation"), result("a.c", "deviation", level="should"))
    verdict = judge_conformance(listed)
    assert conformance_verdict_line(verdict, listed).startswith(
        "FAIL  no requirement passed: the run has only 2 known deviations"
    )
    assert not judge_conformance(listed, [Rule("may")])
    assert not judge_conformance(listed, [], listed)


QUERY = {"query": "QueryVectors not implemented"}


def test_a_lost_capability_is_a_regression() -> None:
    """Even if nothing that needs it passed in the baseline."""
    now = run(result("a.b"), result("a.c", level="should"), head=header(unsupported={"tags": "none"}))
    assert conformance_verdict_line(judge_conformance(now, [], baseline=GOOD), now) == (
        "FAIL  the target no longer supports tags, which it did in the baseline"
    )
    assert judge_conformance(now, [], baseline=now)


@pytest.mark.parametrize("end", [None, footer(is_complete=False)])
def test_a_baseline_must_be_complete(end: Footer | None) -> None:
    """What it does not contain might have passed."""
    cut_off = ConformanceRun(header(), GOOD.results, end)
    assert not judge_conformance(GOOD, [], baseline=cut_off)


@pytest.mark.parametrize(
    ("found", "is_met"),
    [
        (run(result("a.b"), head=header(required=("tags",))), True),
        (run(result("a.b"), head=header(required=("tags",), unsupported={"query": "no"})), True),
        (run(result("a.b"), head=header(required=("tags",), unsupported={"tags": "no"})), False),
        (
            run(
                result("a.b"),
                result("a.c", "skipped", reason="kms: needs a KMS key"),
                head=header(required=("kms",)),
            ),
            False,
        ),
    ],
    ids=["supported", "another-missing", "missing", "not-tested"],
)
def test_required_capabilities_must_be_supported_and_tested(found: ConformanceRun, *, is_met: bool) -> None:
    """Whatever the rules are."""
    assert bool(judge_conformance(found, [Rule("may")])) is is_met


def test_the_line_says_that_unsigned_requests_are_accepted() -> None:
    """Whether the run passed or failed."""
    head = header(unsupported={"auth": "unsigned requests are accepted"})
    for found in (run(result("a.b"), head=head), run(result("a.b", "failed"), head=head)):
        line = conformance_verdict_line(judge_conformance(found), found)
        assert line.endswith("; signatures are not tested: unsigned requests are accepted")


@pytest.mark.parametrize(
    ("blocker", "grade", "ending"),
    [
        ([result("a.top-k", "failed", level="may")], "passed", ""),
        ([result("a.top-k", "deviation")], "passed", ""),
        ([result("a.top-k")], "failed", "because of a.top-k, which did not fail"),
        ([], "failed", "because of a.top-k, which was not run: select it, too"),
    ],
    ids=["failed", "deviation", "passed", "not-selected"],
)
def test_a_skip_needs_the_failure_that_it_names(blocker: list[Result], grade: str, ending: str) -> None:
    """It may not hide that a requirement was not tested."""
    skipped = result("a.pages", "skipped", reason="blocked by a.top-k: topK 101 is rejected")
    verdict = judge_conformance(run(result("a.b"), skipped, *blocker))
    assert verdict.grade == grade
    assert "".join(check.measured for check in verdict.checks if check.name == "blocked").endswith(ending)
