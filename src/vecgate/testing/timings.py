"""What pytest-benchmark measured in a visit, read from its JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

CLOCKS: dict[str, Literal["CPU", "wall"]] = {"process_time": "CPU", "perf_counter": "wall"}


@dataclass(frozen=True, slots=True)
class Timing:
    """One benchmark in one visit, as `results.benchmarks.Benchmark` has it.

    node  as pytest names it, in the folder of the suite
    """

    node: str
    name: str
    group: str
    clock: Literal["CPU", "wall"]
    is_baseline: bool
    vectors: int
    iterations: int
    times_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit measured, and what could not be, a line each."""

    timings: tuple[Timing, ...]
    failed: tuple[str, ...] = ()


def timings_of(content: bytes) -> tuple[Timing, ...]:
    """The timings in *content*."""
    return tuple(_timing(row) for row in msgspec.json.decode(content, type=_File).benchmarks)


class _Stats(msgspec.Struct):
    data: list[float]
    iterations: int


class _Options(msgspec.Struct):
    timer: str


class _Row(msgspec.Struct):
    group: str | None
    name: str
    fullname: str
    extra_info: dict[str, Any]
    options: _Options
    stats: _Stats


class _File(msgspec.Struct):
    benchmarks: list[_Row]


def _timing(row: _Row) -> Timing:
    return Timing(
        node=row.fullname,
        name=row.name.removeprefix("test_").replace("_", " "),
        group=row.group or "",
        clock=CLOCKS.get(row.options.timer, "wall"),
        is_baseline=bool(row.extra_info.get("baseline")),
        vectors=int(row.extra_info.get("vectors", 1)),
        iterations=row.stats.iterations,
        times_s=tuple(row.stats.data),
    )
