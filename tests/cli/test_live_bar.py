"""Progress on a stderr that is no terminal: a line every few seconds, and the state of an outage."""

from __future__ import annotations

import pytest

from vecgate.bulk.progress import ComparisonProgress, ReadRetried, TargetUnavailable
from vecgate.cli.live_bar import LiveBar, outage_line
from vecgate.testing.clock import FakeClock


def outage(for_s: float, next_attempt_s: float = 4.2, cause: str = "no connection") -> TargetUnavailable:
    """Return the event of an outage."""
    return TargetUnavailable(cause, for_s, next_attempt_s, stops_after_s=600.0)


def test_an_outage_is_one_sentence() -> None:
    """It says for how long, why, when the next attempt is, and how long the run waits."""
    assert outage_line(outage(42.04)) == (
        "target unavailable for 42.0 s (no connection), next attempt in 5 s; "
        "the run waits for up to 10 min 00 s"
    )
    assert "trying now" in outage_line(outage(42.0, 0.0))


def test_an_outage_is_printed_at_once_and_then_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """So is the next outage, however soon it comes."""
    with LiveBar() as bar:
        for tenth in range(121):
            bar.on_event(outage(tenth / 10))
        bar.on_event(outage(0.5))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" s ")[0].rsplit(" ", 1)[1] for line in lines] == ["0.0", "5.0", "10.0", "0.5"]


def test_a_quiet_run_prints_no_outage(capsys: pytest.CaptureFixture[str]) -> None:
    """The error at its end does."""
    with LiveBar(quiet=True) as bar:
        bar.on_event(outage(42.0))
    assert capsys.readouterr().err == ""


def test_the_cause_is_made_printable(capsys: pytest.CaptureFixture[str]) -> None:
    """An error code comes from the target."""
    with LiveBar() as bar:
        bar.on_event(outage(1.0, cause="\x1b[31mred\n::error::x"))
    (line,) = capsys.readouterr().err.splitlines()
    assert "\x1b" not in line


def test_a_comparison_prints_a_line_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """It has the records read back, their rate, and the differences so far."""
    with LiveBar() as bar:
        for second in range(1, 12):
            bar.on_event(ComparisonProgress(second, 100 * second, 2_000, 0))
    assert capsys.readouterr().err.splitlines() == [
        "500/2,000 (25%) read back · 100/s",
        "1,000/2,000 (50%) read back · 100/s",
    ]
    with LiveBar() as bar:
        bar.on_event(ComparisonProgress(5.0, 2_000, None, 1))
    assert capsys.readouterr().err == "2,000 read back · 400/s, 1 difference\n"


def test_reads_that_fail_print_a_line_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """However many threads wait."""
    clock = FakeClock()
    with LiveBar(clock=clock.now_s) as bar:
        for _ in range(12):
            bar.on_event(ReadRetried(2.04))
            clock.wait(1)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["a read failed, next attempt in 2.0 s"] * 3
