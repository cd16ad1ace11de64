"""The live table of a load run: what was offered and achieved, how long it took, what it costs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from vecgate.cli.wording import milliseconds
from vecgate.results.histograms import merged
from vecgate.results.load import Event, Plan, Second
from vecgate.results.records import Record

#: Seconds that one row tells of.
SPAN_S = 5
#: Rows that stay on a terminal.
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
    "$",
    "$/h",
)


@dataclass(slots=True)
class LiveTable:
    """Follows a run on stderr: a table that grows on a terminal, a line now and then elsewhere.

    quiet  tell nothing
    """

    quiet: bool = False
    _plan: Plan | None = None
    _seconds: list[Second] = field(default_factory=list)
    _rows: list[tuple[str, ...]] = field(default_factory=list)
    _usd: float = 0.0
    _live: Live | None = None

    def add(self, record: Record) -> None:
        """Take the next record of the run."""
        match record:
            case Plan():
                self._begin(record)
            case Second():
                self._second(record)
            case Event(kind=kind, text=text) if kind != "note":
                self._say(f"{record.at_s:6.0f} s  {'stage: ' if kind == 'stage' else ''}{text}")

    def close(self) -> None:
        """Tell of what is left, and leave the terminal alone."""
        if self._seconds:
            self._row()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _begin(self, plan: Plan) -> None:
        self._plan, self._usd = plan, plan.usd_before
        self._say(
            f"{plan.scenario}: {plan.scheduled:,} requests in {plan.duration_s:g} s, "
            f"{plan.vectors_per_request:,} x {plan.dimension:,}, at most {plan.in_flight_max:,} in flight"
        )
        if self.quiet:
            return
        if sys.stderr.isatty():
            self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
            self._live.start()
        else:
            click.echo(_line(HEADINGS), err=True)

    def _second(self, second: Second) -> None:
        self._seconds.append(second)
        if len(self._seconds) >= SPAN_S:
            self._row()

    def _row(self) -> None:
        assert self._plan is not None
        seconds, self._seconds = self._seconds, []
        row = row_of(seconds, self._plan, usd_before=self._usd)
        self._usd = seconds[-1].usd
        self._rows = [*self._rows, row][-ROWS:]
        if self.quiet:
            return
        if self._live is None:
            click.echo(_line(row), err=True)
        else:
            self._live.update(_table(self._rows), refresh=True)

    def _say(self, text: str) -> None:
        if self.quiet:
            return
        if self._live is not None:
            self._live.console.print(text, markup=False, highlight=False)
        else:
            click.echo(text, err=True)


def row_of(seconds: Sequence[Second], plan: Plan, *, usd_before: float) -> tuple[str, ...]:
    """The cells that tell of *seconds*, in the unit of *plan*."""
    operations = [counts for second in seconds for counts in second.operations.values()]
    is_vectors = plan.unit == "vectors"
    offered = sum(second.due_vectors if is_vectors else second.due for second in seconds)
    achieved = sum(counts.vectors if is_vectors else counts.ok for counts in operations)
    response = merged(counts.response.histogram for counts in operations if counts.response.count)
    shown = [milliseconds(response.percentile_ms(p)) if response.count else "-" for p in (50, 95, 99)]
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
        f"{usd:.4f}",
        f"{(usd - usd_before) / span_s * HOUR_S:,.2f}",
    )


def _line(cells: Sequence[str]) -> str:
    return " ".join(f"{cell:>10}" for cell in cells)


def _table(rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*row)
    return table
