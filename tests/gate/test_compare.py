from __future__ import annotations

import numpy as np
import pytest
from comparisons import GROUP, bench, bench_stream
from load_streams import capacity_stream, cut_off, head, load_stream, peers_stream, scale_stream
from runs import footer, header, result

from vecgate.errors import UsageError
from vecgate.gate.changes import Turn
from vecgate.gate.compare import compare, line_of_comparison
from vecgate.gate.compare_load import change_of
from vecgate.gate.limits import Limit
from vecgate.gate.load_figures import Figure
from vecgate.results.load import OperationSecond, WorkerTotals
from vecgate.results.records import Result, Stream

BOTH = ("PutVectors", "QueryVectors")
CALM = load_stream(60, BOTH)


def suite(*results: Result, **foot: object) -> Stream:
    return Stream(header(), results, footer(**foot))


def grades(base: Stream, head_: Stream) -> dict[str, str]:
    return {each.name: each.grade for each in compare(base, head_).found}


def test_requirements_turn_worse_are_mended_come_and_go() -> None:
    """What was not to run is none of these."""
    base = suite(
        result("a.worse"),
        result("a.mended", "failed"),
        result("a.known", "failed"),
        result("a.gone"),
        result("a.left"),
        result("a.same"),
    )
    found = compare(
        base,
        suite(
            result("a.worse", "failed", reason="assert 1 == 2"),
            result("a.mended"),
            result("a.known", "deviation"),
            result("a.new", "failed"),
            result("a.same"),
            left_out=("a.left",),
        ),
    )
    assert {turn.name: turn.grade for turn in found.turns} == {
        "a.worse": "worse",
        "a.mended": "better",
        "a.known": "changed",
        "a.new": "new",
        "a.gone": "gone",
        "a.same": "same",
    }
    assert Turn("a.worse", "passed", "failed", "worse", "assert 1 == 2") in found.turns
    assert line_of_comparison(found) == ("FAIL  2 of 4 that passed in the base do not now, a.worse, a.gone")


@pytest.mark.parametrize(
    ("base", "head_", "line"),
    [
        (
            suite(result("a.b")),
            suite(result("a.b"), result("a.c", "failed")),
            "PASS  nothing is worse than allowed: 1 new, 1 the same",
        ),
        (suite(result("a.b")), suite(), "FAIL  1 of 1 that passed in the base does not now, a.b"),
        (
            suite(result("a.b", "failed")),
            suite(result("a.b")),
            "FAIL  nothing passed in the base: it holds nothing",
        ),
        (
            suite(result("a.b")),
            suite(result("a.b"), is_complete=False),
            "NOT JUDGED  the run in the head did not end",
        ),
        (
            Stream(header(), (result("a.b"),), None),
            suite(result("a.b")),
            "NOT JUDGED  the run in the base did not end",
        ),
    ],
    ids=["new", "gone", "empty-base", "incomplete", "cut-off"],
)
def test_conformance_fails_where_something_that_passed_does_not(
    base: Stream, head_: Stream, line: str
) -> None:
    """What is new is news, and no regression."""
    assert line_of_comparison(compare(base, head_)) == line


@pytest.mark.parametrize(
    ("head_", "grade", "told"),
    [
        (
            suite(result("a.b"), left_out=("a.c", "a.d")),
            "passed",
            "1 of 3 that passed in the base was looked at, and none is worse",
        ),
        (
            suite(result("a.b"), result("a.c"), result("a.new"), left_out=("a.d",)),
            "passed",
            "2 of 3 that passed in the base were looked at, and none is worse",
        ),
        (
            suite(result("a.b"), result("a.c", "failed"), left_out=("a.d",)),
            "failed",
            "1 of 3 that passed in the base does not now",
        ),
        (
            suite(result("a.new"), left_out=("a.b", "a.c", "a.d")),
            "failed",
            "none of 3 that passed in the base was looked at",
        ),
    ],
    ids=["one", "some", "worse", "none"],
)
def test_a_part_of_the_suite_speaks_for_that_part(head_: Stream, grade: str, told: str) -> None:
    """What was not looked at was not found to be as before; where that is all, nothing is known."""
    (check,) = compare(suite(result("a.b"), result("a.c"), result("a.d")), head_).verdict.checks
    assert (check.grade, check.measured) == (grade, told)


