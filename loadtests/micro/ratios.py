"""A pytest-benchmark JSON file as a Markdown table of ratios: `python ratios.py FILE`.

A row is compared with the baseline of its own group in its own run, so that the machine cancels out. Medians.
Without a baseline marked in `extra_info` the slowest row is it; without `vectors` an operation is one.
"""

from __future__ import annotations

import json
import sys
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

#: One benchmark as pytest-benchmark writes it.
Row: TypeAlias = dict[str, Any]

HEAD = "| group | row | CPU ms per op | vectors per CPU-second | x baseline |\n|---|---|---:|---:|---:|"


def table(rows: list[Row]) -> str:
    """The table, group by group, the baseline of each first."""
    lines = [HEAD]
    for _, found in groupby(sorted(rows, key=lambda row: str(row["group"])), key=lambda row: row["group"]):
        group = sorted(found, key=rate)
        baseline = next((row for row in group if row["extra_info"].get("baseline")), group[0])
        lines += [_line(row, rate(row) / rate(baseline)) for row in group]
    return "\n".join(lines)


def rate(row: Row) -> float:
    """Vectors per second of CPU time."""
    return float(row["extra_info"].get("vectors", 1) / row["stats"]["median"])


def _line(row: Row, ratio: float) -> str:
    name = row["name"].removeprefix("test_").replace("_", " ")
    return (
        f"| {row['group']} | {name} | {row['stats']['median'] * 1e3:.3f} | {rate(row):,.0f} | {ratio:.1f} |"
    )


if __name__ == "__main__":
    print(table(json.loads(Path(sys.argv[1]).read_text())["benchmarks"]))
