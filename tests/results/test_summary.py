from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loads import cut, operation, plan, second, stage, steady, stream
from msgspec.structs import replace
from runs import header

from vecgate.errors import SourceError
from vecgate.load.recorder import merged_second
from vecgate.results.histograms import merged
from vecgate.results.load import OperationSecond, Recall, Second, WorkerTotals
from vecgate.results.records import Stream
from vecgate.results.summary import summary_of

RAMP = plan(stage("ramp", 0, 4, to_per_s=100, name="up"), stage(duration_s=6, name="hold"))


def test_a_run_adds_up() -> None:
    """Ten seconds of ten requests of ten vectors, all of them done."""
    found = summary_of(stream(*steady()))
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
    assert [round(each) for each in (found.whole.response.percentile_ms(99), found.whole.service.max_ms)] == [
        40,
        20,
    ]
    assert (found.recall, found.limited_by_generator) == (None, "")


def test_an_hour_does_not_cost_what_was_put_beforehand() -> None:
    """That is paid once; the run has paid it, though nothing of it was heard yet."""
    planned = plan(usd_before=0.04)
    found = summary_of(stream(*steady(), planned=planned))
    assert (found.usd, round(found.usd_per_hour, 6)) == (0.1, 21.6)
    assert summary_of(cut(planned=planned)).usd == 0.04


def test_rates_are_in_the_unit_of_the_plan() -> None:
    """Requests where it counts those."""
    found = summary_of(stream(*steady(), planned=plan(unit="requests")))
    assert (found.offered_per_s, found.achieved_per_s) == (10.0, 10.0)


def test_what_was_not_done_is_not_achieved() -> None:
    """Errors, drops and requests of workers that were gone: all were due."""
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
    found = summary_of(stream(lossy, planned=plan(stage(duration_s=1))))
    told = found.operations["PutVectors"]
    assert (found.achieved, found.late, found.dropped, found.lost) == (0.2, 2, 2, 1)
    assert (told.ok, told.failed, told.requests, told.throttled) == (1, 1, 2, 1)
    assert told.errors == {"TooManyRequestsException": 1}


def test_stages_have_the_seconds_that_began_in_them() -> None:
    """And the last one what ended after it."""
    seconds = [*steady(10), second(10, 1.5, due=0, due_vectors=0, started=0)]
    up, hold = summary_of(stream(*seconds, planned=RAMP)).stages
    assert (up.name, up.start_s, up.end_s, up.ok, up.stage.kind) == ("up", 0.0, 4.0, 40, "ramp")
    assert (hold.name, hold.start_s, hold.end_s, hold.ok, hold.due) == ("hold", 4.0, 10.0, 61, 60)
    assert (up.offered_per_s, hold.offered_per_s) == (100.0, 100.0)
    assert [round(each.whole.response.max_ms) for each in (up, hold)] == [40, 1500]


def test_a_stage_that_begins_within_a_second_has_its_part_of_it() -> None:
    """So its figures are its own, and a stage that is over within a second has some."""
    stages = [stage(duration_s=duration_s) for duration_s in (1.5, 0.2, 1.3)]
    parts = (second(1, *[0.01] * 6), second(1, *[0.02] * 2), second(1, 0.03))
    seconds = [second(0, *[0.01] * 10), replace(second(1, *[0.01] * 9), parts=parts), second(2, 0.03, 2.0)]
    found = summary_of(stream(*seconds, planned=plan(*stages, scheduled=21))).stages
    told = [(each.name, each.start_s, round(each.end_s, 9), each.due, each.ok) for each in found]
    assert told == [("1", 0.0, 1.5, 16, 16), ("2", 1.5, 1.7, 2, 2), ("3", 1.7, 3.0, 3, 3)]
    assert [round(each.whole.response.max_ms) for each in found] == [10, 20, 2001]
    assert found[1].offered_per_s == pytest.approx(100)


def test_a_second_that_was_not_cut_belongs_where_it_began() -> None:
    """Nothing of it is lost, nor counted twice."""
    stages = [stage(duration_s=duration_s) for duration_s in (2.5, 0.2, 2.8, 4.5)]
    found = summary_of(stream(*steady(10), planned=plan(*stages))).stages
    assert [(each.name, each.start_s, each.ok) for each in found] == [
        ("1", 0.0, 30),
        ("2", 2.5, 0),
        ("3", 2.7, 30),
        ("4", 5.5, 40),
    ]


def test_sums_of_durations_are_meant_as_they_are_written() -> None:
    """Ten seconds are ten, whatever binary fractions make of their parts."""
    stages = [stage(duration_s=duration_s) for duration_s in (1.3, 6.9, 1.8, 2.0)]
    assert sum(each.duration_s for each in stages[:3]) > 10
    found = summary_of(stream(*steady(12), planned=plan(*stages))).stages
    assert [each.start_s for each in found] == [0, 1.3, pytest.approx(8.2), 10]
    assert [each.ok for each in found] == [20, 70, 10, 20]


