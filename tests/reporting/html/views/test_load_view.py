"""Tables and figures of a load run, compared with the stream that they were made of."""

from __future__ import annotations

import pytest
from msgspec import structs
from sample_streams import OPERATIONS, load_stream

from vecgate.reporting.html.charts.figures import FigureBuilder
from vecgate.reporting.html.charts.series import Timeline
from vecgate.reporting.html.components import Table, TableCell
from vecgate.reporting.html.views.load_tables import CODES_MAX, format_schedule
from vecgate.reporting.html.views.load_view import LoadView, load_view
from vecgate.reporting.html.views.timeline_charts import (
    lateness_plot,
    load_failures_plot,
    loop_lag_plot,
    rate_plot,
)
from vecgate.results.load.failure_samples import FailureCause, FailureSample
from vecgate.results.load.load_records import Client, LoadPlan, OperationSecond, Second, Stage
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import Stream
from vecgate.s3vectors.pricing import PRICE_SOURCE, PRICES_READ


def view_of(stream: Stream) -> LoadView:
    return load_view(stream, FigureBuilder("run1"), summarize(stream))


def table(view: LoadView, caption: str) -> Table:
    return next(each for each in view.tables if each.caption == caption)


def words(table: Table) -> list[list[str]]:
    """Return the cells of *table* as text."""
    return [[cell.text if isinstance(cell, TableCell) else cell for cell in row] for row in table.rows]


def notes(view: LoadView) -> dict[str, str]:
    return {tile.label: tile.note for tile in view.tiles}


def test_the_rate_chart_shows_offered_and_achieved_vectors() -> None:
    """In the unit of the plan. The value of the last second is repeated at the end."""
    stream = load_stream(6, ("PutVectors",), rate=600)
    plot = rate_plot(summarize(stream), Timeline(stream.of(Second)))
    assert list(plot.x_values) == [0, 1, 2, 3, 4, 5, 6]
    assert [line.name for line in plot.lines] == ["achieved", "achieved", "offered"]
    assert list(plot.lines[2].values) == [300, 600, 600, 600, 600, 600, 600]
    assert [(each.at, each.name) for each in plot.markers] == [(0.0, "up"), (1.0, "hold")]
    assert "600 vectors per second" in plot.description
    assert "achieved 550 on average" in plot.description


def test_a_plan_in_requests_has_a_chart_in_requests() -> None:
    """The unit of the plan is that of the chart."""
    stream = load_stream(6, ("PutVectors",), rate=600)
    plan = structs.replace(stream.records[0], unit="requests")
    stream = structs.replace(stream, records=(plan, *stream.records[1:]))
    plot = rate_plot(summarize(stream), Timeline(stream.of(Second)))
    assert plot.unit == "requests per second"
    assert list(plot.lines[2].values) == [6, 12, 12, 12, 12, 12, 12]


def test_each_kind_of_failure_has_a_line() -> None:
    """A throttled request is not counted as failed again. What did not happen has no line."""
    plot = load_failures_plot(Timeline(load_stream(10, throttled_from=5, stall_at=2).of(Second)))
    assert plot is not None
    assert [(line.name, max(filter(None, line.values))) for line in plot.lines] == [
        ("failed", 1),
        ("throttled", 4),
    ]
    assert load_failures_plot(Timeline(load_stream(10).of(Second))) is None


def test_lateness_has_an_axis_of_its_own() -> None:
    """Thousands of late requests would hide a single failure."""
    plot = lateness_plot(Timeline(load_stream(10, stall_at=2).of(Second)))
    assert plot is not None
    assert [(line.name, max(filter(None, line.values))) for line in plot.lines] == [("late", 20)]
    assert lateness_plot(Timeline(load_stream(10).of(Second))) is None