def test_conformance_knows_no_limits() -> None:
    """What passed must pass."""
    with pytest.raises(UsageError, match="no limits"):
        compare(suite(result("a.b")), suite(result("a.b")), [Limit("", 0.1)])


def test_a_run_is_the_same_as_itself() -> None:
    """Figure by figure."""
    found = compare(CALM, CALM)
    assert line_of_comparison(found) == "PASS  nothing is worse than allowed: 13 the same"
    assert {change.name for change in found.changes} == {
        "achieved",
        "dropped",
        "cost",
        *(f"{name}({each})" for each in BOTH for name in ("p50", "p95", "p99", "errors", "throttled")),
    }


def test_throttling_is_beyond_noise() -> None:
    """Errors are more, less is achieved, and a million vectors cost more of the requests that failed."""
    throttled = load_stream(60, BOTH, throttled_from=20)
    found = grades(CALM, throttled)
    worse = {"achieved", "cost", *(f"{name}({each})" for each in BOTH for name in ("errors", "throttled"))}
    assert {name for name, grade in found.items() if grade == "worse"} == worse
    assert {name for name, grade in grades(throttled, CALM).items() if grade == "better"} == worse


def test_one_stall_may_be_chance() -> None:
    """It happened once in a minute, and may not happen in the next: in doubt, and with a limit no pass."""
    stalled = load_stream(60, BOTH, stall_at=40)
    found = {change.name: change for change in compare(CALM, stalled).changes}
    assert found["p99(PutVectors)"].worse_by > 10
    assert found["p99(PutVectors)"].grade == "doubt"
    judged = compare(CALM, stalled, [Limit("p99(PutVectors)", 0.1)])
    assert judged.verdict.grade == "unjudged"
    assert line_of_comparison(judged).startswith("NOT JUDGED  1 of 1 figure in doubt, p99(PutVectors) is ")


#: What throttling makes worse, but for the price.
SHARES = (Limit("achieved", 0.5), Limit("errors", 0.5), Limit("throttled", 0.5))


@pytest.mark.parametrize(
    ("limits", "grade"),
    [
        (SHARES, "passed"),
        ((*SHARES, Limit("p50", 0.1)), "passed"),
        ((*SHARES, Limit("cost", 0.01)), "failed"),
        ((*SHARES[:2], Limit("throttled", 0.01)), "failed"),
        (SHARES[:2], "failed"),
        ((Limit("p50", 0.1),), "failed"),
        ((Limit("", 0.9),), "failed"),
    ],
    ids=["shares", "and-a-time", "not-the-price", "too-little", "one-left-out", "a-time-alone", "all"],
)
def test_limits_excuse_what_they_name(limits: tuple[Limit, ...], grade: str) -> None:
    """A run that is throttled is no better for its latency."""
    throttled = load_stream(60, BOTH, throttled_from=20)
    assert compare(CALM, throttled, limits).verdict.grade == grade


def test_a_limit_for_a_percentile_of_too_few_requests_is_not_judged() -> None:
    """However near it came out; it is said how many it takes, and what else there is."""
    few = load_stream(10)
    line = line_of_comparison(compare(few, few, [Limit("p99", 0.25)]))
    assert line == (
        "NOT JUDGED  1 of 1 figure cannot be told (measure longer, or limit another), "
        "p99(PutVectors): 600 requests are too few for a p99, which takes 1,000"
    )
    assert compare(few, few, [Limit("p95", 0.25)]).verdict
    assert compare(few, few, [Limit("", 0.25)]).verdict


@pytest.mark.parametrize(
    ("base", "head_", "said"),
    [
        (CALM, cut_off(CALM, 40), "the run in the head did not end"),
        (
            CALM,
            load_stream(60, BOTH, generator_bound_from=10),
            "the load generator was the limit: in the head",
        ),
        (load_stream(5), load_stream(5), "nothing can be told: the run is too short to tell"),
    ],
    ids=["cut-off", "generator", "short"],
)
def test_what_cannot_be_judged_says_why(base: Stream, head_: Stream, said: str) -> None:
    """It is no pass."""
    found = compare(base, head_, anyway=True)
    assert found.verdict.grade == "unjudged"
    assert said in line_of_comparison(found)


