"""The progress bar of programs and notebooks shows counts, rates and outages."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from vecgate.bulk.progress import BatchMetric, Progress, TargetUnavailable
from vecgate.bulk.subscribers import progress_bar
from vecgate.bulk.subscribers.progress_bar import ProgressBar


def _progress(acknowledged: int, rejected: int = 0) -> Progress:
    return Progress(1.0, 10, acknowledged, rejected, 0, 1_000, 250.0, 200.0, 3.0, 0, 0, 1.0)


def test_counts_and_rates_are_shown() -> None:
    """The last state stays; events of other kinds change nothing."""
    text = io.StringIO()
    with ProgressBar(console=Console(file=text, width=120)) as bar:
        bar.on_event(_progress(100))
        bar.on_event(BatchMetric(1, 2, 1, 0.5))
        bar.on_event(_progress(600, 4))
    assert "604/1000 250/s, 4 rejected" in text.getvalue()


def test_an_outage_is_shown() -> None:
    """With its cause, which comes from a server and may hold anything."""
    text = io.StringIO()
    with ProgressBar(console=Console(file=text, width=120)) as bar:
        bar.on_event(TargetUnavailable("503\x1b[2J", 42.0, 5.0, 600.0))
    assert "target unavailable for 42.0 s (503" in text.getvalue()
    assert "\x1b[2J" not in text.getvalue()


@pytest.mark.parametrize(("has_widgets", "is_notebook"), [(True, True), (False, False)])
def test_a_notebook_without_widgets_gets_text(
    has_widgets: bool, is_notebook: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise, rich would print a warning for each state."""

    class Notebook(Console):
        def __init__(self, *, stderr: bool, force_jupyter: bool = True) -> None:
            super().__init__(stderr=stderr, force_jupyter=force_jupyter)

    monkeypatch.setattr(progress_bar, "Console", Notebook)
    monkeypatch.setattr(progress_bar, "find_spec", lambda _: has_widgets or None)
    assert ProgressBar()._bar.live.console.is_jupyter is is_notebook
