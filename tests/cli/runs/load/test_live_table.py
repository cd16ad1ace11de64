"""The live table of a load run: its rows, and the output on a terminal and elsewhere."""

from __future__ import annotations

import io
import sys

import pytest
from load_builders import operation, plan, second
from result_builders import header

from vecgate.cli.runs.load.live_table import HEADINGS, LiveTable, build_row
from vecgate.results.load.load_records import Event, LoadPlan, Recall, Second

COLUMNS = dict(zip(HEADINGS, range(len(HEADINGS)), strict=True))


class FakeTerminal(io.StringIO):
    """Keeps its output."""

    def isatty(self) -> bool:
        return True


def cells(*seconds: Second, planned: LoadPlan | None = None, usd_before: float = 0.0) -> dict[str, str]:
    row = build_row(seconds, planned or plan(), usd_before=usd_before)
    return dict(zip(HEADINGS, row, strict=True))


def test_a_row_summarizes_its_seconds() -> None:
    """Rates per second, sums of errors, percentiles over all of them, and the price so far."""
    first = second(
        3,
        due=4,
        due_vectors=40,
        in_flight=9,
        dropped=2,
        usd=0.5,
        operations={"PutVectors": operation(0.010, 0.010, 0.010, 0.200, errors={"Transport": 1})},
    )
    last = second(
        4,
        due=6,
        due_vectors=60,
        in_flight=3,
        dropped=1,
        lost=5,
        usd=0.6,
        operations={
            "PutVectors": operation(0.010, errors={"TooManyRequestsException": 1}, throttled=7),
            "QueryVectors": operation(0.010, vectors=0),
        },
    )
    assert cells(first, last, usd_before=0.4) == {
        "time": "5 s",
        "offered/s": "50",
        "achieved/s": "15",
        "in flight": "3",
        "dropped": "8",
        "throttled": "7",
        "errors": "2",
        "p50": "10.0 ms",
        "p95": "200 ms",
        "p99": "200 ms",
        "cost": "$0.60",
        "cost/h": "$360.00",
    }


def test_rates_are_in_the_unit_of_the_plan() -> None:
    """Vectors or requests."""
    assert cells(second(0, 0.01, 0.01))["offered/s"] == "20"
    requests = cells(second(0, 0.01, 0.01), planned=plan(unit="requests"))
    assert (requests["offered/s"], requests["achieved/s"]) == ("2", "2")


def test_without_answers_there_are_no_percentiles() -> None:
    """A dash is not a zero."""
    found = cells(second(0, due=1_500, due_vectors=15_000, in_flight=1_500))
    assert (found["p50"], found["p95"], found["p99"]) == ("-", "-", "-")
    assert (found["offered/s"], found["achieved/s"], found["in flight"]) == ("15,000", "0", "1,500")


def test_without_a_terminal_five_seconds_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The rest at the end is one too. Nothing is printed on stdout."""
    live = LiveTable()
    live.add(plan(scheduled=1_200))
    for at_s in range(7):
        live.add(second(at_s, 0.01, usd=0.001 * (at_s + 1)))
    live.close()
    out, err = capsys.readouterr()
    summary, headings, *rows = err.splitlines()
    assert out == ""
    assert summary == "test: 1,200 requests in 10 s, 10 x 8, at most 8 in flight"
    assert headings.split() == " ".join(HEADINGS).split()
    assert [row.split() for row in rows] == [
        [
            "5",
            "s",
            "10",
            "10",
            "0",
            "0",
            "0",
            "0",
            "10.0",
            "ms",
            "10.0",
            "ms",
            "10.0",
            "ms",
            "$0.005",
            "$3.60",
        ],
        [
            "7",
            "s",
            "10",
            "10",
            "0",
            "0",
            "0",
            "0",
            "10.0",
            "ms",
            "10.0",
            "ms",
            "10.0",
            "ms",
            "$0.007",
            "$3.60",
        ],
    ]
    assert {len(row) for row in (headings, *rows)} == {len(headings)}, "columns are aligned"


def test_events_are_printed_between_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """Stages by name; notes are for the report."""
    live = LiveTable()
    live.add(plan())
    for event in (
        Event(at_s=0.0, kind="stage", text="warm up"),
        Event(at_s=12.4, kind="worker-lost", text="worker-2 is silent"),
        Event(at_s=13.0, kind="note", text="nobody reads this"),
    ):
        live.add(event)
    live.add(Recall(k=1, queries=1, mean=1, lowest=1))
    live.close()
    assert capsys.readouterr().err.splitlines()[2:] == [
        "     0 s  stage: warm up",
        "    12 s  worker-2 is silent",
    ]


def test_nothing_is_printed_with_quiet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal and elsewhere."""
    for _ in range(2):
        live = LiveTable(quiet=True)
        live.add(plan())
        live.add(Event(at_s=0.0, kind="aborted", text="over budget"))
        for at_s in range(6):
            live.add(second(at_s, 0.01))
        live.close()
        assert capsys.readouterr() == ("", "")
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)


def test_on_a_terminal_the_table_grows_and_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps its last rows, and restores the cursor, also with events in between."""
    terminal = FakeTerminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    live = LiveTable()
    live.add(plan())
    for at_s in range(70):
        live.add(second(at_s, 0.01))
    live.add(Event(at_s=70.0, kind="aborted", text="[/over] budget [bold]"))
    shown = terminal.getvalue()
    assert all(heading in shown for heading in HEADINGS)
    _, *rows = shown[shown.rindex("offered/s") :].splitlines()
    assert [row.partition(" s ")[0].strip() for row in rows] == [str(at_s) for at_s in range(15, 75, 5)]
    assert "    70 s  [/over] budget [bold]" in shown, "what others wrote is no markup"
    live.close()
    assert terminal.getvalue().rindex("\x1b[?25h") > terminal.getvalue().rindex("\x1b[?25l")
    live.close()


def test_a_run_that_never_began_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """There are no seconds."""
    LiveTable().close()
    assert capsys.readouterr() == ("", "")


def test_the_hourly_price_excludes_the_preload(capsys: pytest.CaptureFixture[str]) -> None:
    """The total includes it; a second that costs a cent makes 36 dollars an hour."""
    live = LiveTable()
    live.add(plan(preload_usd=0.5))
    live.add(second(0, 0.01, usd=0.51))
    live.close()
    assert capsys.readouterr().err.splitlines()[-1].split()[-2:] == ["$0.51", "$36.00"]


def test_the_first_line_names_the_target(capsys: pytest.CaptureFixture[str]) -> None:
    """The header of the stream comes before the plan."""
    table = LiveTable()
    table.add(header(kind="load", target="http://load-1:7333"))
    table.add(plan())
    assert "test on http://load-1:7333: 100 requests" in capsys.readouterr().err
