"""The outcome of a scaling grid as text and as JSON. The last line of the text is the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from vecgate.formatting import format_count, format_duration, format_milliseconds, format_usd
from vecgate.gate.verdict import cleanup_line, pass_line
from vecgate.load.experiments.scaling_experiment import ScalingOutcome, estimate_usd
from vecgate.load.experiments.scaling_grid import CellRun, CellShape, ScalingGrid
from vecgate.reporting.text.scale_remarks import scale_remarks
from vecgate.reporting.text.terminal_tables import table_lines
from vecgate.results.load.load_records import Cell
from vecgate.results.records import SCHEMA_VERSION, Header
from vecgate.s3vectors.limits import WRITE_VECTORS_PER_S
from vecgate.s3vectors.pricing import PRICES_READ
from vecgate.targets.target import Target

HEADINGS = (
    *("vectors/request", "in flight", "vectors/s", "requests/s", "p50", "p99"),
    *("CPU s/1,000", "per million", "efficiency", "throttled", "errors", ""),
)


def plan_lines(grid: ScalingGrid, target: Target) -> list[str]:
    """Describe the measurement and its price on AWS."""
    cells = f"{format_count(len(grid.shapes), 'cell')} of {grid.dimension:,} dimensions on {target}"
    duration = format_duration(grid.seconds * len(grid.shapes))
    price = f"about {format_usd(estimate_usd(grid))} if the index accepts {WRITE_VECTORS_PER_S:,} vectors/s"
    return [
        f"plan      {cells}, at least {duration}",
        f"price     {price}, at the prices of {PRICES_READ} in us-east-1",
    ]


def cell_run_line(number: int, total: int, shape: CellShape, run: CellRun) -> str:
    """Describe measurement *number* of *total*."""
    rate = run.vectors / run.elapsed_s if run.elapsed_s else 0.0
    throttled = f", {run.throttled:,} throttled" if run.throttled else ""
    cell = f"{shape.vectors_per_request} × {shape.in_flight}"
    return f"{number:>3} of {total}  {cell:>8}: {rate:,.0f} vectors/s{throttled}"


def outcome_lines(outcome: ScalingOutcome) -> list[str]:
    """Return a table of all cells, remarks on them, the resources that remain, and the verdict."""
    lines, cells = list[str](), outcome.cells
    if cells:
        lines += table_lines([HEADINGS, *map(_build_row, cells)], right=range(len(HEADINGS) - 1))
        lines += ["", *(f"{name:<8}  {remark}" for name, remark in scale_remarks(cells))]
    return [*lines, *filter(None, (verdict_line(outcome), cleanup_line(outcome.orphaned)))]


def verdict_line(outcome: ScalingOutcome) -> str:
    """Return the verdict."""
    measured = f"{len(outcome.runs)} of {format_count(len(outcome.grid.shapes), 'cell')} measured"
    if outcome.is_interrupted:
        return f"INTERRUPTED  {measured}"
    if outcome.failure is not None:
        return f"STOPPED  {measured}"
    best = outcome.recommended
    if outcome.is_over_budget and best is None:
        return f"STOPPED  at a cost of {format_usd(outcome.usd)}; {measured}"
    if best is None:
        return "FAIL  no vector was written"
    text = (
        f"use {format_count(best.vectors_per_request, 'vector')} per request, {best.in_flight} in flight: "
        f"{best.vectors_per_s:,.0f} vectors/s, {format_usd(best.usd_per_million)} per million"
    )
    return pass_line(text, word="SCALE")


def build_json(outcome: ScalingOutcome, header: Header) -> dict[str, object]:
    """Return the outcome as a JSON object."""
    best = outcome.recommended
    return {
        "schema": SCHEMA_VERSION,
        "line": verdict_line(outcome),
        "target": header.target,
        "cells": [_cell_json(cell) for cell in outcome.cells],
        "recommended": _cell_json(best) if best else None,
        "is_complete": outcome.is_complete,
        "usd": outcome.usd,
        "orphaned": outcome.orphaned,
        "exit_code": int(outcome.exit_code),
    }


def _cell_json(cell: Cell) -> dict[str, object]:
    return {name: getattr(cell, name) for name in cell.__struct_fields__}


def _build_row(cell: Cell) -> Sequence[str]:
    return (
        f"{cell.vectors_per_request:,}",
        f"{cell.in_flight:,}",
        f"{cell.vectors_per_s:,.0f}",
        f"{cell.requests_per_s:,.0f}",
        format_milliseconds(cell.p50_ms),
        format_milliseconds(cell.p99_ms),
        f"{cell.cpu_s_per_1000:.3f}",
        format_usd(cell.usd_per_million),
        f"{cell.efficiency:.0%}",
        f"{cell.throttled:,}",
        f"{cell.errors:,}",
        "← recommended" if cell.is_recommended else "",
    )
