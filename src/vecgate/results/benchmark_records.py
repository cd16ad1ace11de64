"""The records of microbenchmarks and of comparisons with other clients."""

from __future__ import annotations

from typing import Literal

import msgspec


class Benchmark(msgspec.Struct, frozen=True, kw_only=True, tag="benchmark", tag_field="record"):
    """The times of one benchmark.

    group        benchmarks of one group do the same work
    clock        CPU: processor time of the process; wall: elapsed time
    is_baseline  the other benchmarks of the group are compared with this one: another library, or the minimum
    vectors      vectors that one iteration handles
    median_s     median of the rounds; *low_s* and *high_s* are the bounds of their interquartile range. Of
                 several processes, the lowest and the highest bound
    rounds       measured rounds; each has *iterations* iterations of the work
    times_s      time of one iteration in each stored round, in order
    memory_mb    resident memory of the measured server after the last round; 0 if it was not measured
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
    memory_mb: float = 0.0


class PeerRun(msgspec.Struct, frozen=True, kw_only=True, tag="peer", tag_field="record"):
    """One client that did the same work as the others: *vectors* vectors of *dimension*.

    problem  why this client has no numbers; empty if it has
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
