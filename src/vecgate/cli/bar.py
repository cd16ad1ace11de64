"""The live bar: how far a run is, how fast, and how long it will take."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from vecgate.bulk.progress import Event, Progress, Retrying
from vecgate.reporting.wording import duration

#: Without a terminal, a line is printed no more often than this.
LINE_EVERY_S = 5.0


class LiveBar:
    """Draws on stderr: a bar on a terminal, a line now and then elsewhere, nothing when *quiet*."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._is_drawn = not quiet and sys.stderr.isatty()
        self._is_told = not quiet and not self._is_drawn
        self._told_at_s = 0.0
        self._note = ""
        self._bar = Bar(
            TextColumn("{task.fields[counts]}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[rates]}"),
            console=Console(stderr=True),
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
        """Draw *event*."""
        match event:
            case Progress():
                self._show(event)
                self._note = ""
            case Retrying(cause=cause, wait_s=wait_s):
                self._note = f" · {cause}, waiting {wait_s:.1f} s"
            case _:
                pass

    def _show(self, progress: Progress) -> None:
        settled = progress.acknowledged + progress.set_aside
        if self._is_drawn:
            self._bar.update(
                self._task,
                completed=settled,
                total=progress.total,
                counts=counts_line(progress),
                rates=rates_line(progress) + self._note,
            )
        elif self._is_told and progress.elapsed_s - self._told_at_s >= LINE_EVERY_S:
            self._told_at_s = progress.elapsed_s
            click.echo(f"{counts_line(progress)} · {rates_line(progress)}{self._note}", err=True)


def counts_line(progress: Progress) -> str:
    """Such as `120,000/2,000,000 (6 %)`."""
    settled = progress.acknowledged + progress.set_aside
    if not progress.total:
        return f"{settled:,}"
    return f"{settled:,}/{progress.total:,} ({settled / progress.total:.0%})"


def rates_line(progress: Progress) -> str:
    """Such as `2,480/s now, 2,471/s mean, 12 min 40 s left, 3 retries (3 throttled)`."""
    parts = [f"{progress.vectors_per_s:,.0f}/s now", f"{progress.mean_per_s:,.0f}/s mean"]
    if progress.eta_s is not None:
        parts.append(f"{duration(progress.eta_s)} left")
    if progress.retries:
        parts.append(f"{progress.retries:,} retries ({progress.throttles:,} throttled)")
    if progress.pace_share < 1:
        parts.append(f"slowed to {progress.pace_share:.0%}")
    if progress.set_aside:
        parts.append(f"{progress.set_aside:,} set aside")
    return ", ".join(parts)