def test_the_delay_of_the_event_loop_is_shown_if_the_verdict_rests_on_it() -> None:
    """With the delay from which it matters; also if it was large without deciding anything."""
    calm = Timeline(load_stream(10).of(Second))
    assert loop_lag_plot(calm, is_decisive=False) is None
    assert loop_lag_plot(calm, is_decisive=True) is not None
    bound = load_stream(20, generator_bound_from=10)
    plot = loop_lag_plot(Timeline(bound.of(Second)), is_decisive=False)
    assert plot is not None
    assert [limit.at for limit in plot.limits] == [50.0]
    titles = [figure.title for figure in view_of(bound).timeline]
    assert titles[-2:] == ["CPU of the busiest worker", "Delay of the event loop"]


def test_a_small_run_has_few_charts() -> None:
    """Of 200 requests, 40 of each operation: the rate, and all operations on the same axes."""
    small = view_of(load_stream(10, OPERATIONS, rate=250))
    assert small.latency is not None
    assert [figure.title for figure in (*small.timeline, *small.overall)] == [
        "Offered and achieved rate",
        "All operations: p99 response time",
        "All operations: succeeded",
    ]
    assert small.operations == ()
    large = view_of(load_stream(20, OPERATIONS))
    assert [len(figures) for _, figures in large.operations] == [2] * 5
    assert [figure.title for figure in large.operations[0][1]] == [
        "DeleteVectors: response and service time",
        "DeleteVectors: latency distribution",
    ]


def test_response_and_service_time_share_a_chart() -> None:
    """On the same axes. Service times are dashed."""
    ((_, figures),) = view_of(load_stream(20)).operations
    assert [(line.name, line.is_dashed) for line in figures[0].legend] == [
        ("response p50", False),
        ("response p99", False),
        ("service p50", True),
        ("service p99", True),
    ]


def test_a_long_run_has_a_heat_map_of_its_latencies() -> None:
    """In a run of two minutes or more; lines of percentiles hide two groups of requests."""
    ((_, short),), ((_, long),) = (view_of(load_stream(each)).operations for each in (60, 120))
    assert [figure.title for figure in long][2:] == ["PutVectors: how many requests took how long"]
    assert len(short) == 2


def test_a_percentile_of_too_few_requests_is_marked() -> None:
    """Ten must have been slower. It is not silent in the tile either."""
    few, many = view_of(load_stream(10)), view_of(load_stream(120))
    assert few.latency is not None
    assert many.latency is not None
    assert [cell[-1] == "†" for cell in words(few.latency)[0][3:7]] == [False, False, True, True]
    assert "p99 1,000" in few.latency.note
    assert [cell[-1] == "†" for cell in words(many.latency)[0][3:7]] == [False, False, False, True]
    assert notes(few)["p99 PutVectors"].endswith("requests, too few: p99 needs 1,000")
    assert "too few" not in notes(many)["p99 PutVectors"]


def test_samples_of_failures_are_listed_by_cause() -> None:
    """Each with its time, its request id and its message."""
    samples = (
        FailureSample(at_s=1.25, message="status 200 with 0 bytes", request_id="id-1", response_ms=12.5),
        FailureSample(at_s=7.5, message="status 200 with 9 bytes", response_ms=3.0),
    )
    cause = FailureCause(operation="QueryVectors", code="Protocol", message="x", count=225, samples=samples)
    rest = FailureCause(operation="QueryVectors", code="Transport", count=3)
    stream = load_stream(10)
    found = table(
        view_of(structs.replace(stream, records=(*stream.records, cause, rest))), "Samples of failed requests"
    )
    assert words(found) == [
        ["QueryVectors", "Protocol", "225", "1.2 s", "12.5", "id-1", "status 200 with 0 bytes"],
        ["QueryVectors", "Protocol", "225", "7.5 s", "3.00", "", "status 200 with 9 bytes"],
        ["QueryVectors", "Transport", "3", "–", "–", "", "various messages"],
    ]


