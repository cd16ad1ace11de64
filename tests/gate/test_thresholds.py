from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from loads import plan, stage

from vecgate.errors import UsageError
from vecgate.gate.thresholds import METRICS, Threshold, parse_threshold, parse_thresholds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p(99) < 500ms", Threshold("", "p", "<", 500, "ms", percentile=99)),
        ("p99<=0.5s", Threshold("", "p", "<=", 500, "ms", percentile=99)),
        ("p(99.9) < 800 us", Threshold("", "p", "<", 0.8, "ms", percentile=99.9)),
        ("med < 20ms", Threshold("", "p", "<", 20, "ms", percentile=50)),
        ("avg < 20ms", Threshold("", "avg", "<", 20, "ms")),
        ("max < 2s", Threshold("", "max", "<", 2000, "ms")),
        ("service_p(99) < 100ms", Threshold("", "p", "<", 100, "ms", percentile=99, is_service=True)),
        ("service_max < 1s", Threshold("", "max", "<", 1000, "ms", is_service=True)),
        ("p(99){time:service} < 100ms", Threshold("", "p", "<", 100, "ms", percentile=99, is_service=True)),
        ("p(99){time:response} < 100ms", Threshold("", "p", "<", 100, "ms", percentile=99)),
        (
            "p(95){operation:PutVectors, stage:hold it} < 1s",
            Threshold("", "p", "<", 1000, "ms", percentile=95, operation="PutVectors", stage="hold it"),
        ),
        ("errors < 0.1%", Threshold("", "errors", "<", 0.1, "%")),
        ("errors == 0", Threshold("", "errors", "==", 0, "")),
        (
            "throttled{operation:PutVectors} < 1 %",
            Threshold("", "throttled", "<", 1, "%", operation="PutVectors"),
        ),
        ("achieved >= 99.5%", Threshold("", "achieved", ">=", 99.5, "%")),
        ("dropped == 0", Threshold("", "dropped", "==", 0, "")),
        ("late{stage:2} <= 5%", Threshold("", "late", "<=", 5, "%", stage="2")),
        ("lost < 10", Threshold("", "lost", "<", 10, "")),
        ("recall@10 >= 0.95", Threshold("", "recall", ">=", 0.95, "", k=10)),
        ("cost < 1.00usd", Threshold("", "cost", "<", 1, "usd")),
        ("cost < 1.00", Threshold("", "cost", "<", 1, "usd")),
        ("rate >= 1000 vectors/s", Threshold("", "rate", ">=", 1000, "vectors/s")),
        ("rate{stage:hold} > 20requests/s", Threshold("", "rate", ">", 20, "requests/s", stage="hold")),
        ("count >= 1000", Threshold("", "count", ">=", 1000, "")),
        ("  p( 99 )  <  1 s ", None),
    ],
)
def test_a_threshold_is_read_as_people_write_it(text: str, expected: Threshold | None) -> None:
    """k6's words, with units; times are milliseconds from then on."""
    if expected is None:
        with pytest.raises(UsageError):
            parse_threshold(text)
        return
    found = parse_threshold(f"  {text} ")
    assert found.text == text
    assert found == Threshold(
        text, *(getattr(expected, name) for name in Threshold.__slots__ if name != "text")
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it reads METRIC{TAG:VALUE} COMPARATOR LIMIT; comparators are <, <=, >, >=, =="),
        ("p(99) 500ms", "it reads METRIC{TAG:VALUE} COMPARATOR LIMIT; comparators are <, <=, >, >=, =="),
        ("p(99) != 500ms", "it reads METRIC"),
        ("p(99) < 500ms < 1s", "it reads METRIC"),
        ("p(99){operation:PutVectors < 1s", "it reads METRIC"),
        (
            "latency < 500ms",
            (
                "'latency' is no metric; metrics are p(99), med, avg, max, errors, throttled, rate, count, "
                "achieved, dropped, late, lost, recall@10, cost, and service_p(99) and so on"
            ),
        ),
        ("service_errors < 1%", "'service_errors' is no metric"),
        ("p < 500ms", "'p' lacks its number, as in p(99) and recall@10"),
        ("recall > 0.9", "'recall' lacks its number"),
        ("recall@0 > 0.9", "'recall@0' lacks its number"),
        ("p(0) < 500ms", "'p(0)' is no percentile; those are above 0 and up to 100"),
        ("p(101) < 500ms", "'p(101)' is no percentile"),
        ("p(99) < 500", "p needs a unit; allowed are ms, s, us"),
        ("p(99) < 500%", "'%' is no unit of p; allowed are ms, s, us"),
        ("errors < 5ms", "'ms' is no unit of errors; allowed are %, no unit"),
        ("achieved >= 99", "achieved needs a unit; allowed are %"),
        ("rate > 1000", "rate needs a unit; allowed are vectors/s, requests/s"),
        ("recall@10 > 95%", "'%' is no unit of recall; allowed are no unit"),
        ("p(99) < fast", "the limit 'fast' is no number that is 0 or more"),
        ("p(99) < -5ms", "the limit '-5ms' is no number"),
        ("p(99) < 1,000ms", "',000ms' is no unit of p"),
        ("achieved >= 101%", "achieved is never above 100 %"),
        ("recall@10 >= 95", "recall is never above 1"),
        ("p(99){op:PutVectors} < 1s", "p has no tag 'op'; it has operation, stage, time"),
        ("dropped{operation:PutVectors} == 0", "dropped has no tag 'operation'; it has stage"),
        ("cost{stage:hold} < 1", "cost has no tag 'stage'; it has none"),
        ("p(99){} < 1s", "'' is no tag: each is written once, as in {operation:PutVectors}"),
        ("p(99){operation} < 1s", "'operation' is no tag"),
        ("p(99){stage:a,stage:b} < 1s", "'stage:b' is no tag"),
        ("p(99){time:wall} < 1s", "time is 'wall'; allowed are response, service"),
    ],
)
def test_what_is_no_threshold_is_refused(text: str, problem: str) -> None:
    """With what is wrong, and what is allowed."""
    with pytest.raises(UsageError) as caught:
        parse_threshold(text)
    assert str(caught.value).startswith(f"threshold {text!r}: {problem}")
    assert "docs/thresholds.md" in caught.value.hint


