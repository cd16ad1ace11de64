from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_builders import operation, plan, second, stage, steady, stream, unfinished
from msgspec.structs import replace
from result_builders import header

from vecgate.errors import SourceError
from vecgate.load.traffic.request_recorder import merge_seconds
from vecgate.results.histograms import merge_histograms
from vecgate.results.load.load_records import OperationSecond, Recall, Second, WorkerTotals
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import Stream

RAMP = plan(stage("ramp", 0, 4, to_per_s=100, name="up"), stage(duration_s=6, name="hold"))


def test_a_run_is_the_sum_of_its_seconds() -> None:
    """Ten seconds with ten successful requests of ten vectors."""
    found = summarize(stream(*steady()))
    assert (found.due, found.due_vectors, found.started, found.ok, found.vectors) == (
        100,
        1000,
        100,
        100,
        1000,
    )
    assert (found.requests, found.achieved, found.duration_s) == (100, 1.0, 10.0)
    assert (found.offered_per_s, found.achieved_per_s) == (100.0, 100.0)
    assert (found.usd, round(found.usd_per_hour, 6)) == (0.1, 36.0)
    assert [round(each) for each in (found.total.response.percentile_ms(99), found.total.service.max_ms)] == [
        40,
        20,
    ]
    assert (found.recall, found.limited_by_generator) == (None, "")


def test_the_price_of_an_hour_leaves_out_preloaded_vectors() -> None:
    """They are paid once. A run without seconds has already paid them."""
    planned = plan(preload_usd=0.04)
    found = summarize(stream(*steady(), planned=planned))
    assert (found.usd, round(found.usd_per_hour, 6)) == (0.1, 21.6)
    assert summarize(unfinished(planned=planned)).usd == 0.04


def test_rates_are_in_the_unit_of_the_plan() -> None:
    """Requests, if the plan counts requests."""
    found = summarize(stream(*steady(), planned=plan(unit="requests")))
    assert (found.offered_per_s, found.achieved_per_s) == (10.0, 10.0)


def test_failed_and_missing_requests_are_not_achieved() -> None:
    """Errors, dropped requests, and requests of lost workers were all due."""
    lossy = second(
        0,
        0.01,
        0.02,
        due=5,
        late=2,
        dropped=2,
        lost=1,
        operations={"PutVectors": operation(0.01, 0.02, errors={"TooManyRequestsException": 1}, throttled=1)},
    )
    found = summarize(stream(lossy, planned=plan(stage(duration_s=1))))
    counts = found.operations["PutVectors"]
    assert (found.achieved, found.late, found.dropped, found.lost) == (0.2, 2, 2, 1)
    assert (counts.ok, counts.failed, counts.requests, counts.throttled) == (1, 1, 2, 1)
    assert counts.errors == {"TooManyRequestsException": 1}


def test_a_second_belongs_to_the_stage_in_which_it_began() -> None:
    """Requests that ended after the last stage belong to the last one."""
    seconds = [*steady(10), second(10, 1.5, due=0, due_vectors=0, started=0)]
    up, hold = summarize(stream(*seconds, planned=RAMP)).stages
    assert (up.name, up.start_s, up.end_s, up.ok, up.stage.kind) == ("up", 0.0, 4.0, 40, "ramp")
    assert (hold.name, hold.start_s, hold.end_s, hold.ok, hold.due) == ("hold", 4.0, 10.0, 61, 60)
    assert (up.offered_per_s, hold.offered_per_s) == (100.0, 100.0)
    assert [round(each.total.response.max_ms) for each in (up, hold)] == [40, 1500]


