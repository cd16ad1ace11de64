"""The live table of a load run: offered and achieved rates, latencies and price."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from vecgate.formatting import format_milliseconds, format_usd
from vecgate.results.histograms import merge_histograms
from vecgate.results.load.load_records import Event, LoadPlan, Second
from vecgate.results.records import Header, Record
from vecgate.safe_output import safe_text, trusted_stream

#: Seconds that one row covers.
ROW_S = 5
#: Maximum number of rows on a terminal.
ROWS = 12
HOUR_S = 3_600
HEADINGS = (
    "time",
    "offered/s",
    "achieved/s",
    "in flight",
    "dropped",
    "throttled",
    "errors",
    "p50",
    "p95",
    "p99",
    "cost",
    "cost/h",
)


@dataclass(slots=True)
class LiveTable:
    """Follows a run on stderr: a growing table on a terminal, and single lines elsewhere.

    quiet  print nothing
    """

    quiet: bool = False
    _target: str = ""
    _plan: LoadPlan | None = None
    _seconds: list[Second] = field(default_factory=list)
    _rows: list[tuple[str, ...]] = field(default_factory=list)
    _usd: float = 0.0
    _live: Live | None = None

    def add(self, record: Record) -> None:
        """Add the next record of the run."""
        match record:
            case Header(target=target):
                self._target = target
            case LoadPlan():
                self._start(record)
            case Second():
                self._add_second(record)
            case Event(kind=kind, text=text) if kind != "note":
                self._print(f"{record.at_s:6.0f} s  {'stage: ' if kind == 'stage' else ''}{text}")

    def close(self) -> None:
        """Print the remaining seconds as a row, and remove the table from the terminal."""
        if self._seconds:
            self._add_row()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _start(self, plan: LoadPlan) -> None:
        self._plan, self._usd = plan, plan.preload_usd
        self._print(
            f"{plan.scenario}{f' on {self._target}' if self._target else ''}: "
            f"{plan.scheduled:,} requests in {plan.duration_s:g} s, "
            f"{plan.vectors_per_request:,} x {plan.dimension:,}, at most {plan.in_flight_max:,} in flight"
        )
        if self.quiet:
            return
        if sys.stderr.isatty():
            console = Console(file=trusted_stream(sys.stderr))
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.start()
        else:
            click.echo(_format_line(HEADINGS), err=True)

    def _add_second(self, second: Second) -> None:
        self._seconds.append(second)
        if len(self._seconds) >= ROW_S:
            self._add_row()

    def _add_row(self) -> None:
        assert self._plan is not None
        seconds, self._seconds = self._seconds, []
        row = build_row(seconds, self._plan, usd_before=self._usd)
        self._usd = seconds[-1].usd
        self._rows = [*self._rows, row][-ROWS:]
        if self.quiet:
            return
        if self._live is None:
            click.echo(_format_line(row), err=True)
        else:
            self._live.update(_build_table(self._rows), refresh=True)

    def _print(self, text: str) -> None:
        if self.quiet:
            return
        if self._live is not None:
            self._live.console.print(safe_text(text), markup=False, highlight=False)
        else:
            click.echo(text, err=True)


def build_row(seconds: Sequence[Second], plan: LoadPlan, *, usd_before: float) -> tuple[str, ...]:
    """Return the row for *seconds*, with rates in the unit of *plan*."""
    operations = [counts for second in seconds for counts in second.operations.values()]
    is_vectors = plan.unit == "vectors"
    offered = sum(second.due_vectors if is_vectors else second.due for second in seconds)
    achieved = sum(counts.vectors if is_vectors else counts.ok for counts in operations)
    response = merge_histograms(counts.response.histogram for counts in operations if counts.response.count)
    shown = [format_milliseconds(response.percentile_ms(p)) if response.count else "-" for p in (50, 95, 99)]
    usd, span_s = seconds[-1].usd, len(seconds)
    return (
        f"{seconds[-1].at_s + 1:d} s",
        f"{offered / span_s:,.0f}",
        f"{achieved / span_s:,.0f}",
        f"{seconds[-1].in_flight:,}",
        f"{sum(second.dropped + second.lost for second in seconds):,}",
        f"{sum(counts.throttled for counts in operations):,}",
        f"{sum(sum(counts.errors.values()) for counts in operations):,}",
        *shown,
        format_usd(usd),
        format_usd((usd - usd_before) / span_s * HOUR_S),
    )


def _format_line(cells: Sequence[str]) -> str:
    return " ".join(f"{cell:>10}" for cell in cells)


def _build_table(rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*row)
    return table
