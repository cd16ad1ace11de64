"""The progress bar of an ingest or a deletion: counts, rates, and the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from math import ceil
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from vecgate.bulk.progress import (
    ComparisonProgress,
    Event,
    Progress,
    ReadRetried,
    Retrying,
    TargetUnavailable,
)
from vecgate.formatting import format_count, format_duration
from vecgate.printable import printable_line
from vecgate.safe_output import trusted_stream

#: Shortest time between two lines, if stderr is not a terminal.
LINE_EVERY_S = 5.0


class LiveBar:
    """Shows progress on stderr: a bar on a terminal, else lines, or nothing if *quiet*."""

    def __init__(self, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._is_drawn = not quiet and sys.stderr.isatty()
        self._prints_lines = not quiet and not self._is_drawn
        self._printed_at_s, self._outage_printed_s = 0.0, float("-inf")
        self._compared_at_s, self._retry_printed_at_s = 0.0, float("-inf")
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
            case ComparisonProgress():
                self._show_comparison(event)
            case ReadRetried(wait_s=wait_s):
                self._show_retry(f"a read failed, next attempt in {wait_s:.1f} s")
            case _:
                pass

    def _show_outage(self, outage: TargetUnavailable) -> None:
        if self._is_drawn:
            self._bar.update(self._task, rates=printable_line(outage_line(outage)))
        # The first line of an outage is printed at once; a later outage begins at 0 again.
        elif self._prints_lines and not 0 <= outage.for_s - self._outage_printed_s < LINE_EVERY_S:
            self._outage_printed_s = outage.for_s
            click.echo(printable_line(outage_line(outage)), err=True)

    def _show_comparison(self, progress: ComparisonProgress) -> None:
        if self._is_drawn:
            self._bar.update(
                self._task,
                completed=progress.read,
                total=progress.total,
                counts=comparison_counts(progress),
                rates=comparison_rates(progress),
            )
        elif self._prints_lines and not 0 <= progress.elapsed_s - self._compared_at_s < LINE_EVERY_S:
            self._compared_at_s = progress.elapsed_s
            click.echo(f"{comparison_counts(progress)} · {comparison_rates(progress)}", err=True)

    def _show_retry(self, text: str) -> None:
        if self._is_drawn:
            self._bar.update(self._task, rates=text)
        elif self._prints_lines and self._clock() - self._retry_printed_at_s >= LINE_EVERY_S:
            self._retry_printed_at_s = self._clock()
            click.echo(text, err=True)

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
    """Return the counts, such as `120,000/2,000,000 (6%)`."""
    return _done_of_total(progress.acknowledged + progress.rejected, progress.total)


def comparison_counts(progress: ComparisonProgress) -> str:
    """Return the counts of a comparison, such as `120,000/2,000,000 (6%) read back`."""
    return f"{_done_of_total(progress.read, progress.total)} read back"


def comparison_rates(progress: ComparisonProgress) -> str:
    """Return the rate of a comparison, such as `9,480/s, 3 differences`."""
    rate = progress.read / progress.elapsed_s if progress.elapsed_s > 0 else 0.0
    differences = f", {format_count(progress.differences, 'difference')}" if progress.differences else ""
    return f"{rate:,.0f}/s{differences}"


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


def _done_of_total(done: int, total: int | None) -> str:
    return f"{done:,}/{total:,} ({done / total:.0%})" if total else f"{done:,}"
