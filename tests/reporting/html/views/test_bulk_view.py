"""The page of a batch client run, compared with the stream that it was made of."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs
from sample_streams import bulk_stream

from vecgate.reporting.html.charts.figures import FigureBuilder
from vecgate.reporting.html.components import TableCell
from vecgate.reporting.html.views.bulk_view import bulk_view
from vecgate.reporting.html.views.load_view import LoadView
from vecgate.results.bulk_records import BulkTotals, BulkVerification
from vecgate.results.load.load_records import Latencies, OperationSecond, Second
from vecgate.results.records import Stream


def view_of(stream: Stream) -> LoadView:
    return bulk_view(stream, FigureBuilder("run1"))


def tiles(stream: Stream) -> dict[str, str]:
    """Return the text of each tile by its label."""
    return {
        tile.label: " ".join(filter(None, (tile.value, tile.unit, tile.note)))
        for tile in view_of(stream).tiles
    }


def test_the_tiles_show_the_key_figures() -> None:
    """Records, rate, latency, retries, rejected records, and the CPU time of the client."""
    assert tiles(bulk_stream()) == {
        "written": "3,500 records of 3,500",
        "rate": "998 records/s 7 requests",
        "p99": "13.0 ms p50 11.0 ms; of 7 requests, too few: p99 needs 1,000",
        "retries": "0 requests none throttled",
        "rejected": "0 records none pending",
        "CPU time": "0.04 s of the client per 1,000 records",
    }


def test_records_of_earlier_runs_and_superseded_records_are_shown() -> None:
    """This run did not send them. Its CPU time is for the records that it settled."""
    texts = tiles(
        bulk_stream(resumed=1_500, superseded=1, rejected=10, acknowledged=3_490, throttles=3, retries=4)
    )
    assert texts["written"] == "3,490 records of 3,500, 1,500 settled by earlier runs, 1 record superseded"
    assert texts["CPU time"].startswith("0.07 s")
    assert texts["retries"] == "4 requests 3 attempts throttled"
    assert texts["rejected"] == "10 records none pending"


def test_a_run_without_new_records_has_no_cpu_tile() -> None:
    """It was resumed after everything was settled."""
    assert "CPU time" not in tiles(bulk_stream(resumed=3_500))
    assert tiles(bulk_stream(total=None, read=9))["written"] == "3,500 records of 9"


def test_throttled_attempts_have_a_chart() -> None:
    """It shows them in the second in which they happened. Without any, a sentence replaces it."""
    calm, troubled = view_of(bulk_stream()), view_of(bulk_stream(throttled_at=2))
    assert len(calm.timeline) == 2
    assert calm.no_problems.startswith("No request")
    assert len(troubled.timeline) == 3
    assert [line.name for line in troubled.timeline[1].legend] == ["throttled", "retries"]
    assert "[0,0,3,0,0]" in troubled.timeline[1].values
    assert "[0,0,4,0,0]" in troubled.timeline[1].values
    assert troubled.no_problems == ""


def test_reasons_are_counted_the_most_frequent_first() -> None:
    """Why records were rejected, and why attempts failed."""
    causes = {"vector contains NaNs or Infs": 2, "key must have 1 to 1024 characters": 8}
    tables = view_of(bulk_stream(rejected=10, reject_causes=causes, failed_attempts={"no answer": 3})).tables
    found = [
        (
            table.caption,
            [[cell.text if isinstance(cell, TableCell) else cell for cell in row] for row in table.rows],
        )
        for table in tables
    ]
    assert found == [
        (
            "Rejected records by reason",
            [
                ["key must have 1 to 1024 characters", "8", "80 %"],
                ["vector contains NaNs or Infs", "2", "20 %"],
            ],
        ),
        ("Failed attempts by cause", [["no answer", "3", "100 %"]]),
    ]


def test_an_incomplete_run_shows_its_seconds() -> None:
    """Figures that need the end of the run are missing."""
    whole = bulk_stream()
    cut = tuple(record for record in whole.records if not isinstance(record, BulkTotals))
    view = view_of(structs.replace(whole, records=cut[1:], footer=None))
    assert (view.tiles, view.tables) == ((), ())
    assert len(view.timeline) == 2
    assert view.timeline[0].legend == (), "the rate limit is unknown"
    nothing = view_of(structs.replace(whole, records=(), footer=None))
    assert (nothing.timeline, nothing.operations, nothing.latency) == ((), (), None)


def test_damaged_histograms_hide_only_latencies() -> None:
    """The counts do not need them."""
    whole = bulk_stream()
    damaged = OperationSecond(ok=200, vectors=1_000, service=Latencies(count=2, p99_ms=9, histogram="none"))
    seconds = [structs.replace(each, operations={"PutVectors": damaged}) for each in whole.of(Second)]
    view = view_of(structs.replace(whole, records=(whole.records[0], *seconds, whole.records[-1])))
    assert "histogram" in view.latency_problem
    assert [tile.label for tile in view.tiles] == ["written", "rate", "retries", "rejected", "CPU time"]
    ((_, figures),) = view.operations
    assert [figure.title for figure in figures] == ["PutVectors: service time"]


@pytest.mark.parametrize("operation", ["PutVectors", "DeleteVectors"])
def test_the_first_tile_depends_on_the_operation(operation: str) -> None:
    """Records are written, or deleted if they were stored."""
    word = "deleted or absent" if operation == "DeleteVectors" else "written"
    assert word in tiles(bulk_stream(operation))  # type: ignore[arg-type]  # one of the two


@pytest.mark.parametrize(
    ("found", "note", "tone"),
    [
        ({}, "all equal", ""),
        ({"share": 0.01}, "all equal, a sample of 1 %", ""),
        ({"missing": 2, "different": 1}, "2 keys missing, 1 key different", "bad"),
        ({"stopped_by": "no answer"}, "all equal, incomplete", "bad"),
    ],
)
def test_a_tile_shows_what_was_read_back(found: dict[str, Any], note: str, tone: str) -> None:
    """The last one, and only if records were read back."""
    whole = bulk_stream()
    assert "read back" not in tiles(whole)
    verification = BulkVerification(read=3_500, compared=3_500, **found)
    view = view_of(structs.replace(whole, records=(*whole.records, verification)))
    tile = view.tiles[-1]
    assert (tile.label, tile.value, tile.note, tile.tone) == ("read back", "3,500", note, tone)
