from __future__ import annotations

import numpy as np
import pytest
from benchmark_streams import GROUP, bench, bench_stream
from msgspec import structs
from queue_runs import Queue, constant, queue_stream
from result_builders import footer, header, result
from sample_streams import capacity_stream, head, load_stream, peers_stream, scale_stream, truncated

from vecgate.errors import UsageError
from vecgate.gate.compare.changes import RequirementChange
from vecgate.gate.compare.comparable_figures import ComparableFigure
from vecgate.gate.compare.comparison import compare, comparison_line
from vecgate.gate.compare.load_changes import compare_figures
from vecgate.gate.compare.regression_limits import Limit
from vecgate.results.load.load_records import OperationSecond, Second, WorkerTotals
from vecgate.results.records import Result, Stream

BOTH = ("PutVectors", "QueryVectors")
CALM = load_stream(60, BOTH)


def suite(*results: Result, **foot: object) -> Stream:
    return Stream(header(), results, footer(**foot))


def grades(base: Stream, head_: Stream) -> dict[str, str]:
    return {each.name: each.grade for each in compare(base, head_).all_changes}


def test_requirements_regress_improve_appear_and_vanish() -> None:
    """Deselected requirements are not compared."""
    base = suite(
        result("a.regressed"),
        result("a.improved", "failed"),
        result("a.known", "failed"),
        result("a.missing"),
        result("a.deselected"),
        result("a.unchanged"),
    )
    found = compare(
        base,
        suite(
            result("a.regressed", "failed", reason="assert 1 == 2"),
            result("a.improved"),
            result("a.known", "deviation"),
            result("a.new", "failed"),
            result("a.unchanged"),
            deselected=("a.deselected",),
        ),
    )
    assert {change.name: change.grade for change in found.requirement_changes} == {
        "a.regressed": "regressed",
        "a.improved": "improved",
        "a.known": "changed",
        "a.new": "new",
        "a.missing": "missing",
        "a.unchanged": "unchanged",
    }
    assert (
        RequirementChange("a.regressed", "passed", "failed", "regressed", "assert 1 == 2")
        in found.requirement_changes
    )
    assert comparison_line(found) == (
        "FAIL  1 requirement that passed in the base does not pass now, "
        "1 requirement that passed in the base is missing now: a.regressed, a.missing"
    )


@pytest.mark.parametrize(
    ("base", "head_", "line"),
    [
        (
            suite(result("a.b")),
            suite(result("a.b"), result("a.c", "failed")),
            "PASS  nothing regressed more than allowed: 1 new, 1 unchanged",
        ),
        (suite(result("a.b")), suite(), "FAIL  1 requirement that passed in the base is missing now: a.b"),
        (
            suite(result("a.b", "failed")),
            suite(result("a.b")),
            "FAIL  nothing passed in the base, so there is nothing to compare",
        ),
        (
            suite(result("a.b")),
            suite(result("a.b"), is_complete=False),
            "INCONCLUSIVE  the run in the head did not end",
        ),
        (
            Stream(header(), (result("a.b"),), None),
            suite(result("a.b")),
            "INCONCLUSIVE  the run in the base did not end",
        ),
    ],
    ids=["new", "missing", "empty-base", "incomplete", "cut-off"],
)
def test_conformance_fails_if_a_requirement_regressed(base: Stream, head_: Stream, line: str) -> None:
    """A new failure is not a regression."""
    assert comparison_line(compare(base, head_)) == line


@pytest.mark.parametrize(
    ("head_", "grade", "measured"),
    [
        (
            suite(result("a.b"), deselected=("a.c", "a.d")),
            "passed",
            "1 of 3 requirements that passed in the base were run, and none regressed",
        ),
        (
            suite(result("a.b"), result("a.c"), result("a.new"), deselected=("a.d",)),
            "passed",
            "2 of 3 requirements that passed in the base were run, and none regressed",
        ),
        (
            suite(result("a.b"), result("a.c", "failed"), deselected=("a.d",)),
            "failed",
            "1 requirement that passed in the base does not pass now",
        ),
        (
            suite(result("a.new"), deselected=("a.b", "a.c", "a.d")),
            "failed",
            "none of the 3 requirements that passed in the base was run",
        ),
    ],
    ids=["one", "some", "regressed", "none"],
)
def test_a_part_of_the_suite_is_compared_with_that_part(head_: Stream, grade: str, measured: str) -> None:
    """If nothing that passed before was run, the check fails."""
    (check,) = compare(suite(result("a.b"), result("a.c"), result("a.d")), head_).verdict.checks
    assert (check.grade, check.measured) == (grade, measured)