def test_the_warm_up_is_shaded_and_named() -> None:
    """It is in the charts, and in no other figure."""
    stream = load_stream(12)
    plan = stream.records[0]
    assert isinstance(plan, LoadPlan)
    stages = (structs.replace(plan.stages[0], warm_up=True), plan.stages[1])
    warm = structs.replace(stream, records=(structs.replace(plan, stages=stages), *stream.records[1:]))
    assert rate_plot(summarize(warm), Timeline(warm.of(Second))).ignored_to == 2.0
    found = table(view_of(warm), "Stages")
    assert words(found)[0][0] == "up (warm-up)"
    assert "The warm-up is left out" in found.note


def test_a_throttled_attempt_of_the_batch_client_has_not_failed() -> None:
    """It is sent again, so both lines are independent."""
    seconds = load_stream(10, throttled_from=5, stall_at=2, client="bulk").of(Second)
    plot = load_failures_plot(Timeline(seconds), "bulk")
    assert plot is not None
    assert [(line.name, sum(filter(None, line.values))) for line in plot.lines][:2] == [
        ("failed", 1),
        ("throttled", 24),
    ]


@pytest.mark.parametrize("client", ["direct", "bulk"])
def test_no_value_is_negative(client: Client) -> None:
    """Even if a stream has more throttled than failed requests."""
    seconds = [Second(at_s=0, operations={"PutVectors": OperationSecond(throttled=3, errors={"Other": 1})})]
    plot = load_failures_plot(Timeline(seconds), client)
    assert plot is not None
    assert all(value >= 0 for line in plot.lines for value in line.values if value is not None)


def test_throttled_attempts_are_shown_even_if_no_request_failed() -> None:
    """In a tile and in the table. The note about response times is for the batch client."""
    view = view_of(load_stream(10, throttled_from=5, client="bulk"))
    assert notes(view)["failed"] == "20 attempts throttled"
    assert notes(view)["dropped"] == "0 passed to the client more than 10 ms late"
    counted = table(view, "Requests by operation")
    assert words(counted)[0][:6] == ["PutVectors", "190", "0", "20", "20", "9,500"]
    assert view.latency is not None
    assert "the batch client" in view.latency.note


def test_a_throttled_request_of_the_direct_client_has_failed() -> None:
    """This client does not retry."""
    view = view_of(load_stream(10, throttled_from=5))
    assert notes(view)["failed"] == "20 of them throttled"
    assert words(table(view, "Requests by operation"))[0][:6] == [
        "PutVectors",
        "190",
        "20",
        "20",
        "0",
        "8,500",
    ]
    assert notes(view_of(load_stream(10)))["failed"] == "none throttled"


def test_figures_of_the_whole_run_are_marked() -> None:
    """The p99 in the verdict is that of one stage, which would be confusing beside another p99."""
    view = view_of(load_stream(12))
    assert view.on_pass.startswith("Rate and p99 in the verdict are those of the stage “hold”.")
    assert notes(view)["achieved rate"] == "whole run including ramp; 100 % of the schedule"
    assert notes(view)["p99 PutVectors"].startswith("whole run including ramp; service time")
    stream = load_stream(12)
    plan = stream.first(LoadPlan)
    assert plan is not None
    flat = structs.replace(plan, stages=(structs.replace(plan.stages[1], duration_s=12.0),))
    view = view_of(structs.replace(stream, records=(flat, *stream.records[1:])))
    assert (view.on_pass, notes(view)["achieved rate"]) == ("", "100 % of the schedule")


def test_the_cost_has_its_source() -> None:
    """A run on this machine costs nothing: the price is that of Amazon."""
    note = notes(view_of(load_stream(12)))["cost"]
    assert note.endswith(PRICE_SOURCE)
    assert PRICES_READ in note


