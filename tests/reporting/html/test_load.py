"""Tables and figures of a load run, against what its stream was made to hold."""

from __future__ import annotations

import pytest
from load_streams import load_stream
from msgspec import structs

from vecgate.reporting.html.charts import Drawer
from vecgate.reporting.html.figures import Figures
from vecgate.reporting.html.load import LoadView, load_view
from vecgate.reporting.html.load_tables import CODES_MAX, schedule_of
from vecgate.reporting.html.series import Timeline
from vecgate.reporting.html.timeline import rate_plot, trouble_plot
from vecgate.reporting.html.views import Cell, Table
from vecgate.results.load import Client, OperationSecond, Plan, Second, Stage
from vecgate.results.records import Stream
from vecgate.results.summary import summary_of
from vecgate.s3vectors.pricing import PRICES_READ


def view_of(stream: Stream) -> LoadView:
    return load_view(stream, Figures(Drawer(), "run1"), summary_of(stream))


def table(view: LoadView, caption: str) -> Table:
    return next(each for each in view.tables if each.caption == caption)


def words(table: Table) -> list[list[str]]:
    """The cells of *table* as text."""
    return [[cell.text if isinstance(cell, Cell) else cell for cell in row] for row in table.rows]


def notes(view: LoadView) -> dict[str, str]:
    return {tile.label: tile.note for tile in view.tiles}


def test_the_chart_of_rates_holds_what_was_due_and_what_was_done() -> None:
    """In the unit of the plan; the last second lasts until the end."""
    stream = load_stream(6, ("PutVectors",), rate=600)
    plot = rate_plot(summary_of(stream), Timeline(stream.of(Second)))
    assert list(plot.places) == [0, 1, 2, 3, 4, 5, 6]
    assert [line.name for line in plot.lines] == ["achieved", "achieved", "offered"]
    assert list(plot.lines[2].values) == [300, 600, 600, 600, 600, 600, 600]
    assert list(plot.rules) == [1.0]
    assert plot.told == "Offered at most 600 vectors a second; achieved 550 on average and 600 at most."


def test_a_plan_in_requests_is_drawn_in_requests() -> None:
    """Not in vectors."""
    stream = load_stream(6, ("PutVectors",), rate=600)
    plan = structs.replace(stream.records[0], unit="requests")
    stream = structs.replace(stream, records=(plan, *stream.records[1:]))
    plot = rate_plot(summary_of(stream), Timeline(stream.of(Second)))
    assert plot.unit == "requests a second"
    assert list(plot.lines[2].values) == [6, 12, 12, 12, 12, 12, 12]


def test_what_went_wrong_is_drawn_by_what_it_was() -> None:
    """A throttle is no failure of its own, and what did not happen has no line."""
    plot = trouble_plot(Timeline(load_stream(10, throttled_from=5, stall_at=2).of(Second)))
    assert plot is not None
    assert [(line.name, max(filter(None, line.values))) for line in plot.lines] == [
        ("failed", 1),
        ("throttled", 4),
        ("late", 20),
    ]
    assert trouble_plot(Timeline(load_stream(10).of(Second))) is None


def test_what_the_batch_client_sent_again_has_not_failed() -> None:
    """Of the client `bulk` attempts are throttled, beside failures and not among them."""
    seconds = load_stream(10, throttled_from=5, stall_at=2, client="bulk").of(Second)
    plot = trouble_plot(Timeline(seconds), "bulk")
    assert plot is not None
    assert [(line.name, sum(filter(None, line.values))) for line in plot.lines][:2] == [
        ("failed", 1),
        ("throttled", 24),
    ]


@pytest.mark.parametrize("client", ["direct", "bulk"])
def test_nothing_is_drawn_below_zero(client: Client) -> None:
    """Whatever a stream says of what was throttled and what has failed."""
    seconds = [Second(at_s=0, operations={"PutVectors": OperationSecond(throttled=3, errors={"Other": 1})})]
    plot = trouble_plot(Timeline(seconds), client)
    assert plot is not None
    assert all(value >= 0 for line in plot.lines for value in line.values if value is not None)


def test_throttled_requests_are_told_where_nothing_failed() -> None:
    """In a tile, and beside all that was counted; why response times differ is another matter with `bulk`."""
    view = view_of(load_stream(10, throttled_from=5, client="bulk"))
    assert notes(view)["failed"] == "20 attempts throttled"
    assert notes(view)["dropped"] == "0 handed to the client more than 10 ms late"
    counted = table(view, "Requests by operation")
    assert words(counted)[0][:6] == ["PutVectors", "190", "0", "20", "20", "9,500"]
    assert view.latency is not None
    assert "the pacing of the batch client, or to be sent again" in view.latency.note


def test_a_throttled_request_of_the_direct_client_has_failed() -> None:
    """It is sent once."""
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


