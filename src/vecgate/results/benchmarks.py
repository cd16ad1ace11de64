"""The records of microbenchmarks and of comparisons with other clients."""

from __future__ import annotations

from typing import Literal

import msgspec


class Benchmark(msgspec.Struct, frozen=True, kw_only=True, tag="benchmark", tag_field="record"):
    """One benchmark: what a round of it took.

    name         of it; *group*, of those that do the same work
    clock        CPU: the time of this process's processors; wall: of the clock on it
    is_baseline  what the others of the group are compared with: another library's way, or the floor
    vectors      that one iteration of the work handles
    median_s     of the rounds, *low_s* and *high_s* the bounds of the middle half; where several processes
                 measured them, the lowest and the highest of theirs
    rounds       that were measured; *iterations* of the work in each
    times_s      an iteration's time in each round that was kept, in order
    """

    name: str
    group: str
    clock: Literal["CPU", "wall"] = "wall"
    is_baseline: bool = False
    vectors: int = 1
    median_s: float
    low_s: float = 0.0
    high_s: float = 0.0
    rounds: int = 0
    iterations: int = 1
    times_s: tuple[float, ...] = ()


class PeerRun(msgspec.Struct, frozen=True, kw_only=True, tag="peer", tag_field="record"):
    """One client that did the same work as the others: *vectors* of *dimension*.

    problem  why there are no numbers, where there are none
    """

    client: str
    version: str = ""
    work: str
    vectors: int = 0
    dimension: int = 0
    vectors_per_s: float = 0.0
    cpu_s_per_1000: float = 0.0
    bytes_per_vector: float = 0.0
    peak_memory_mb: float = 0.0
    problem: str = ""
