from __future__ import annotations

import pytest
from load_builders import operation, plan, second, stage, steady, stream
from result_builders import header

from vecgate.gate.threshold_checks import measure
from vecgate.gate.thresholds import parse_threshold
from vecgate.results.load.load_records import Recall, Second
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import Stream

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
#: What a p99 of too few requests says.
FEW = "requests, where a p99 needs 1,000"
RUN = summarize(
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
        ("p(99) < 500ms", f"800 ms, 60 % above the limit, of 290 {FEW}", False),
        ("max <= 0.5s", "800 ms, 60 % above the limit", False),
        ("service_p(99) < 500ms", f"400 ms, 20 % below the limit, of 290 {FEW}", True),
        ("p(99){stage:then} < 100ms", f"10 ms, 90 % below the limit, of 100 {FEW}", True),
        ("avg{stage:then} < 5ms", "10 ms, 100 % above the limit", False),
        ("errors{stage:first} < 1%", "5.26 %, 4.3 points above the limit", False),
        ("errors < 20", "10, 10 below the limit", True),
        ("errors == 0", "10", False),
        ("throttled{stage:first} <= 4", "4, at the limit", True),
        ("throttled{operation:PutVectors} < 2%", "1.38 %, 0.62 points below the limit", True),
        ("achieved{stage:first} >= 90%", "90 %, at the limit", True),
        ("achieved{stage:then} >= 99.5%", "100 %, 0.50 points above the limit", True),
        ("achieved >= 99.5%", "93.33 %, 6.2 points below the limit", False),
        ("dropped == 0", "8", False),
        ("dropped{stage:then} == 0", "0", True),
        ("dropped <= 10%", "2.67 %, 7.3 points below the limit", True),
        ("late{stage:first} < 10%", "10 %, at the limit", False),
        ("lost == 2", "2", True),
        ("rate > 1000 vectors/s", "1,400 vectors/s, 40 % above the limit", True),
        ("rate{stage:first} > 180 requests/s", "180 requests/s, at the limit", False),
        ("count >= 300", "280, 20 below the limit", False),
        ("recall@10 >= 0.95", "0.970, 0.020 above the limit", True),
        ("cost < 0.20", "$0.25, 25 % above the limit", False),
        ("cost > 0", "$0.25", True),
    ],
)
def test_a_threshold_is_measured(text: str, measured: str, *, holds: bool) -> None:
    """With its value and its margin: relative to the limit for times, rates and prices, else the difference."""
    found = measure(parse_threshold(text), RUN)
    assert (_rounded(str(found)), found.is_met) == (measured, holds)


def _rounded(text: str) -> str:
    """Return *text* with whole milliseconds: histograms are exact to three digits only."""
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
def test_a_metric_without_samples_is_not_met(text: str) -> None:
    """Even if the limit is 0. The text is "no data"."""
    found = measure(parse_threshold(text), RUN)
    assert (str(found), found.value, found.margin, found.is_met) == ("no data", None, None, False)


@pytest.mark.parametrize(
    "text", ["achieved >= 0%", "dropped == 0", "late < 1%", "cost < 1", "count == 0", "rate < 1 vectors/s"]
)
def test_an_empty_run_meets_no_threshold(text: str) -> None:
    """No data is not a pass."""
    found = measure(parse_threshold(text), summarize(Stream(header(), (plan(),))))
    assert (str(found), found.is_met) == ("no data", False)


def test_two_stages_with_one_name_have_no_sample() -> None:
    """It is unclear which one is meant, and the better one must not hide the other."""
    planned = plan(*[stage(duration_s=1, name="peak")] * 2)
    summary = summarize(stream(MIXED, second(1, *[0.010] * 100), planned=planned))
    assert str(measure(parse_threshold("errors{stage:peak} < 1%"), summary)) == "no data"


def test_stages_without_a_name_are_selected_by_number() -> None:
    """Although both have the same label."""
    planned = plan(*[stage(per_s=1_000, duration_s=1)] * 2)
    summary = summarize(stream(MIXED, second(1, *[0.010] * 100), planned=planned))
    assert [each.stage.label for each in summary.stages] == ["constant 1,000/s"] * 2
    assert measure(parse_threshold("errors{stage:1} < 1%"), summary).value == pytest.approx(100 * 10 / 190)
    assert measure(parse_threshold("errors{stage:2} < 1%"), summary).value == 0


def test_throttled_attempts_are_a_share_of_all_attempts() -> None:
    """The batch client retries: 10 requests with 10 retries and 5 throttled attempts."""
    retried = second(0, operations={"PutVectors": operation(*[0.1] * 10, retried=10, throttled=5)})
    summary = summarize(stream(retried, planned=plan(stage(duration_s=1))))
    assert measure(parse_threshold("throttled < 30%"), summary).value == 25


def test_a_complete_schedule_is_exactly_100_percent() -> None:
    """So `achieved == 100%` can be required."""
    assert measure(parse_threshold("achieved == 100%"), summarize(stream(*steady()))).is_met


def test_the_price_of_an_hour_is_that_of_the_schedule() -> None:
    """The preloaded vectors are paid once. It cannot be checked during the run."""
    summary = summarize(stream(*steady(), planned=plan(preload_usd=0.04)))
    assert str(measure(parse_threshold("cost_per_hour < 20usd"), summary)).startswith("$21.6")
    assert not measure(parse_threshold("cost_per_hour < 20usd"), summary).is_met
    assert measure(parse_threshold("cost_per_hour < 22"), summary).is_met