def test_figures_of_the_whole_run_say_so() -> None:
    """The verdict tells of the stage that was held: beside it another p99 would be a riddle."""
    view = view_of(load_stream(12))
    assert view.on_pass.startswith("Rate and p99 in the verdict are those of the stage “hold”.")
    assert notes(view)["achieved"] == "whole run, ramp included; 100 % of the schedule"
    assert notes(view)["p99 PutVectors"].startswith("whole run, ramp included; service time")
    stream = load_stream(12)
    plan = stream.first(Plan)
    assert plan is not None
    flat = structs.replace(plan, stages=(structs.replace(plan.stages[1], duration_s=12.0),))
    view = view_of(structs.replace(stream, records=(flat, *stream.records[1:])))
    assert (view.on_pass, notes(view)["achieved"]) == ("", "100 % of the schedule")


def test_a_price_says_whose_it_is() -> None:
    """Nobody was charged for a run on this machine."""
    assert notes(view_of(load_stream(12)))["price"].endswith(
        f"by Amazon's prices for requests, us-east-1, read {PRICES_READ}"
    )


def test_errors_are_counted_by_code() -> None:
    """With their share; a server that makes up a code for each request is cut short."""
    stream = load_stream(10, throttled_from=5)
    errors = table(view_of(stream), "Errors by code")
    assert words(errors) == [["PutVectors", "TooManyRequestsException", "20", "10.53 %"]]
    second = stream.of(Second)[-1]
    operation = structs.replace(second.operations["PutVectors"], errors={f"E{n}": 1 for n in range(60)})
    last = structs.replace(second, operations={"PutVectors": operation})
    errors = table(view_of(structs.replace(stream, records=(stream.records[0], last))), "Errors by code")
    assert len(errors.rows) == CODES_MAX + 1
    assert words(errors)[-1][:3] == ["PutVectors", "others", "10"]


def test_stages_tell_what_was_offered_and_done() -> None:
    """Each with its part of the schedule."""
    stages = table(view_of(load_stream(12)), "Stages")
    assert [row[:7] for row in words(stages)] == [
        ["up", "0 to 1,000 vectors/s", "2.0 s", "500", "500", "0", "0"],
        ["hold", "1,000 vectors/s", "10.0 s", "1,000", "1,000", "0", "0"],
    ]


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        (Stage(kind="constant", from_per_s=5, to_per_s=5, duration_s=1), "5.00 vectors/s"),
        (
            Stage(kind="step", from_per_s=0, to_per_s=900, duration_s=1, steps=3),
            "0 to 900 vectors/s in 3 steps",
        ),
        (
            Stage(kind="sine", from_per_s=100, to_per_s=900, duration_s=1, period_s=30),
            "100 to 900 vectors/s and back every 30.0 s",
        ),
        (Stage(kind="poisson", from_per_s=0, to_per_s=900, duration_s=1), "at random around 900 vectors/s"),
    ],
)
def test_every_kind_of_stage_has_words(stage: Stage, told: str) -> None:
    """As its record means it."""
    assert schedule_of(stage, "vectors") == told


def test_response_and_service_stand_one_above_the_other() -> None:
    """For each operation; a stall is in the one and hardly in the other."""
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


def test_the_tiles_are_the_figures_that_matter() -> None:
    """Red where something is lost."""
    told = {tile.label: tile for tile in view_of(load_stream(20, generator_bound_from=10)).tiles}
    assert list(told) == ["achieved", "p99 PutVectors", "failed", "dropped", "price"]
    assert (told["dropped"].value, told["dropped"].tone) == ("50", "bad")
    assert (told["failed"].value, told["failed"].tone) == ("0", "")


def test_a_stage_with_a_second_that_cannot_be_read_has_no_p99() -> None:
    """What the workers told of the whole run stands."""
    stream = load_stream(12)
    last = stream.of(Second)[-1]
    operation = last.operations["PutVectors"]
    broken = structs.replace(operation, response=structs.replace(operation.response, histogram="?"))
    replaced = structs.replace(last, operations={"PutVectors": broken})
    records = tuple(replaced if each is last else each for each in stream.records)
    view = view_of(structs.replace(stream, records=records))
    stages = table(view, "Stages")
    assert [row[-1] for row in words(stages)][1] == "–"
    assert view.latency is not None
    assert view.problem == ""


def test_an_operation_without_an_answer_has_no_charts_of_its_times() -> None:
    """Nothing was measured of it."""
    stream = load_stream(2, ("PutVectors",))
    seconds = [
        structs.replace(each, operations={"PutVectors": OperationSecond()}) for each in stream.of(Second)
    ]
    ((name, figures),) = view_of(structs.replace(stream, records=(stream.records[0], *seconds))).operations
    assert name == "PutVectors"
    assert [figure.title for figure in figures] == ["PutVectors: requests"]
