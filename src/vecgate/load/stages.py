"""The stages of a scenario, as people write them.

[[stages]]
kind = "ramp"      # constant, ramp, step, sine, poisson
from = 0           # without it, the rate that the stage before ended with
to = 1_000
for = "20s"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import msgspec

from vecgate.load.curves import curves_of
from vecgate.load.reading import Length, Problems, is_list, joined, numbered, shown, table
from vecgate.results.load import Stage, StageKind

RATE_MAX, STEPS_MAX = 1_000_000, 1_000
Rate: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=RATE_MAX)]
Factor: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]

#: What each kind takes, and whether it must be there.
KEYS: Mapping[StageKind, Mapping[str, bool]] = {
    "constant": {"rate": True},
    "poisson": {"rate": True},
    "ramp": {"from": False, "to": True},
    "step": {"from": False, "to": True, "steps": True},
    "sine": {"from": False, "to": True, "period": True},
}


#: Keys that only some kinds have.
OWN = frozenset(key for keys in KEYS.values() for key in keys)


class StageEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of the file.

    kind      how the rate goes
    for       how long
    rate      of a constant or a random one
    from, to  of the others
    steps     of a step
    period    of a sine
    name      for people and thresholds; without one, thresholds go by its number
    """

    kind: StageKind
    duration_s: Length = msgspec.field(name="for")
    rate: Rate | None = None
    from_per_s: Rate | None = msgspec.field(name="from", default=None)
    to_per_s: Rate | None = msgspec.field(name="to", default=None)
    steps: Annotated[int, msgspec.Meta(ge=1, le=STEPS_MAX)] | None = None
    period_s: Length | None = msgspec.field(name="period", default=None)
    name: str = ""


class Scale(msgspec.Struct, frozen=True):
    """By what all rates, and all times, of the stages are multiplied."""

    rate: Factor = 1.0
    duration: Factor = 1.0


def stages_of(raw: object, path: str, problems: Problems, *, scale: Scale) -> tuple[Stage, ...]:
    """The stages of the list *raw*, one after the other; what is wrong goes to *problems*."""
    if not is_list(raw):
        problems.add(path, f"is {shown(raw)}, allowed is a list of tables, [[{path}]]")
        return ()
    stages: list[Stage] = []
    for place, each in enumerate(raw):
        entry = _entry(each, numbered(path, place), problems)
        if entry and not problems.concern([path]):
            stages.append(_stage(entry, scale, before=_end_of(stages[-1]) if stages else 0.0))
    return tuple(stages)


def _entry(raw: Any, path: str, problems: Problems) -> StageEntry | None:  # noqa: ANN401 - from a file
    entry = table(StageEntry, raw, path, problems)
    for kind in KEYS:
        if isinstance(raw, Mapping) and raw.get("kind") == kind:
            _check_keys(kind, OWN & raw.keys(), path, problems)
    return entry


def _check_keys(kind: StageKind, given: frozenset[str], path: str, problems: Problems) -> None:
    keys = KEYS[kind]
    for name in sorted(given - keys.keys()):
        problems.add(joined(path, name), f"is no key of a {kind} stage, allowed are {', '.join(keys)}")
    for name in sorted(name for name, is_needed in keys.items() if is_needed and name not in given):
        problems.add(joined(path, name), f"is missing, a {kind} stage needs it")


def _stage(entry: StageEntry, scale: Scale, *, before: float) -> Stage:
    """The stage of *entry*, which begins where a rate of *before* ended."""
    begin, end = entry.from_per_s, entry.to_per_s
    if entry.rate is not None:
        begin = end = entry.rate
    start = before if begin is None else begin * scale.rate
    return Stage(
        kind=entry.kind,
        from_per_s=start,
        to_per_s=(end or 0.0) * scale.rate,
        duration_s=entry.duration_s * scale.duration,
        steps=entry.steps or 0,
        period_s=(entry.period_s or 0.0) * scale.duration,
        name=entry.name,
    )


def _end_of(stage: Stage) -> float:
    """The rate that *stage* ends with."""
    last = curves_of(stage, per_arrival=1)[-1]
    return last.rate(last.duration_s)