def test_a_stage_without_a_name_has_its_number() -> None:
    """From 1 on."""
    found = summary_of(stream(*steady(), planned=plan(stage(duration_s=5), stage(duration_s=5, name="hold"))))
    assert [each.name for each in found.stages] == ["1", "hold"]


@pytest.mark.parametrize(
    ("known", "names", "elapsed_s"), [(0, [], 0.0), (3, ["up"], 3.0), (5, ["up", "hold"], 5.0)]
)
def test_a_run_that_was_cut_gives_what_it_holds(known: int, names: list[str], elapsed_s: float) -> None:
    """The part of the schedule that is gone, and rates over that."""
    found = summary_of(cut(*steady(known), planned=RAMP))
    assert (found.duration_s, [each.name for each in found.stages]) == (elapsed_s, names)
    assert found.achieved_per_s == (100.0 if known else 0.0)
    assert (found.achieved, found.usd_per_hour > 0) == ((1.0, True) if known else (0.0, False))


def test_a_schedule_whose_end_is_empty_is_gone_with_its_last_request() -> None:
    """A ramp down to nothing has no seconds at its end; rates are over all of it nevertheless."""
    down = plan(stage("ramp", 20, to_per_s=0), scheduled=80)
    found = summary_of(stream(*steady(8), planned=down))
    assert (found.duration_s, found.offered_per_s) == (10.0, 80.0)


def test_a_stream_without_a_plan_is_no_load_run() -> None:
    """That is said."""
    with pytest.raises(SourceError, match="it has no plan"):
        summary_of(Stream(header(), ()))


def test_recalls_are_by_their_k() -> None:
    """The first is the one that is shown."""
    recalls = [Recall(k=10, queries=50, mean=0.98, lowest=0.7), Recall(k=1, queries=50, mean=1.0, lowest=1.0)]
    found = summary_of(stream(*steady(), *recalls))
    assert (found.recall, found.recalls[1]) == (recalls[0], recalls[1])


def totals(*records: OperationSecond) -> list[WorkerTotals]:
    return [WorkerTotals(worker=f"w{n}", operations={"PutVectors": each}) for n, each in enumerate(records)]


def test_a_whole_run_is_read_off_its_workers() -> None:
    """Their histograms are the sum of those of the seconds; here they differ, to tell which was read."""
    workers = totals(operation(*[0.2] * 50), operation(*[0.2] * 50))
    found = summary_of(stream(*steady(), *workers)).operations["PutVectors"]
    assert (found.ok, round(found.response.percentile_ms(50))) == (100, 200)


@pytest.mark.parametrize("told", [[operation(*[0.2] * 50)], []])
def test_a_worker_that_died_has_no_totals(told: list[OperationSecond]) -> None:
    """Its seconds are known nevertheless, so it is those that count."""
    found = summary_of(stream(*steady(), *totals(*told))).operations["PutVectors"]
    assert (found.ok, round(found.response.percentile_ms(50))) == (100, 40)


def test_seconds_that_were_not_told_are_known_from_the_workers() -> None:
    """Such as the last, when a master stopped listening."""
    found = summary_of(stream(*steady(9), *totals(operation(*[0.2] * 100))))
    assert found.ok == 100


@given(times=st.lists(st.lists(st.floats(min_value=0.001, max_value=3), max_size=5), min_size=1, max_size=8))
def test_a_run_has_the_histogram_of_its_seconds(times: list[list[float]]) -> None:
    """In all, and over its stages; whatever the seconds are made of."""
    seconds = [second(at_s, *each) for at_s, each in enumerate(times)]
    found = summary_of(cut(*seconds, planned=RAMP))
    texts = [each.operations["PutVectors"].response.histogram for each in seconds if each.operations]
    assert found.whole.response.encode() == merged(texts).encode()
    parts = [each.whole.response.encode() for each in found.stages]
    assert merged(parts).encode() == merged(texts).encode()


def test_operations_are_together_in_the_whole() -> None:
    """And each for itself, in the order of their names."""
    parts = [
        Second(at_s=0, operations={"QueryVectors": operation(0.001, vectors=0)}),
        Second(
            at_s=0, operations={"PutVectors": operation(0.100), "QueryVectors": operation(0.001, vectors=0)}
        ),
    ]
    found = summary_of(stream(merged_second(parts, at_s=0), planned=plan(stage(duration_s=1))))
    assert list(found.operations) == ["PutVectors", "QueryVectors"]
    assert (found.whole.ok, found.vectors, found.whole.vectors) == (3, 10, 10)
    assert [round(each) for each in found.whole.response.percentiles_ms(50, 100)] == [1, 100]
