from __future__ import annotations

import pytest
from loads import operation, plan, second, stage, steady, stream
from runs import header

from vecgate.gate.measures import figure, measure, told
from vecgate.gate.thresholds import parse_threshold
from vecgate.results.load import Recall, Second
from vecgate.results.records import Stream
from vecgate.results.summary import summary_of

#: 200 requests were due: 180 were done, 10 failed, 4 of those throttled, 8 were dropped, 2 lost. 4 were slow.
PUTS = operation(
    *[0.050] * 186, *[0.800] * 4, errors={"TooManyRequestsException": 4, "Transport": 6}, throttled=4
)
MIXED = Second(
    at_s=0,
    due=200,
    due_vectors=1900,
    started=190,
    late=19,
    dropped=8,
    lost=2,
    usd=0.25,
    operations={"PutVectors": PUTS},
)
RUN = summary_of(
    stream(
        MIXED,
        second(1, *[0.010] * 100),
        Recall(k=10, queries=20, mean=0.97, lowest=0.5),
        planned=plan(stage(duration_s=1, name="first"), stage(duration_s=1, name="then")),
    )
)


@pytest.mark.parametrize(
    ("text", "measured", "holds"),
    [
        ("p(50) < 100ms", "50 ms, 50 % below the limit", True),
        ("p(99) < 500ms", "800 ms, 60 % above the limit", False),
        ("max <= 0.5s", "800 ms, 60 % above the limit", False),
        ("service_p(99) < 500ms", "400 ms, 20 % below the limit", True),
        ("p(99){stage:then} < 100ms", "10 ms, 90 % below the limit", True),
        ("avg{stage:then} < 5ms", "10 ms, 100 % above the limit", False),
        ("errors{stage:first} < 1%", "5.263 %, 4.3 points above the limit", False),
        ("errors < 20", "10, 10 below the limit", True),
        ("errors == 0", "10", False),
        ("throttled{stage:first} <= 4", "4, at the limit", True),
        ("throttled{operation:PutVectors} < 2%", "1.379 %, 0.62 points below the limit", True),
        ("achieved{stage:first} >= 90%", "90 %, at the limit", True),
        ("achieved{stage:then} >= 99.5%", "100 %, 0.5 points above the limit", True),
        ("achieved >= 99.5%", "93.33 %, 6.2 points below the limit", False),
        ("dropped == 0", "8", False),
        ("dropped{stage:then} == 0", "0", True),
        ("dropped <= 10%", "2.667 %, 7.3 points below the limit", True),
        ("late{stage:first} < 10%", "10 %, at the limit", False),
        ("lost == 2", "2", True),
        ("rate > 1000 vectors/s", "1,400 vectors/s, 40 % above the limit", True),
        ("rate{stage:first} > 180 requests/s", "180 requests/s, at the limit", False),
        ("count >= 300", "280, 20 below the limit", False),
        ("recall@10 >= 0.95", "0.97, 0.02 above the limit", True),
        ("cost < 0.20", "$0.25, 25 % above the limit", False),
        ("cost > 0", "$0.25", True),
    ],
)
def test_a_threshold_is_measured(text: str, measured: str, *, holds: bool) -> None:
    """Value, and how far it is from the limit: a part of it, or points and numbers where those say more."""
    found = measure(parse_threshold(text), RUN)
    assert (_rounded(str(found)), found.holds) == (measured, holds)


def _rounded(text: str) -> str:
    """Times are kept to three digits: 50.01 ms is 50 ms here."""
    value, _, rest = text.partition(" ms")
    return f"{float(value):.0f} ms{rest}" if rest else text


@pytest.mark.parametrize(
    "text",
    [
        "p(99){operation:QueryVectors} < 1s",
        "errors{operation:QueryVectors} < 1%",
        "errors{stage:never} == 0",
        "rate{stage:never} >= 0 vectors/s",
        "recall@5 >= 0",
    ],
)
def test_a_metric_without_samples_meets_nothing(text: str) -> None:
    """However little is asked; it says so in words of its own."""
    found = measure(parse_threshold(text), RUN)
    assert (str(found), found.value, found.margin, found.holds) == ("no data", None, None, False)


@pytest.mark.parametrize(
    "text", ["achieved >= 0%", "dropped == 0", "late < 1%", "cost < 1", "count == 0", "rate < 1 vectors/s"]
)
def test_an_empty_run_meets_nothing(text: str) -> None:
    """Nothing is not a pass."""
    found = measure(parse_threshold(text), summary_of(Stream(header(), (plan(),))))
    assert (str(found), found.holds) == ("no data", False)


def test_two_stages_of_one_name_have_no_sample() -> None:
    """Nobody can say which is meant, and the better one must not hide the other."""
    planned = plan(*[stage(duration_s=1, name="peak")] * 2)
    summary = summary_of(stream(MIXED, second(1, *[0.010] * 100), planned=planned))
    assert str(measure(parse_threshold("errors{stage:peak} < 1%"), summary)) == "no data"


def test_stages_without_a_name_go_by_their_number() -> None:
    """Though people are told the same of both."""
    planned = plan(*[stage(per_s=1_000, duration_s=1)] * 2)
    summary = summary_of(stream(MIXED, second(1, *[0.010] * 100), planned=planned))
    assert [each.stage.told for each in summary.stages] == ["constant 1,000/s"] * 2
    assert measure(parse_threshold("errors{stage:1} < 1%"), summary).value == pytest.approx(100 * 10 / 190)
    assert measure(parse_threshold("errors{stage:2} < 1%"), summary).value == 0


def test_an_attempt_that_was_throttled_counts_among_all_that_were_sent() -> None:
    """The batch client sends again: 10 requests, 10 attempts more, 5 answers that asked for less."""
    told_of = second(0, operations={"PutVectors": operation(*[0.1] * 10, retried=10, throttled=5)})
    summary = summary_of(stream(told_of, planned=plan(stage(duration_s=1))))
    assert measure(parse_threshold("throttled < 30%"), summary).value == 25


def test_a_schedule_that_was_kept_is_at_100() -> None:
    """Exactly, so that it may be asked for."""
    assert measure(parse_threshold("achieved == 100%"), summary_of(stream(*steady()))).holds


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.012345, "0.01235"),
        (1.5, "1.5"),
        (99.996, "100"),
        (1234.5, "1,234"),
        (1_000_000, "1,000,000"),
    ],
)
def test_figures_have_the_digits_that_count(value: float, text: str) -> None:
    """Four, and no zeros behind the point."""
    assert figure(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "usd", "$0.00"),
        (0.00023, "usd", "$0.00023"),
        (0.5, "usd", "$0.50"),
        (1234.5, "usd", "$1,234.50"),
        (3, "", "3"),
    ],
)
def test_values_are_told_with_their_unit(value: float, unit: str, text: str) -> None:
    """Money as money is; less than ten cents is told by what counts."""
    assert told(value, unit) == text
