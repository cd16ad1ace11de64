"""The progress bar of an ingest or a deletion: counts, rates, and the time left."""

from __future__ import annotations

import sys
from math import ceil
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from vecgate.bulk.progress import Event, Progress, Retrying, TargetUnavailable
from vecgate.formatting import format_duration
from vecgate.printable import printable_line
from vecgate.safe_output import trusted_stream

#: Shortest time between two lines, if stderr is not a terminal.
LINE_EVERY_S = 5.0


class LiveBar:
    """Shows progress on stderr: a bar on a terminal, else lines, or nothing if *quiet*."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._is_drawn = not quiet and sys.stderr.isatty()
        self._prints_lines = not quiet and not self._is_drawn
        self._printed_at_s, self._outage_printed_s = 0.0, float("-inf")
        self._note = ""
        self._bar = Bar(
            TextColumn("{task.fields[counts]}", markup=False),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[rates]}", markup=False),
            console=Console(file=trusted_stream(sys.stderr)),
            transient=True,
            disable=not self._is_drawn,
        )
        self._task = self._bar.add_task("", total=None, counts="", rates="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def on_event(self, event: Event) -> None:
        """Show *event*."""
        match event:
            case Progress():
                self._show(event)
                self._note = ""
            case Retrying(cause=cause, wait_s=wait_s):
                self._note = f" · {printable_line(cause)}, waiting {wait_s:.1f} s"
            case TargetUnavailable():
                self._show_outage(event)
            case _:
                pass

    def _show_outage(self, outage: TargetUnavailable) -> None:
        if self._is_drawn:
            self._bar.update(self._task, rates=printable_line(outage_line(outage)))
        # The first line of an outage is printed at once; a later outage begins at 0 again.
        elif self._prints_lines and not 0 <= outage.for_s - self._outage_printed_s < LINE_EVERY_S:
            self._outage_printed_s = outage.for_s
            click.echo(printable_line(outage_line(outage)), err=True)

    def _show(self, progress: Progress) -> None:
        settled = progress.acknowledged + progress.rejected
        if self._is_drawn:
            self._bar.update(
                self._task,
                completed=settled,
                total=progress.total,
                counts=counts_line(progress),
                rates=rates_line(progress) + self._note,
            )
        elif self._prints_lines and progress.elapsed_s - self._printed_at_s >= LINE_EVERY_S:
            self._printed_at_s = progress.elapsed_s
            click.echo(f"{counts_line(progress)} · {rates_line(progress)}{self._note}", err=True)


def counts_line(progress: Progress) -> str:
    """Return the counts, such as `120,000/2,000,000 (6 %)`."""
    settled = progress.acknowledged + progress.rejected
    if not progress.total:
        return f"{settled:,}"
    return f"{settled:,}/{progress.total:,} ({settled / progress.total:.0%})"


def outage_line(outage: TargetUnavailable) -> str:
    """Return the state of an outage, such as `target unavailable for 42.0 s (no connection), next attempt in
    5 s`.
    """
    attempt = f"next attempt in {ceil(outage.next_attempt_s)} s" if outage.next_attempt_s else "trying now"
    limit = format_duration(outage.stops_after_s)
    for_s = format_duration(outage.for_s)
    return f"target unavailable for {for_s} ({outage.cause}), {attempt}; the run waits for up to {limit}"


def rates_line(progress: Progress) -> str:
    """Return the rates, such as `2,480/s now, 2,471/s mean, 12 min 40 s left, 3 retries (3 throttled)`."""
    parts = [f"{progress.vectors_per_s:,.0f}/s now", f"{progress.mean_per_s:,.0f}/s mean"]
    if progress.eta_s is not None:
        parts.append(f"{format_duration(progress.eta_s)} left")
    if progress.retries:
        parts.append(f"{progress.retries:,} retries ({progress.throttles:,} throttled)")
    if progress.rate_scale < 1:
        parts.append(f"slowed to {progress.rate_scale:.0%}")
    if progress.rejected:
        parts.append(f"{progress.rejected:,} rejected")
    return ", ".join(parts)
