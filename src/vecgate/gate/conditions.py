"""Where two runs were made, and what of it differs: whether they may be held against each other at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from vecgate.results.load import Plan
from vecgate.results.records import Kind, Stream

#: What a speed depends on. A kernel is renewed more often than a machine, and is told of only.
MACHINE = ("machine", "processor", "cores")
#: Kinds whose figures are of a machine. What a server answers is not.
TIMED: frozenset[Kind] = frozenset({"load", "capacity", "scale", "benchmarks", "peers", "bulk"})
#: Of a plan: what it is to be judged by, and what follows from the rest.
NOT_THE_WORK = frozenset({"description", "thresholds", "scheduled", "seed"})
#: A value up to this long is told, such as the name of a processor.
TOLD_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Difference:
    """Something in which two runs differ.

    name         of it, such as `processor`; *base* and *head*, what it is
    is_decisive  figures made under both cannot be compared
    """

    name: str
    base: str
    head: str
    is_decisive: bool = False

    def __str__(self) -> str:
        # Nobody finds in two lists of stages what differs between them.
        if max(len(self.base), len(self.head)) > TOLD_CHARACTERS:
            return self.name
        return f"{self.name}: {self.base or 'none'} and {self.head or 'none'}"


def differences(base: Stream, head: Stream) -> tuple[Difference, ...]:
    """What *base* and *head* differ in, the decisive first."""
    found = [*_decisive(base, head), *_others(base, head)]
    return tuple(sorted(found, key=lambda each: not each.is_decisive))


def _decisive(base: Stream, head: Stream) -> Iterator[Difference]:
    if base.header.kind in TIMED:
        before, now = base.header.environment, head.header.environment
        yield from _unlike(before, now, MACHINE, is_decisive=True)
    before_plan, now_plan = _work(base.first(Plan)), _work(head.first(Plan))
    yield from _unlike(before_plan, now_plan, {**before_plan, **now_plan}, is_decisive=True)


def _others(base: Stream, head: Stream) -> Iterator[Difference]:
    before, now = base.header, head.header
    told = ("target", "region")
    yield from _unlike(
        {name: getattr(before, name) for name in told}, {name: getattr(now, name) for name in told}, told
    )
    yield from _unlike(before.environment, now.environment, ("system",))
    for pair in ((before.versions, now.versions), (before.options, now.options)):
        yield from _unlike(*pair, {**pair[0], **pair[1]})


def _work(plan: Plan | None) -> dict[str, str]:
    if plan is None:
        return {}
    told = msgspec.to_builtins(plan)
    return {
        name: msgspec.json.encode(value).decode().strip('"')
        for name, value in told.items()
        if name not in NOT_THE_WORK and name != "record"
    }


def _unlike(
    base: Mapping[str, str], head: Mapping[str, str], names: Mapping[str, str] | tuple[str, ...], **more: bool
) -> Iterator[Difference]:
    for name in names:
        before, now = base.get(name, ""), head.get(name, "")
        if before != now:
            yield Difference(name, before, now, **more)
