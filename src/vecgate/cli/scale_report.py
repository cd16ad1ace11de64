"""What `vecgate scale` has measured, for people and for programs; the last line is the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vecgate.cli.exit_codes import ExitCode, exit_code_of, unless_left
from vecgate.cli.wording import milliseconds
from vecgate.errors import VecgateError
from vecgate.gate.measures import told as figure_of
from vecgate.gate.verdict import passed_line
from vecgate.load.scale import Grid, Shape, Slice, cells_of
from vecgate.reporting.scale import remarks_of
from vecgate.reporting.terminal import left_lines, table_lines
from vecgate.reporting.wording import many
from vecgate.results.load import Cell
from vecgate.results.records import SCHEMA_VERSION, Header

HEADINGS = (
    *("vectors/request", "in flight", "vectors/s", "requests/s", "p50", "p99"),
    *("CPU s/1,000", "$/million", "efficiency", "throttled", "errors", ""),
)


@dataclass(slots=True)
class Outcome:
    """What a run of *grid* has measured, and how it ended.

    usd        that it cost
    is_cut     it was interrupted
    is_broke   what it may cost was spent before it was done
    failure    what ended it, None where nothing did
    leaks      what could not be removed
    """

    grid: Grid
    measured: dict[Shape, list[Slice]] = field(default_factory=dict)
    usd: float = 0.0
    is_cut: bool = False
    is_broke: bool = False
    failure: VecgateError | None = None
    leaks: list[str] = field(default_factory=list)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that were measured."""
        return cells_of(self.grid, self.measured)

    @property
    def is_whole(self) -> bool:
        """Every cell was measured there and back."""
        return sum(map(len, self.measured.values())) == len(self.grid.order)

    @property
    def recommended(self) -> Cell | None:
        """The cell to send like, None where nobody can say."""
        return next((cell for cell in self.cells if cell.is_recommended), None)

    @property
    def code(self) -> ExitCode:
        """The exit code."""
        if self.is_cut:
            return ExitCode.INTERRUPTED
        if self.failure is not None:
            return exit_code_of(self.failure)
        if self.recommended:
            return unless_left(ExitCode.PASS, self.leaks)
        return ExitCode.BROKEN if self.is_broke else ExitCode.GATE_FAILED


def report(outcome: Outcome) -> list[str]:
    """What was found, for people; the last line is the verdict."""
    lines = (
        table_lines([HEADINGS, *map(_row, outcome.cells)], right=range(len(HEADINGS) - 1))
        if outcome.cells
        else []
    )
    lines += (
        ["", *(f"{name:<8}  {told}" for name, told in remarks_of(outcome.cells))] if outcome.cells else []
    )
    return [*lines, *left_lines(outcome.leaks), line_of(outcome)]


def line_of(outcome: Outcome) -> str:
    """The verdict."""
    measured = f"{len(outcome.measured)} of {many(len(outcome.grid.shapes), 'cell')} measured"
    if outcome.is_cut:
        return f"INTERRUPTED  {measured}"
    if outcome.failure is not None:
        return f"STOPPED  {measured}"
    best = outcome.recommended
    if outcome.is_broke and best is None:
        return f"STOPPED  {figure_of(outcome.usd, 'usd')} is spent; {measured}"
    if best is None:
        return "FAIL  nothing was written"
    told = (
        f"send {many(best.vectors_per_request, 'vector')} a request, {best.in_flight} in flight: "
        f"{best.vectors_per_s:,.0f} vectors/s, ${best.usd_per_million:,.2f} a million"
    )
    return passed_line(told, outcome.leaks, word="SCALE")


def to_dict(outcome: Outcome, header: Header) -> dict[str, object]:
    """The result as JSON has it."""
    return {
        "schema": SCHEMA_VERSION,
        "line": line_of(outcome),
        "target": header.target,
        "cells": [_plain(cell) for cell in outcome.cells],
        "recommended": _plain(outcome.recommended),
        "is_complete": outcome.is_whole,
        "usd": outcome.usd,
        "left_behind": outcome.leaks,
        "exit_code": int(outcome.code),
    }


def _plain(cell: Cell | None) -> dict[str, object] | None:
    if cell is None:
        return None
    return {name: getattr(cell, name) for name in cell.__struct_fields__}


def slice_line(number: int, total: int, shape: Shape, slice_: Slice) -> str:
    """What one cell did in one go, while the others are to come."""
    rate = slice_.vectors / slice_.elapsed_s if slice_.elapsed_s else 0.0
    throttled = f", {slice_.throttled:,} throttled" if slice_.throttled else ""
    cell = f"{shape.vectors_per_request} × {shape.in_flight}"
    return f"{number:>3} of {total}  {cell:>8}: {rate:,.0f} vectors/s{throttled}"


def _row(cell: Cell) -> Sequence[str]:
    return (
        f"{cell.vectors_per_request:,}",
        f"{cell.in_flight:,}",
        f"{cell.vectors_per_s:,.0f}",
        f"{cell.requests_per_s:,.0f}",
        milliseconds(cell.p50_ms),
        milliseconds(cell.p99_ms),
        f"{cell.cpu_s_per_1000:.3f}",
        f"{cell.usd_per_million:,.2f}",
        f"{cell.efficiency:.0%}",
        f"{cell.throttled:,}",
        f"{cell.errors:,}",
        "← recommended" if cell.is_recommended else "",
    )
