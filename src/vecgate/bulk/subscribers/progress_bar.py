"""A progress bar for programs and notebooks."""

from __future__ import annotations

from importlib.util import find_spec
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from vecgate.bulk.progress import Event, Progress, TargetUnavailable
from vecgate.formatting import format_duration
from vecgate.printable import printable_line


class ProgressBar:
    """Shows the progress of a run, as a subscriber, while its `with` block runs.

    In a notebook it needs `ipywidgets`. Without them, and if the output is no terminal, only the last state
    is printed.
    """

    def __init__(self, description: str = "vectors", *, console: Console | None = None) -> None:
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(),
            console=console or _console(),
        )
        self._task = self._bar.add_task(description, total=None, rate="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def on_event(self, event: Event) -> None:
        """Show *event*."""
        if isinstance(event, Progress):
            rejected = f", {event.rejected:,} rejected" if event.rejected else ""
            self._bar.update(
                self._task,
                completed=event.acknowledged + event.rejected,
                total=event.total,
                rate=f"{event.vectors_per_s:,.0f}/s{rejected}",
            )
        elif isinstance(event, TargetUnavailable):
            cause = printable_line(event.cause)
            self._bar.update(
                self._task, rate=f"target unavailable for {format_duration(event.for_s)} ({cause})"
            )


def _console() -> Console:
    console = Console(stderr=True)
    if console.is_jupyter and find_spec("ipywidgets") is None:
        return Console(stderr=True, force_jupyter=False)
    return console