def test_a_stage_that_begins_within_a_second_has_its_part_of_that_second() -> None:
    """So a stage that is shorter than a second has figures too."""
    stages = [stage(duration_s=duration_s) for duration_s in (1.5, 0.2, 1.3)]
    parts = (second(1, *[0.01] * 6), second(1, *[0.02] * 2), second(1, 0.03))
    seconds = [second(0, *[0.01] * 10), replace(second(1, *[0.01] * 9), parts=parts), second(2, 0.03, 2.0)]
    found = summarize(stream(*seconds, planned=plan(*stages, scheduled=21))).stages
    stages_found = [(each.name, each.start_s, round(each.end_s, 9), each.due, each.ok) for each in found]
    assert stages_found == [("1", 0.0, 1.5, 16, 16), ("2", 1.5, 1.7, 2, 2), ("3", 1.7, 3.0, 3, 3)]
    assert [round(each.total.response.max_ms) for each in found] == [10, 20, 2001]
    assert found[1].offered_per_s == pytest.approx(100)


def test_a_second_without_parts_belongs_to_the_stage_in_which_it_began() -> None:
    """Nothing is lost or counted twice."""
    stages = [stage(duration_s=duration_s) for duration_s in (2.5, 0.2, 2.8, 4.5)]
    found = summarize(stream(*steady(10), planned=plan(*stages))).stages
    assert [(each.name, each.start_s, each.ok) for each in found] == [
        ("1", 0.0, 30),
        ("2", 2.5, 0),
        ("3", 2.7, 30),
        ("4", 5.5, 40),
    ]


def test_rounding_errors_of_durations_do_not_matter() -> None:
    """Parts that add up to ten seconds end at ten seconds."""
    stages = [stage(duration_s=duration_s) for duration_s in (1.3, 6.9, 1.8, 2.0)]
    assert list(accumulate(each.duration_s for each in stages))[2] > 10
    found = summarize(stream(*steady(12), planned=plan(*stages))).stages
    assert [each.start_s for each in found] == [0, 1.3, pytest.approx(8.2), 10]
    assert [each.ok for each in found] == [20, 70, 10, 20]


def test_a_stage_without_a_name_has_its_number() -> None:
    """Counted from 1."""
    found = summarize(stream(*steady(), planned=plan(stage(duration_s=5), stage(duration_s=5, name="hold"))))
    assert [each.name for each in found.stages] == ["1", "hold"]


@pytest.mark.parametrize(
    ("known", "names", "elapsed_s"), [(0, [], 0.0), (3, ["up"], 3.0), (5, ["up", "hold"], 5.0)]
)
def test_a_run_that_was_cut_off_is_summed_as_far_as_it_goes(
    known: int, names: list[str], elapsed_s: float
) -> None:
    """Rates are over the part of the schedule that had passed."""
    found = summarize(unfinished(*steady(known), planned=RAMP))
    assert (found.duration_s, [each.name for each in found.stages]) == (elapsed_s, names)
    assert found.achieved_per_s == (100.0 if known else 0.0)
    assert (found.achieved, found.usd_per_hour > 0) == ((1.0, True) if known else (0.0, False))


def test_a_schedule_has_passed_once_its_last_request_was_due() -> None:
    """A ramp to zero has no seconds at its end, but its rates are over the whole schedule."""
    down = plan(stage("ramp", 20, to_per_s=0), scheduled=80)
    found = summarize(stream(*steady(8), planned=down))
    assert (found.duration_s, found.offered_per_s) == (10.0, 80.0)


def test_a_stream_without_a_plan_is_an_error() -> None:
    """It is not a load run."""
    with pytest.raises(SourceError, match="it has no plan"):
        summarize(Stream(header(), ()))


def test_recalls_are_indexed_by_topk() -> None:
    """Reports show the first one."""
    recalls = [Recall(k=10, queries=50, mean=0.98, lowest=0.7), Recall(k=1, queries=50, mean=1.0, lowest=1.0)]
    found = summarize(stream(*steady(), *recalls))
    assert (found.recall, found.recalls[1]) == (recalls[0], recalls[1])


def totals(*records: OperationSecond) -> list[WorkerTotals]:
    return [WorkerTotals(worker=f"w{n}", operations={"PutVectors": each}) for n, each in enumerate(records)]


def test_a_complete_run_uses_the_totals_of_its_workers() -> None:
    """Normally they equal the seconds. They differ here to show which are used."""
    workers = totals(operation(*[0.2] * 50), operation(*[0.2] * 50))
    found = summarize(stream(*steady(), *workers)).operations["PutVectors"]
    assert (found.ok, round(found.response.percentile_ms(50))) == (100, 200)


