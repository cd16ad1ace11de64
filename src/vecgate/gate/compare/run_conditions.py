"""The conditions of two runs: what differs between them, and whether that prevents a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from vecgate.results.load.load_records import LoadPlan
from vecgate.results.records import RunKind, Stream

#: Facts that speed depends on. The version of the kernel changes more often than the machine, so it is only
#: reported.
MACHINE = ("machine", "processor", "cores")
#: Kinds of runs whose figures depend on the machine. The answers of a server do not.
TIMED: frozenset[RunKind] = frozenset({"load", "capacity", "sweep", "scale", "benchmarks", "peers", "bulk"})
#: Fields of a plan that do not change the work: how it is judged, and what follows from other fields.
NOT_THE_WORK = frozenset({"description", "thresholds", "scheduled", "seed"})
#: Values up to this length are shown, such as the name of a processor.
SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Difference:
    """One condition in which two runs differ.

    name         such as `processor`; *base* and *head* are its values
    is_blocking  the figures of the two runs cannot be compared
    """

    name: str
    base: str
    head: str
    is_blocking: bool = False

    def __str__(self) -> str:
        # Two long lists of stages do not show where they differ.
        if max(len(self.base), len(self.head)) > SHOWN_CHARACTERS:
            return self.name
        return f"{self.name}: {self.base or 'none'} and {self.head or 'none'}"


def find_differences(base: Stream, head: Stream) -> tuple[Difference, ...]:
    """Return the differences between *base* and *head*, blocking ones first."""
    differences = [*_blocking(base, head), *_others(base, head)]
    return tuple(sorted(differences, key=lambda each: not each.is_blocking))


def _blocking(base: Stream, head: Stream) -> Iterator[Difference]:
    if base.header.kind in TIMED:
        before, now = base.header.environment, head.header.environment
        yield from _compare(before, now, MACHINE, is_blocking=True)
    before_plan, now_plan = _work(base.first(LoadPlan)), _work(head.first(LoadPlan))
    yield from _compare(before_plan, now_plan, {**before_plan, **now_plan}, is_blocking=True)


def _others(base: Stream, head: Stream) -> Iterator[Difference]:
    before, now = base.header, head.header
    fields = ("target", "region")
    yield from _compare(
        {name: getattr(before, name) for name in fields},
        {name: getattr(now, name) for name in fields},
        fields,
    )
    yield from _compare(before.environment, now.environment, ("system",))
    for pair in ((before.versions, now.versions), (before.options, now.options)):
        yield from _compare(*pair, {**pair[0], **pair[1]})


def _work(plan: LoadPlan | None) -> dict[str, str]:
    if plan is None:
        return {}
    return {
        name: msgspec.json.encode(value).decode().strip('"')
        for name, value in msgspec.to_builtins(plan).items()
        if name not in NOT_THE_WORK and name != "record"
    }


def _compare(
    base: Mapping[str, str],
    head: Mapping[str, str],
    names: Mapping[str, str] | tuple[str, ...],
    *,
    is_blocking: bool = False,
) -> Iterator[Difference]:
    for name in names:
        before, now = base.get(name, ""), head.get(name, "")
        if before != now:
            yield Difference(name, before, now, is_blocking)