def test_conformance_runs_have_no_limits() -> None:
    """Everything that passed must pass again."""
    with pytest.raises(UsageError, match="no limits"):
        compare(suite(result("a.b")), suite(result("a.b")), [Limit("", 0.1)])


def test_a_run_equals_itself() -> None:
    """In every figure."""
    found = compare(CALM, CALM)
    assert comparison_line(found) == "PASS  nothing regressed more than allowed: 13 unchanged"
    assert {change.name for change in found.changes} == {
        "achieved",
        "dropped",
        "cost",
        *(f"{name}({each})" for each in BOTH for name in ("p50", "p95", "p99", "errors", "throttled")),
    }


def test_throttling_is_beyond_noise() -> None:
    """More errors, fewer achieved requests, and a higher price per million because failed requests cost too."""
    throttled = load_stream(60, BOTH, throttled_from=20)
    found = grades(CALM, throttled)
    regressed = {
        "achieved",
        "cost",
        *(f"{name}({each})" for each in BOTH for name in ("errors", "throttled")),
    }
    assert {name for name, grade in found.items() if grade == "regressed"} == regressed
    assert {name for name, grade in grades(throttled, CALM).items() if grade == "improved"} == regressed


def test_one_stall_may_be_noise() -> None:
    """It happened once in a minute, and may not happen in the next one. With a limit that is inconclusive."""
    stalled = load_stream(60, BOTH, stall_at=40)
    found = {change.name: change for change in compare(CALM, stalled).changes}
    assert found["p99(PutVectors)"].regression > 10
    assert found["p99(PutVectors)"].grade == "unclear"
    judged = compare(CALM, stalled, [Limit("p99(PutVectors)", 0.1)])
    assert judged.verdict.grade == "inconclusive"
    assert comparison_line(judged).startswith(
        "INCONCLUSIVE  1 of 1 figure unclear: p99(PutVectors) regressed by "
    )


#: The figures that throttling makes worse, except the price.
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
    ids=["percentages", "and-a-time", "not-the-price", "too-strict", "one-missing", "a-time-only", "all"],
)
def test_limits_apply_to_the_figures_that_they_name(limits: tuple[Limit, ...], grade: str) -> None:
    """A throttled run does not pass for its latency."""
    throttled = load_stream(60, BOTH, throttled_from=20)
    assert compare(CALM, throttled, limits).verdict.grade == grade


def test_a_limit_for_a_percentile_of_too_few_requests_is_inconclusive() -> None:
    """However small the change is. The line says how many requests it needs."""
    few = load_stream(10)
    line = comparison_line(compare(few, few, [Limit("p99", 0.25)]))
    assert line == (
        "INCONCLUSIVE  the noise of 1 of 1 figure is unknown (measure longer, or limit another figure): "
        "p99(PutVectors): the noise of a p99 needs 1,000 requests, there are 600"
    )
    assert compare(few, few, [Limit("p95", 0.25)]).verdict
    assert compare(few, few, [Limit("", 0.25)]).verdict


@pytest.mark.parametrize(
    ("base", "head_", "reason"),
    [
        (CALM, truncated(CALM, 40), "the run in the head did not end"),
        (
            CALM,
            load_stream(60, BOTH, generator_bound_from=10),
            "the load generator was the limit: in the head",
        ),
        (load_stream(5), load_stream(5), "the noise of all figures is unknown: the run is too short"),
    ],
    ids=["cut-off", "generator", "short"],
)
def test_an_inconclusive_comparison_gives_the_reason(base: Stream, head_: Stream, reason: str) -> None:
    """It has not passed."""
    found = compare(base, head_, force=True)
    assert found.verdict.grade == "inconclusive"
    assert reason in comparison_line(found)


def test_the_noise_of_a_p99_of_few_requests_is_unknown() -> None:
    """A percentile needs some requests above it."""
    few = load_stream(10)
    found = {change.name: change.reason for change in compare(few, few).changes}
    assert found["p99(PutVectors)"] == "the noise of a p99 needs 1,000 requests, there are 600"
    assert found["p50(PutVectors)"] == ""


def test_a_run_without_seconds_is_inconclusive() -> None:
    """Without them its noise is unknown."""
    plan = load_stream(60, ("PutVectors",)).records[0]
    totals = WorkerTotals(worker="w", operations={"PutVectors": OperationSecond(ok=9)})
    lost = Stream(head("load"), (plan, totals), footer())
    found = compare(lost, lost)
    assert found.verdict.grade == "inconclusive"
    assert {change.reason for change in found.changes} == {"the run is too short"}


