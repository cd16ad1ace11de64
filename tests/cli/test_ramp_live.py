"""What a load run shows while it goes on: figures by hand, and the words on both kinds of stderr."""

from __future__ import annotations

import io
import sys

import pytest
from loads import operation, plan, second

from vecgate.cli.ramp_live import HEADINGS, LiveTable, row_of
from vecgate.results.load import Event, Plan, Recall, Second

COLUMNS = dict(zip(HEADINGS, range(len(HEADINGS)), strict=True))


class FakeTerminal(io.StringIO):
    """What is written to it is kept."""

    def isatty(self) -> bool:
        return True


def cells(*seconds: Second, planned: Plan | None = None, usd_before: float = 0.0) -> dict[str, str]:
    row = row_of(seconds, planned or plan(), usd_before=usd_before)
    return dict(zip(HEADINGS, row, strict=True))


def test_a_row_tells_of_its_seconds() -> None:
    """Rates by the second, sums of what went wrong, percentiles over all of them, the price until then."""
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
        "$": "0.6000",
        "$/h": "360.00",
    }


def test_rates_are_in_the_unit_of_the_plan() -> None:
    """Requests, where that is it."""
    assert cells(second(0, 0.01, 0.01))["offered/s"] == "20"
    requests = cells(second(0, 0.01, 0.01), planned=plan(unit="requests"))
    assert (requests["offered/s"], requests["achieved/s"]) == ("2", "2")


def test_where_nothing_was_answered_there_are_no_percentiles() -> None:
    """A dash is no zero."""
    found = cells(second(0, due=1_500, due_vectors=15_000, in_flight=1_500))
    assert (found["p50"], found["p95"], found["p99"]) == ("-", "-", "-")
    assert (found["offered/s"], found["achieved/s"], found["in flight"]) == ("15,000", "0", "1,500")


def test_off_a_terminal_every_five_seconds_are_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """What is left at the end is one too. Nothing is said on stdout."""
    live = LiveTable()
    live.add(plan(scheduled=1_200))
    for at_s in range(7):
        live.add(second(at_s, 0.01, usd=0.001 * (at_s + 1)))
    live.close()
    out, err = capsys.readouterr()
    told, headings, *rows = err.splitlines()
    assert out == ""
    assert told == "test: 1,200 requests in 10 s, 10 x 8, at most 8 in flight"
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
            "0.0050",
            "3.60",
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
            "0.0070",
            "3.60",
        ],
    ]
    assert {len(row) for row in (headings, *rows)} == {len(headings)}, "columns are aligned"


def test_what_happens_is_said_where_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    """Stages by their name; notes are for the report."""
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


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal and off it."""
    for _ in range(2):
        live = LiveTable(quiet=True)
        live.add(plan())
        live.add(Event(at_s=0.0, kind="aborted", text="too dear"))
        for at_s in range(6):
            live.add(second(at_s, 0.01))
        live.close()
        assert capsys.readouterr() == ("", "")
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)


def test_on_a_terminal_a_table_grows_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its rows the last ones stay; the cursor comes back, whatever else is said meanwhile."""
    terminal = FakeTerminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    live = LiveTable()
    live.add(plan())
    for at_s in range(70):
        live.add(second(at_s, 0.01))
    live.add(Event(at_s=70.0, kind="aborted", text="[/too] dear [bold]"))
    shown = terminal.getvalue()
    assert all(heading in shown for heading in HEADINGS)
    _, *rows = shown[shown.rindex("offered/s") :].splitlines()
    assert [row.partition(" s ")[0].strip() for row in rows] == [str(at_s) for at_s in range(15, 75, 5)]
    assert "    70 s  [/too] dear [bold]" in shown, "what others wrote is no markup"
    live.close()
    assert terminal.getvalue().rindex("\x1b[?25h") > terminal.getvalue().rindex("\x1b[?25l")
    live.close()


def test_a_run_that_never_began_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to tell of."""
    LiveTable().close()
    assert capsys.readouterr() == ("", "")


def test_an_hour_is_not_charged_for_what_was_put_beforehand(capsys: pytest.CaptureFixture[str]) -> None:
    """The price has it; a second that costs a cent makes 36 dollars an hour."""
    live = LiveTable()
    live.add(plan(usd_before=0.5))
    live.add(second(0, 0.01, usd=0.51))
    live.close()
    assert capsys.readouterr().err.splitlines()[-1].split()[-2:] == ["0.5100", "36.00"]