pieces = st.sampled_from(
    [
        "p(99)",
        "p",
        "99",
        "errors",
        "recall@",
        "{",
        "}",
        "operation:",
        "stage:",
        ",",
        "<",
        ">=",
        "=",
        "1",
        ".",
        "ms",
        "%",
        " ",
    ]
)


@given(text=st.one_of(st.text(), st.text(string.printable), st.lists(pieces).map("".join)))
@example(text="p(99)" * 5_000)
@example(text="p(99){" + "a:b," * 5_000 + "} < 1s")
def test_nonsense_is_refused_and_nothing_else(text: str) -> None:
    """Any text is a threshold, or an error with words."""
    try:
        found = parse_threshold(text)
    except UsageError:
        return
    assert found.metric in METRICS
    assert found.text == text.strip()


RUN = plan(stage(name="up"), stage(name="hold"), stage(), operations={"PutVectors": 0.5, "QueryVectors": 0.5})


def test_thresholds_fit_the_run_they_are_for() -> None:
    """Operations and stages that it has, the latter also by number where they have no name."""
    texts = ["p(99){operation:QueryVectors} < 1s", "achieved{stage:hold} > 99%", "late{stage:3} < 1%"]
    assert [threshold.text for threshold in parse_thresholds(texts, RUN)] == texts


def test_all_that_is_wrong_is_told_at_once() -> None:
    """A file is mended in one go."""
    texts = ["p99 < 1", "errors < 1%", "p99{operation:GetVectors} < 1s", "late{stage:peak} < 1%"]
    with pytest.raises(UsageError) as caught:
        parse_thresholds(texts, RUN)
    assert str(caught.value).splitlines() == [
        "threshold 'p99 < 1': p needs a unit; allowed are ms, s, us",
        (
            "threshold 'p99{operation:GetVectors} < 1s': the run has no operation 'GetVectors'; "
            "it has PutVectors, QueryVectors"
        ),
        "threshold 'late{stage:peak} < 1%': the run has no stage 'peak'; it has up, hold, 3",
    ]


@pytest.mark.parametrize(
    ("comparator", "held"), [("<", "1"), ("<=", "12"), (">", "3"), (">=", "23"), ("==", "2")]
)
def test_comparators_compare(comparator: str, held: str) -> None:
    """1, 2 and 3 against 2."""
    threshold = parse_threshold(f"count {comparator} 2")
    assert "".join(str(value) for value in (1, 2, 3) if threshold.holds(value)) == held
