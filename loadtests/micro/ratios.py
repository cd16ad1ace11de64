"""pytest-benchmark's JSON as a result to keep, and a result as a Markdown table of ratios.

    python ratios.py keep OUT.json IN.json…   what matters of IN, without raw samples and the name of the host
    python ratios.py show OUT.json            the table

A row is compared with the baseline of its own group in its own run, so that the machine cancels out. Medians.
Without a baseline marked in `extra_info` the slowest row is it; without `vectors` an operation is one.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

PACKAGES = ("boto3", "httptools", "moto", "msgspec", "numpy", "orjson", "pyarrow", "pysimdjson", "uvicorn")
HEAD = "| group | row | clock | ms | vectors/s | × baseline |\n|---|---|---|---:|---:|---:|"
CLOCKS = {"process_time": "CPU", "perf_counter": "wall"}


def keep(found: list[Json]) -> Json:
    """The result of several files of pytest-benchmark, made on one machine."""
    machine = found[0]["machine_info"]
    return {
        "schema": 1,
        "date": found[0]["datetime"][:10],
        "machine": f"{machine['cpu']['count']} cores of {machine['cpu']['brand_raw']}, {machine['system']}",
        "python": machine["python_version"],
        "versions": {name: version(name) for name in PACKAGES},
        "rows": [_row(each) for one in found for each in one["benchmarks"]],
    }


def show(result: Json) -> str:
    """The result in Markdown: where it was made, and group by group, the baseline of each first."""
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    lines = [f"{result['date']}, {result['machine']}, Python {result['python']}; {versions}.", "", HEAD]
    for _, found in groupby(
        sorted(result["rows"], key=lambda row: row["group"]), key=lambda row: row["group"]
    ):
        group = sorted(found, key=lambda row: -row["median_ms"] / row["vectors"])
        baseline = next((row for row in group if row["is_baseline"]), group[0])
        lines += [_line(row, baseline) for row in group]
    return "\n".join(lines)


def _row(found: Json) -> Json:
    about = found["extra_info"]
    return {
        "group": found["group"],
        "row": found["name"].removeprefix("test_").replace("_", " "),
        "clock": CLOCKS[found["options"]["timer"]],
        "median_ms": round(found["stats"]["median"] * 1e3, 4),
        "min_ms": round(found["stats"]["min"] * 1e3, 4),
        "rounds": found["stats"]["rounds"],
        "vectors": about.get("vectors", 1),
        "is_baseline": bool(about.get("baseline")),
    }


def _line(row: Json, baseline: Json) -> str:
    per_s = row["vectors"] / row["median_ms"] * 1e3
    ratio = per_s / (baseline["vectors"] / baseline["median_ms"] * 1e3)
    return (
        f"| {row['group']} | {row['row']} | {row['clock']} | {row['median_ms']:.3f} "
        f"| {per_s:,.0f} | {ratio:.1f} |"
    )


def main(words: list[str]) -> None:
    """Do what *words* ask for."""
    match words:
        case ["keep", out, *files] if files:
            found = [json.loads(Path(file).read_text()) for file in files]
            Path(out).write_text(json.dumps(keep(found), indent=1, ensure_ascii=False) + "\n")
        case ["show", file]:
            print(show(json.loads(Path(file).read_text())))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
