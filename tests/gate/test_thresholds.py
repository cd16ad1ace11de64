from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from load_builders import plan, stage

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
        ("cost_per_hour < 5usd", Threshold("", "cost_per_hour", "<", 5, "usd")),
        ("rate >= 1000 vectors/s", Threshold("", "rate", ">=", 1000, "vectors/s")),
        ("rate{stage:hold} > 20requests/s", Threshold("", "rate", ">", 20, "requests/s", stage="hold")),
        ("count >= 1000", Threshold("", "count", ">=", 1000, "")),
        ("  p( 99 )  <  1 s ", None),
    ],
)
def test_a_threshold_is_parsed(text: str, expected: Threshold | None) -> None:
    """The syntax is that of k6, with units. Times become milliseconds."""
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
        ("", "it has no comparator; allowed are <, <=, >, >=, =="),
        ("p(99) 500ms", "it has no comparator; allowed are <, <=, >, >=, =="),
        ("p(99) != 500ms", "'!=' is not a comparator; allowed are <, <=, >, >=, =="),
        ("dropped = 0", "'=' is not a comparator"),
        ("p(99) < 500ms < 1s", "it has 2 comparators; write one condition in each threshold"),
        ("errors < 1% and dropped == 0", "it has 2 comparators"),
        ("p(99){operation:PutVectors < 1s", "a brace is missing"),
        ("p{stage:a}{stage:b} < 1s", "write METRIC{TAG:VALUE} COMPARATOR LIMIT"),
        ("p(99 < 1s", "'p(99' is not a metric"),
        (
            "latency < 500ms",
            (
                "'latency' is not a metric; metrics are p(99), med, avg, max, errors, throttled, rate, count, "
                "achieved, dropped, late, lost, recall@10, cost, cost_per_hour, and service_p(99) and so on"
            ),
        ),
        ("service_errors < 1%", "'service_errors' is not a metric"),
        ("p < 500ms", "'p' needs a number, as in p(99) or recall@10"),
        ("recall > 0.9", "'recall' needs a number"),
        ("recall@0 > 0.9", "'recall@0' needs a number"),
        ("p(0) < 500ms", "'p(0)' is not a percentile; allowed is above 0, up to 100"),
        ("p(101) < 500ms", "'p(101)' is not a percentile"),
        ("p(99) < 500", "p needs a unit; allowed are ms, s, us"),
        ("p(99) < 500%", "'%' is not a unit of p; allowed are ms, s, us"),
        ("errors < 5ms", "'ms' is not a unit of errors; allowed are %, no unit"),
        ("achieved >= 99", "achieved needs a unit; allowed is %"),
        ("rate > 1000", "rate needs a unit; allowed are vectors/s, requests/s"),
        ("recall@10 > 95%", "'%' is not a unit of recall; allowed is no unit"),
        ("p(99) < fast", "the limit 'fast' is not a number of 0 or more"),
        ("p(99) < -5ms", "the limit '-5ms' is not a number"),
        ("p(99) < 1,000ms", "',000ms' is not a unit of p"),
        ("achieved >= 101%", "achieved is never above 100 %"),
        ("recall@10 >= 95", "recall is never above 1"),
        ("p(99){op:PutVectors} < 1s", "p has no tag 'op'; its tags are operation, stage, time"),
        ("dropped{operation:PutVectors} == 0", "dropped has no tag 'operation'; its tags are stage"),
        ("cost{stage:hold} < 1", "cost has no tag 'stage'; its tags are none"),
        ("p(99){} < 1s", "'' is not a tag; write each tag once, as in {operation:PutVectors}"),
        ("p(99){operation} < 1s", "'operation' is not a tag"),
        ("p(99){stage:a,stage:b} < 1s", "'stage:b' is not a tag"),
        ("p(99){time:wall} < 1s", "time is 'wall'; allowed are response, service"),
    ],
)
def test_an_invalid_threshold_is_an_error(text: str, problem: str) -> None:
    """The message says what is wrong and what is allowed."""
    with pytest.raises(UsageError) as caught:
        parse_threshold(text)
    assert str(caught.value).startswith(f"threshold {text!r}: {problem}")
    assert "docs/thresholds.md" in caught.value.hint


fragments = st.sampled_from(
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


@given(text=st.one_of(st.text(), st.text(string.printable), st.lists(fragments).map("".join)))
@example(text="p(99)" * 5_000)
@example(text="p(99){" + "a:b," * 5_000 + "} < 1s")
def test_any_text_is_a_threshold_or_a_usage_error(text: str) -> None:
    """No text causes another exception."""
    try:
        found = parse_threshold(text)
    except UsageError:
        return
    assert found.metric in METRICS
    assert found.text == text.strip()


RUN = plan(stage(name="up"), stage(name="hold"), stage(), operations={"PutVectors": 0.5, "QueryVectors": 0.5})


def test_tags_must_exist_in_the_run() -> None:
    """Operations and stages; a stage without a name is selected by its number."""
    texts = ["p(99){operation:QueryVectors} < 1s", "achieved{stage:hold} > 99%", "late{stage:3} < 1%"]
    assert [threshold.text for threshold in parse_thresholds(texts, RUN)] == texts


def test_all_problems_are_reported_at_once() -> None:
    """So a file can be fixed in one step."""
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
    ("comparator", "expected"), [("<", "1"), ("<=", "12"), (">", "3"), (">=", "23"), ("==", "2")]
)
def test_comparators_compare(comparator: str, expected: str) -> None:
    """1, 2 and 3 against 2."""
    threshold = parse_threshold(f"count {comparator} 2")
    assert "".join(str(value) for value in (1, 2, 3) if threshold.is_met_by(value)) == expected