def test_a_latency_of_zero_has_no_relative_change() -> None:
    """It is shown and not judged."""
    figures = [ComparableFigure("ms", value, np.full(3, value)) for value in (0.0, 2.0)]
    change = compare_figures("p50(A)", figures[0], figures[1])
    assert (change.grade, change.reason) == ("changed", "it was 0 in the base")
    rare = ComparableFigure("ms", 1.0, np.zeros(3))
    assert compare_figures("p50(A)", rare, figures[1]).reason == "it was 0 for most of the base"


def test_a_figure_of_one_run_only_is_new_or_missing() -> None:
    """An operation without an answer has no latency."""
    only = load_stream(60, ("PutVectors",))
    found = compare(CALM, only, force=True)
    assert {c.name for c in found.changes if c.grade == "missing"} == {
        f"{name}(QueryVectors)" for name in ("p50", "p95", "p99", "errors", "throttled")
    }
    assert "p50(QueryVectors) is missing" in found.verdict.checks[0].ids
    assert sum(each.grade == "new" for each in compare(only, CALM, force=True).changes) == 5


def test_runs_of_different_machines_are_compared_with_force_only() -> None:
    """The differences are shown in both cases."""
    other = Stream(head("load", environment={"machine": "arm64"}), CALM.records, CALM.footer)
    with pytest.raises(UsageError, match=r"they differ in machine: x86_64 and arm64; processor") as caught:
        compare(CALM, other)
    assert "--force" in caught.value.hint
    assert "machine: x86_64 and arm64" in map(str, compare(CALM, other, force=True).differences)


@pytest.mark.parametrize(
    ("base", "head_", "reason"),
    [
        (CALM, capacity_stream(), "kind load cannot be compared with one of kind capacity"),
        (scale_stream(), scale_stream(), "kind scale cannot be compared"),
        (peers_stream(), peers_stream(), "kind peers cannot be compared"),
    ],
)
def test_kinds_that_cannot_be_compared_are_an_error(base: Stream, head_: Stream, reason: str) -> None:
    """Even with force."""
    with pytest.raises(UsageError, match=reason):
        compare(base, head_, force=True)


def test_benchmarks_are_compared() -> None:
    """By name, with and without limits. Runs without a common benchmark fail."""
    base, slower = bench_stream(bench("direct sender", 10)), bench_stream(bench("direct sender", 12))
    assert comparison_line(compare(base, slower)) == (
        f"FAIL  1 of 1 figure regressed beyond noise: {GROUP}/direct sender regressed by 20.0 %"
    )
    assert compare(base, slower, [Limit("sender", 0.25)]).verdict
    nothing = compare(base, bench_stream(bench("other", 1)))
    assert comparison_line(nothing) == "FAIL  the runs have no figure in common"


def test_grades_are_counted_in_the_order_of_severity() -> None:
    """Unclear ones come before unchanged ones."""
    base = [bench(name, 10) for name in "abc"]
    now = [bench("a", 9), bench("b", 10), bench("c", 10.5, spread=0.06)]
    line = comparison_line(compare(bench_stream(*base), bench_stream(*now)))
    assert line == "PASS  nothing regressed more than allowed: 1 unclear, 1 improved, 1 unchanged"


def with_late_starts(stream: Stream, *, in_flight: int = 3) -> Stream:
    """Return *stream* with every tenth request late."""
    records = [
        structs.replace(each, late=each.started // 10, in_flight=in_flight)
        if isinstance(each, Second)
        else each
        for each in stream.records
    ]
    return structs.replace(stream, records=tuple(records))


FAST, SLOW = (
    queue_stream(Queue(400, latency_s), constant(60, 20), in_flight_max=64) for latency_s in (0.02, 0.03)
)


@pytest.mark.parametrize("late", ["base", "head"])
def test_a_change_of_times_with_late_starts_cannot_be_told(late: str) -> None:
    """The generator could have started these requests: their waiting time is not the target's."""
    assert compare(FAST, SLOW).verdict.grade == "failed"
    base = with_late_starts(FAST) if late == "base" else FAST
    found = compare(base, SLOW if late == "base" else with_late_starts(SLOW))
    assert found.verdict.grade == "inconclusive"
    reason = f"cannot tell: in the {late} 10 % of requests started late although slots were free"
    assert reason in comparison_line(found)


def test_late_starts_do_not_matter_to_runs_that_do_not_differ_or_were_full() -> None:
    """At the limit of requests in flight the target made them late."""
    assert compare(FAST, with_late_starts(FAST)).verdict
    assert compare(FAST, with_late_starts(SLOW, in_flight=64)).verdict.grade == "failed"
