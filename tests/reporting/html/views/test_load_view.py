"""Tables and figures of a load run, compared with the stream that they were made of."""

from __future__ import annotations

import pytest
from msgspec import structs
from sample_streams import load_stream

from vecgate.reporting.html.charts.chart_renderer import ChartRenderer
from vecgate.reporting.html.charts.figures import FigureBuilder
from vecgate.reporting.html.charts.series import Timeline
from vecgate.reporting.html.components import Table, TableCell
from vecgate.reporting.html.views.load_tables import CODES_MAX, format_schedule
from vecgate.reporting.html.views.load_view import LoadView, load_view
from vecgate.reporting.html.views.timeline_charts import load_problems_plot, rate_plot
from vecgate.results.load_records import Client, LoadPlan, OperationSecond, Second, Stage
from vecgate.results.load_summary import summarize
from vecgate.results.records import Stream
from vecgate.s3vectors.pricing import PRICE_SOURCE, PRICES_READ


def view_of(stream: Stream) -> LoadView:
    return load_view(stream, FigureBuilder(ChartRenderer(), "run1"), summarize(stream))


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
    assert list(plot.markers) == [1.0]
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


def test_each_kind_of_problem_has_a_line() -> None:
    """A throttled request is not counted as failed again. Problems that did not happen have no line."""
    plot = load_problems_plot(Timeline(load_stream(10, throttled_from=5, stall_at=2).of(Second)))
    assert plot is not None
    assert [(line.name, max(filter(None, line.values))) for line in plot.lines] == [
        ("failed", 1),
        ("throttled", 4),
        ("late", 20),
    ]
    assert load_problems_plot(Timeline(load_stream(10).of(Second))) is None


def test_a_throttled_attempt_of_the_batch_client_has_not_failed() -> None:
    """It is sent again, so both lines are independent."""
    seconds = load_stream(10, throttled_from=5, stall_at=2, client="bulk").of(Second)
    plot = load_problems_plot(Timeline(seconds), "bulk")
    assert plot is not None
    assert [(line.name, sum(filter(None, line.values))) for line in plot.lines][:2] == [
        ("failed", 1),
        ("throttled", 24),
    ]


@pytest.mark.parametrize("client", ["direct", "bulk"])
def test_no_value_is_negative(client: Client) -> None:
    """Even if a stream has more throttled than failed requests."""
    seconds = [Second(at_s=0, operations={"PutVectors": OperationSecond(throttled=3, errors={"Other": 1})})]
    plot = load_problems_plot(Timeline(seconds), client)
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
    """It has only the chart of requests."""
    stream = load_stream(2, ("PutVectors",))
    seconds = [
        structs.replace(each, operations={"PutVectors": OperationSecond()}) for each in stream.of(Second)
    ]
    ((name, figures),) = view_of(structs.replace(stream, records=(stream.records[0], *seconds))).operations
    assert name == "PutVectors"
    assert [figure.unit for figure in figures] == ["requests per second"]
