"""A run of the batch client as a page, against what its stream was made to hold."""

from __future__ import annotations

import pytest
from load_streams import bulk_stream
from msgspec import structs

from vecgate.reporting.html.bulk import bulk_view
from vecgate.reporting.html.charts import Drawer
from vecgate.reporting.html.figures import Figures
from vecgate.reporting.html.load import LoadView
from vecgate.reporting.html.views import Cell
from vecgate.results.bulk import BulkTotals
from vecgate.results.load import Latencies, OperationSecond, Second
from vecgate.results.records import Stream


def view_of(stream: Stream) -> LoadView:
    return bulk_view(stream, Figures(Drawer(), "run1"))


def tiles(stream: Stream) -> dict[str, str]:
    """Label to all that a tile says."""
    return {
        tile.label: " ".join(filter(None, (tile.value, tile.unit, tile.note)))
        for tile in view_of(stream).tiles
    }


def test_the_figures_that_matter_are_told_with_what_they_are_to_be_seen_beside() -> None:
    """Records, rate, latency, what was sent again or set aside, and the client's own work."""
    assert tiles(bulk_stream()) == {
        "written": "3,500 records of 3,500",
        "held": "998 records/s 7 requests",
        "p99": "13.0 ms half within 11.0 ms",
        "sent again": "0 requests none throttled",
        "set aside": "0 records none pending",
        "processor": "0.04 s of the client for 1,000 records",
    }


def test_earlier_runs_and_superseded_records_are_told() -> None:
    """They were not sent by this run; its processor's time is for what it has settled itself."""
    told = tiles(
        bulk_stream(resumed=1_500, superseded=1, set_aside=10, acknowledged=3_490, throttles=3, retries=4)
    )
    assert told["written"] == "3,490 records of 3,500, 1,500 settled by earlier runs, 1 record superseded"
    assert told["processor"].startswith("0.07 s")
    assert told["sent again"] == "4 requests 3 attempts throttled"
    assert told["set aside"] == "10 records none pending"


def test_nothing_of_its_own_means_no_figure_of_its_own() -> None:
    """A resumed run that found everything settled."""
    assert "processor" not in tiles(bulk_stream(resumed=3_500))
    assert tiles(bulk_stream(total=None, read=9))["written"] == "3,500 records of 9"


def test_what_was_throttled_has_a_chart_and_what_was_not_is_said() -> None:
    """In the second in which it was."""
    calm, troubled = view_of(bulk_stream()), view_of(bulk_stream(throttled_at=2))
    assert [figure.title for figure in calm.timeline] == ["Records taken", "Processor of the client"]
    assert calm.calm == "No request was throttled or sent again."
    assert [figure.title for figure in troubled.timeline][1] == "What went wrong"
    assert [line.name for line in troubled.timeline[1].legend] == ["throttled", "sent again"]
    assert "[0,0,3,0,0]" in troubled.timeline[1].values
    assert "[0,0,4,0,0]" in troubled.timeline[1].values
    assert troubled.calm == ""


def test_reasons_are_counted_the_most_frequent_first() -> None:
    """Why records were set aside, and why attempts failed."""
    causes = {"vector contains NaNs or Infs": 2, "key must have 1 to 1024 characters": 8}
    tables = view_of(bulk_stream(set_aside=10, causes=causes, failed_attempts={"no answer": 3})).tables
    found = [
        (
            table.caption,
            [[cell.text if isinstance(cell, Cell) else cell for cell in row] for row in table.rows],
        )
        for table in tables
    ]
    assert found == [
        (
            "Set aside, by reason",
            [
                ["key must have 1 to 1024 characters", "8", "80 %"],
                ["vector contains NaNs or Infs", "2", "20 %"],
            ],
        ),
        ("Attempts that failed, by cause", [["no answer", "3", "100 %"]]),
    ]


def test_a_run_that_was_cut_off_shows_what_there_is() -> None:
    """Its seconds, and no figure that only the end could tell."""
    whole = bulk_stream()
    cut = tuple(record for record in whole.records if not isinstance(record, BulkTotals))
    view = view_of(structs.replace(whole, records=cut[1:], footer=None))
    assert (view.tiles, view.tables) == ((), ())
    assert [figure.title for figure in view.timeline] == ["Records taken", "Processor of the client"]
    assert view.timeline[0].legend == (), "nobody knows what was allowed"
    nothing = view_of(structs.replace(whole, records=(), footer=None))
    assert (nothing.timeline, nothing.operations, nothing.latency) == ((), (), None)


def test_histograms_that_cannot_be_read_cost_their_figures_alone() -> None:
    """The counts do not depend on them."""
    whole = bulk_stream()
    broken = OperationSecond(ok=2, vectors=1_000, service=Latencies(count=2, p99_ms=9, histogram="none"))
    seconds = [structs.replace(each, operations={"PutVectors": broken}) for each in whole.of(Second)]
    view = view_of(structs.replace(whole, records=(whole.records[0], *seconds, whole.records[-1])))
    assert view.problem.startswith("a latency histogram is no HdrHistogram")
    assert [tile.label for tile in view.tiles] == ["written", "held", "sent again", "set aside", "processor"]
    ((_, figures),) = view.operations
    assert [figure.title for figure in figures] == ["PutVectors: service time", "PutVectors: requests"]


@pytest.mark.parametrize("operation", ["PutVectors", "DeleteVectors"])
def test_the_word_for_what_was_done_is_that_of_the_operation(operation: str) -> None:
    """A delete deletes."""
    word = "deleted" if operation == "DeleteVectors" else "written"
    assert word in tiles(bulk_stream(operation))  # type: ignore[arg-type]  # one of the two
