"""Committed results as vecgate prints them, and whether a page shows them so.

A page may leave lines out where it says `…`. What is left is a run of lines as they were printed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from difflib import SequenceMatcher
from io import StringIO
from itertools import groupby
from pathlib import Path

from documents import Line
from loadtests.peers.figures import table
from quantities import UNITS

from vecgate.cli import capacity_report, scale_report
from vecgate.cli.bench_run import KeptChoice, show
from vecgate.cli.ramp_live import LiveTable
from vecgate.gate.bulk import bulk_line_of, judge_bulk
from vecgate.gate.load import judge_load
from vecgate.gate.verdict import verdict_of
from vecgate.load.capacity import Goal, TrialOutcome, find_capacity
from vecgate.load.scale import Grid, Shape, Slice
from vecgate.reporting.benchmarks import benchmark_markdown
from vecgate.reporting.html.headline import headline_of
from vecgate.reporting.load_markdown import load_markdown
from vecgate.reporting.load_terminal import load_text
from vecgate.reporting.markdown import markdown_report
from vecgate.reporting.terminal import terminal_report
from vecgate.results.load import Capacity, Cell, Plan, Trial
from vecgate.results.records import Kind, Stream
from vecgate.results.stream import read_stream

#: Runs `vecgate` with these words in a folder, and gives what it said on stdout and stderr.
Run = Callable[[Sequence[str], Path], str]
LEFT_OUT = "…"
DIGIT = re.compile(r"\d")
#: Of `vecgate capacity`, unless told otherwise.
CONFIRMATIONS = 2
#: Commands that replay results.
REPLAYING = ("report", "compare", "bench --show")


def renderings(path: Path) -> list[str]:
    """All that vecgate prints of the result at *path*; a text is printed as it is."""
    if path.suffix != ".jsonl":
        return [path.read_text(encoding="utf-8")]
    stream = read_stream(path)
    headline = headline_of(stream)
    return [*_printed(stream), f"{headline.word}  {headline.line}"]


def replayed(commands: Sequence[str], files: Sequence[Path], folder: Path, run: Run) -> list[str]:
    """What those of *commands* print that replay results: the streams they name are *files*, in order."""
    replays = [words for command in commands if (words := command.split()[1:]) and _replays(words)]
    names = [word for words in replays for word in words if word.endswith(".jsonl")]
    for name, file in zip(dict.fromkeys(names), files, strict=False):
        shutil.copyfile(file, folder / name)
    return [run(words, folder) for words in replays]


def segments(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """The runs of printed lines in a marked region: between fences, commands and what is left out."""
    for is_shown, run in groupby(lines, _is_shown):
        if is_shown and (shown := _stripped(list(run))):
            yield shown


def is_printed(segment: Sequence[str], rendering: str) -> bool:
    """Whether *segment* is a run of the lines of *rendering*."""
    wanted = [line.rstrip() for line in segment]
    return next(_found(wanted, [line.rstrip() for line in rendering.splitlines()]), None) is not None


def renewed(segment: Sequence[str], printed: Sequence[str]) -> list[str]:
    """The lines of one of *printed* that say now what *segment* said; *segment* where none does."""
    wanted = [_words(line) for line in segment]
    found: list[tuple[float, list[str]]] = []
    for rendering in printed:
        lines = [line.rstrip() for line in rendering.splitlines()]
        words = [_words(line) for line in lines]
        for start, end in _windows(words, wanted):
            likeness = SequenceMatcher(None, wanted, words[start:end], autojunk=False).ratio()
            found.append((likeness, lines[start:end]))
    return max(found, key=lambda each: each[0], default=(0.0, list(segment)))[1]


def _windows(words: Sequence[str], wanted: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where something begins and ends as *wanted* does: of a line, its first words tell."""
    first, last = (_begin(each) for each in (wanted[0], wanted[-1]))
    ends = [at + 1 for at, each in enumerate(words) if _begin(each) == last]
    for start in (at for at, each in enumerate(words) if _begin(each) == first):
        yield from ((start, end) for end in ends if end > start and (len(wanted) > 1 or end == start + 1))