def test_few_requests_have_no_p99() -> None:
    """A percentile needs some beyond it."""
    few = load_stream(10)
    found = {change.name: change.reason for change in compare(few, few).changes}
    assert found["p99(PutVectors)"] == "600 requests are too few for a p99, which takes 1,000"
    assert found["p50(PutVectors)"] == ""


def test_a_run_of_which_only_the_totals_are_known_is_not_judged() -> None:
    """Its seconds are lost, and with them what chance could have made."""
    plan = load_stream(60, ("PutVectors",)).records[0]
    totals = WorkerTotals(worker="w", operations={"PutVectors": OperationSecond(ok=9)})
    lost = Stream(head("load"), (plan, totals), footer())
    found = compare(lost, lost)
    assert found.verdict.grade == "unjudged"
    assert {change.reason for change in found.changes} == {"the run is too short to tell"}


def test_a_latency_that_was_nothing_has_no_part() -> None:
    """It is told, and not judged."""
    figures = [Figure("ms", value, np.full(3, value)) for value in (0.0, 2.0)]
    change = change_of("p50(A)", figures[0], figures[1])
    assert (change.grade, change.reason) == ("changed", "it was nothing")
    seldom = Figure("ms", 1.0, np.zeros(3))
    assert change_of("p50(A)", seldom, figures[1]).reason == "it was mostly nothing"


def test_a_figure_that_one_run_lacks_is_new_or_gone() -> None:
    """An operation that was never answered has no latency."""
    only = load_stream(60, ("PutVectors",))
    found = compare(CALM, only, anyway=True)
    assert {c.name for c in found.changes if c.grade == "gone"} == {
        f"{name}(QueryVectors)" for name in ("p50", "p95", "p99", "errors", "throttled")
    }
    assert "p50(QueryVectors) is gone" in found.verdict.checks[0].ids
    assert sum(each.grade == "new" for each in compare(only, CALM, anyway=True).changes) == 5


def test_runs_under_other_conditions_are_refused_unless_told() -> None:
    """And both times it is said what differs."""
    other = Stream(head("load", environment={"machine": "arm64"}), CALM.records, CALM.footer)
    with pytest.raises(UsageError, match=r"they differ in machine: x86_64 and arm64; processor") as caught:
        compare(CALM, other)
    assert "--anyway" in caught.value.hint
    assert "machine: x86_64 and arm64" in map(str, compare(CALM, other, anyway=True).differences)


@pytest.mark.parametrize(
    ("base", "head_", "said"),
    [
        (CALM, capacity_stream(), "kind load cannot be compared with one of kind capacity"),
        (scale_stream(), scale_stream(), "kind scale cannot be compared"),
        (peers_stream(), peers_stream(), "kind peers cannot be compared"),
    ],
)
def test_kinds_that_have_nothing_in_common_are_refused(base: Stream, head_: Stream, said: str) -> None:
    """Also when told to."""
    with pytest.raises(UsageError, match=said):
        compare(base, head_, anyway=True)


def test_benchmarks_are_judged_too() -> None:
    """By name, with limits or without; runs without a benchmark in common hold nothing."""
    base, slower = bench_stream(bench("direct sender", 10)), bench_stream(bench("direct sender", 12))
    assert line_of_comparison(compare(base, slower)) == (
        f"FAIL  1 of 1 figure worse beyond noise, {GROUP}/direct sender is 20 % worse"
    )
    assert compare(base, slower, [Limit("sender", 0.25)]).verdict
    nothing = compare(base, bench_stream(bench("other", 1)))
    assert line_of_comparison(nothing) == "FAIL  the runs have no figure in common"


def test_the_counts_are_told_in_the_order_of_weight() -> None:
    """What is in doubt before what is the same."""
    base = [bench(name, 10) for name in "abc"]
    now = [bench("a", 9), bench("b", 10), bench("c", 10.5, spread=0.06)]
    line = line_of_comparison(compare(bench_stream(*base), bench_stream(*now)))
    assert line == "PASS  nothing is worse than allowed: 1 in doubt, 1 better, 1 the same"