def test_errors_are_counted_by_code() -> None:
    """With their share. A server may invent a code for every request."""
    stream = load_stream(10, throttled_from=5)
    errors = table(view_of(stream), "Errors by code")
    assert words(errors) == [["PutVectors", "TooManyRequestsException", "20", "10.53 %"]]
    second = stream.of(Second)[-1]
    operation = structs.replace(second.operations["PutVectors"], errors={f"E{n}": 1 for n in range(60)})
    last = structs.replace(second, operations={"PutVectors": operation})
    errors = table(view_of(structs.replace(stream, records=(stream.records[0], last))), "Errors by code")
    assert len(errors.rows) == CODES_MAX + 1
    assert words(errors)[-1][:3] == ["PutVectors", "other codes", "10"]


def test_stages_show_offered_and_achieved_rate() -> None:
    """Each has its schedule and its duration."""
    stages = table(view_of(load_stream(12)), "Stages")
    assert [row[:7] for row in words(stages)] == [
        ["up", "0 to 1,000 vectors/s", "2.0 s", "500", "500", "0", "0"],
        ["hold", "1,000 vectors/s", "10.0 s", "1,000", "1,000", "0", "0"],
    ]


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        (Stage(kind="constant", from_per_s=5, to_per_s=5, duration_s=1), "5 vectors/s"),
        (
            Stage(kind="step", from_per_s=0, to_per_s=900, duration_s=1, steps=3),
            "0 to 900 vectors/s in 3 steps",
        ),
        (
            Stage(kind="sine", from_per_s=100, to_per_s=900, duration_s=1, period_s=30),
            "100 to 900 vectors/s and back every 30.0 s",
        ),
        (
            Stage(kind="poisson", from_per_s=0, to_per_s=900, duration_s=1),
            "Poisson arrivals, 900 vectors/s on average",
        ),
    ],
)
def test_every_kind_of_stage_has_a_description(stage: Stage, text: str) -> None:
    """With its rates."""
    assert format_schedule(stage, "vectors") == text


def test_response_and_service_time_are_in_adjacent_rows() -> None:
    """For each operation. A stall affects many response times, but few service times."""
    latency = view_of(load_stream(60, ("PutVectors", "QueryVectors"), stall_at=40)).latency
    assert latency is not None
    found = words(latency)
    assert [row[:2] for row in found] == [
        ["PutVectors", "response"],
        ["PutVectors", "service"],
        ["QueryVectors", "response"],
        ["QueryVectors", "service"],
    ]
    p99 = [float(row[5].replace(",", "")) for row in found]
    assert p99[0] > 300
    assert p99[1] < 100


def test_the_tiles_show_the_key_figures() -> None:
    """A tile with a problem is red."""
    tiles = {tile.label: tile for tile in view_of(load_stream(20, generator_bound_from=10)).tiles}
    assert list(tiles) == ["achieved rate", "p99 PutVectors", "failed", "dropped", "cost"]
    assert (tiles["dropped"].value, tiles["dropped"].tone) == ("50", "bad")
    assert (tiles["failed"].value, tiles["failed"].tone) == ("0", "")


def test_a_stage_with_a_damaged_second_has_no_p99() -> None:
    """The whole run has one, from the totals of the workers."""
    stream = load_stream(12)
    last = stream.of(Second)[-1]
    operation = last.operations["PutVectors"]
    damaged = structs.replace(operation, response=structs.replace(operation.response, histogram="?"))
    replaced = structs.replace(last, operations={"PutVectors": damaged})
    records = tuple(replaced if each is last else each for each in stream.records)
    view = view_of(structs.replace(stream, records=records))
    stages = table(view, "Stages")
    assert [row[-1] for row in words(stages)][1] == "–"
    assert view.latency is not None
    assert view.latency_problem == ""


def test_an_operation_without_responses_has_no_latency_charts() -> None:
    """There is nothing to show."""
    stream = load_stream(2, ("PutVectors",))
    seconds = [
        structs.replace(each, operations={"PutVectors": OperationSecond()}) for each in stream.of(Second)
    ]
    assert view_of(structs.replace(stream, records=(stream.records[0], *seconds))).operations == ()