def _replays(words: Sequence[str]) -> bool:
    return " ".join(words).startswith(REPLAYING)


def _is_shown(line: Line) -> bool:
    return not (line.is_frame or line.is_command or line.text.strip() == LEFT_OUT)


def _stripped(lines: list[Line]) -> list[Line]:
    """Without the blank lines around."""
    shown = [number for number, line in enumerate(lines) if line.text.strip()]
    return lines[shown[0] : shown[-1] + 1] if shown else []


def _found(wanted: list[str], lines: list[str]) -> Iterator[int]:
    return (at for at in range(len(lines) - len(wanted) + 1) if lines[at : at + len(wanted)] == wanted)


def _words(line: str) -> str:
    """What stays the same when a run is repeated: all but numbers and their units."""
    return " ".join(word for word in line.split() if not (DIGIT.search(word) or word in UNITS))


def _begin(words: str) -> tuple[str, ...]:
    return tuple(words.split()[:3])


def _printed(stream: Stream) -> list[str]:
    match stream.header.kind:
        case "conformance":
            verdict = verdict_of(stream)
            return [terminal_report(stream.run, verdict), markdown_report(stream.run, verdict)]
        case "load":
            judged = judge_load(stream)
            return [f"{_live(stream)}{load_text(stream, judged)}", load_markdown(stream, judged)]
        case "benchmarks":
            kept = KeptChoice(None, None, everything=False)
            return [_said(lambda: show(stream, kept, as_json=False)), benchmark_markdown(stream)]
        case kind:
            return [TOLD[kind](stream)]


def _said(action: Callable[[], object]) -> str:
    with redirect_stdout(StringIO()) as said:
        action()
    return said.getvalue()


def _live(stream: Stream) -> str:
    """What was on stderr while it ran."""
    live = LiveTable()
    with redirect_stderr(StringIO()) as said:
        for record in stream.records:
            live.add(record)
        live.close()
    return said.getvalue()


def _capacity_lines(stream: Stream) -> list[str]:
    """Each trial as it ended, then the report: the search is made again, with what the trials came to."""
    plan, told, trials = stream.first(Plan), stream.header.options, stream.of(Trial)
    found = stream.first(Capacity)
    assert plan is not None
    goal = Goal(
        float(told["from"]),
        float(told["to"]),
        float(told["resolution"].rstrip("% ")) / 100,
        found.confirmations if found else CONFIRMATIONS,
    )
    outcome = capacity_report.Outcome(goal, plan.unit, plan.thresholds, list(trials))
    left = iter(trials)
    outcome.found = find_capacity(goal, lambda _: _outcome(next(left)), lambda _: None, unit=plan.unit)
    return [
        *(capacity_report.trial_line(trial, plan.unit) for trial in trials),
        *capacity_report.report(outcome),
    ]


def _outcome(trial: Trial) -> TrialOutcome:
    return TrialOutcome(
        trial.held,
        trial.achieved_per_s,
        trial.p50_ms,
        trial.p99_ms,
        trial.errors,
        trial.throttled,
        trial.reason,
        trial.is_invalid,
    )


class _Measured(scale_report.Outcome):
    """The outcome of a grid whose cells are in a stream."""

    def __init__(self, stream: Stream) -> None:
        cells = stream.of(Cell)
        grid = Grid(
            tuple({cell.vectors_per_request for cell in cells}), tuple({cell.in_flight for cell in cells})
        )
        super().__init__(
            grid, {Shape(cell.vectors_per_request, cell.in_flight): list[Slice]() for cell in cells}
        )
        self._cells = cells

    @property
    def cells(self) -> tuple[Cell, ...]:
        return self._cells


#: Kind of run that has one text to that text.
TOLD: Mapping[Kind, Callable[[Stream], str]] = {
    "capacity": lambda stream: "\n".join(_capacity_lines(stream)),
    "scale": lambda stream: "\n".join(scale_report.report(_Measured(stream))),
    "peers": table,
    "bulk": lambda stream: bulk_line_of(judge_bulk(stream), stream),
}