@pytest.mark.parametrize("records", [[operation(*[0.2] * 50)], []])
def test_a_worker_that_died_has_no_totals(records: list[OperationSecond]) -> None:
    """Then the seconds are used."""
    found = summarize(stream(*steady(), *totals(*records))).operations["PutVectors"]
    assert (found.ok, round(found.response.percentile_ms(50))) == (100, 40)


def test_missing_seconds_are_known_from_the_workers() -> None:
    """Such as the last one, if the master had stopped listening."""
    found = summarize(stream(*steady(9), *totals(operation(*[0.2] * 100))))
    assert found.ok == 100


@given(times=st.lists(st.lists(st.floats(min_value=0.001, max_value=3), max_size=5), min_size=1, max_size=8))
def test_the_histogram_of_a_run_is_the_sum_of_its_seconds(times: list[list[float]]) -> None:
    """In total and over its stages."""
    seconds = [second(at_s, *each) for at_s, each in enumerate(times)]
    found = summarize(unfinished(*seconds, planned=RAMP))
    texts = [each.operations["PutVectors"].response.histogram for each in seconds if each.operations]
    assert found.total.response.encode() == merge_histograms(texts).encode()
    parts = [each.total.response.encode() for each in found.stages]
    assert merge_histograms(parts).encode() == merge_histograms(texts).encode()


def test_the_total_is_the_sum_of_the_operations() -> None:
    """Operations are in the order of their names."""
    parts = [
        Second(at_s=0, operations={"QueryVectors": operation(0.001, vectors=0)}),
        Second(
            at_s=0, operations={"PutVectors": operation(0.100), "QueryVectors": operation(0.001, vectors=0)}
        ),
    ]
    found = summarize(stream(merge_seconds(parts, at_s=0), planned=plan(stage(duration_s=1))))
    assert list(found.operations) == ["PutVectors", "QueryVectors"]
    assert (found.total.ok, found.vectors, found.total.vectors) == (3, 10, 10)
    assert [round(each) for each in found.total.response.percentiles_ms(50, 100)] == [1, 100]


WARMED = plan(stage(duration_s=4, name="warm", warm_up=True), stage(duration_s=6, name="hold"))


def test_a_warm_up_is_shown_and_left_out_of_the_sums() -> None:
    """Its slow and failed requests count in its own stage only, and so does the price of its time."""
    cold = [
        second(at, *[2.0] * 10, operations={"PutVectors": operation(*[2.0] * 10, errors={"503": 5})})
        for at in range(4)
    ]
    worker = WorkerTotals(worker="w", operations={"PutVectors": operation(*[2.0] * 40, *[0.04] * 60)})
    found = summarize(stream(*cold, *steady()[4:], worker, planned=WARMED))
    assert (found.due, found.requests, found.ok, found.achieved) == (60, 60, 60, 1.0)
    assert round(found.total.response.max_ms) == 40
    assert (found.measured_from_s, found.duration_s, found.end_s) == (4.0, 6.0, 10.0)
    assert [(each.stage.warm_up, each.ok, each.requests) for each in found.stages] == [
        (True, 20, 40),
        (False, 60, 60),
    ]
    assert round(found.usd_per_hour, 6) == 36.0
    assert len(found.seconds) == 10


def test_a_run_that_ended_during_its_warm_up_has_measured_nothing() -> None:
    """And shows what there is."""
    found = summarize(unfinished(*steady(3), planned=WARMED))
    assert (found.requests, found.duration_s, found.end_s, len(found.stages)) == (0, 0.0, 3.0, 1)


def test_a_generator_that_was_slow_in_the_warm_up_was_not_the_limit() -> None:
    """Warming up is what it is for."""
    slow = [second(at, *[0.04] * 10, late=10, busiest_cores=1.0, loop_lag_ms=900.0) for at in range(4)]
    assert summarize(stream(*slow, *steady()[4:], planned=WARMED)).limited_by_generator == ""
