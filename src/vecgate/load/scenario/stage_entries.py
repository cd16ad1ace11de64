"""The stages of a scenario, as a file has them.

[[stages]]
kind = "ramp"      # constant, ramp, step, sine, poisson
from = 0           # by default the final rate of the previous stage
to = 1_000
for = "20s"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import msgspec

from vecgate.load.schedule.rate_curves import build_rate_curves
from vecgate.results.load.load_records import Stage, StageKind
from vecgate.toml_schema import (
    PositiveDuration,
    Problems,
    is_list,
    item_path,
    join_path,
    parse_table,
)

RATE_MAX, STEPS_MAX = 1_000_000, 1_000
Rate: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=RATE_MAX)]
Factor: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]

#: The keys of each kind of stage; True for those that are required.
KEYS: Mapping[StageKind, Mapping[str, bool]] = {
    "constant": {"rate": True},
    "poisson": {"rate": True},
    "ramp": {"from": False, "to": True},
    "step": {"from": False, "to": True, "steps": True},
    "sine": {"from": False, "to": True, "period": True},
}


#: Keys that only some kinds of stage have.
KEYS_OF_SOME = frozenset(key for keys in KEYS.values() for key in keys)


class StageEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A stage as the file has it.

    kind      shape of the rate over time
    for       duration
    rate      rate of a `constant` or `poisson` stage
    from, to  first and last rate of a `ramp` or `step` stage; the two extremes of a `sine` stage
    steps     number of steps of a `step` stage
    period    period of a `sine` stage
    name      name for reports and thresholds; without one, thresholds use the stage's number
    warm_up   leave the stage out of totals, thresholds and verdict
    """

    kind: StageKind
    duration_s: PositiveDuration = msgspec.field(name="for")
    rate: Rate | None = None
    from_per_s: Rate | None = msgspec.field(name="from", default=None)
    to_per_s: Rate | None = msgspec.field(name="to", default=None)
    steps: Annotated[int, msgspec.Meta(ge=1, le=STEPS_MAX)] | None = None
    period_s: PositiveDuration | None = msgspec.field(name="period", default=None)
    name: str = ""
    warm_up: bool = False


class StageScale(msgspec.Struct, frozen=True):
    """Factors that multiply all rates and all times of the stages."""

    rate: Factor = 1.0
    duration: Factor = 1.0


def parse_stages(raw: object, path: str, problems: Problems, *, scale: StageScale) -> tuple[Stage, ...]:
    """Parse the list *raw* into stages in order, and add what is wrong to *problems*."""
    if not is_list(raw):
        problems.add_value(path, raw, f"a list of tables, [[{path}]]")
        return ()
    stages: list[Stage] = []
    for index, each in enumerate(raw):
        entry = _parse_entry(each, item_path(path, index), problems)
        if entry and not problems.overlap([path]):
            stages.append(_build_stage(entry, scale, before_per_s=_final_rate(stages[-1]) if stages else 0.0))
    return tuple(stages)


def _parse_entry(raw: Any, path: str, problems: Problems) -> StageEntry | None:  # noqa: ANN401 - from a file
    entry = parse_table(StageEntry, raw, path, problems)
    for kind in KEYS:
        if isinstance(raw, Mapping) and raw.get("kind") == kind:
            _check_keys(kind, KEYS_OF_SOME & raw.keys(), path, problems)
    return entry


def _check_keys(kind: StageKind, given: frozenset[str], path: str, problems: Problems) -> None:
    keys = KEYS[kind]
    for name in sorted(given - keys.keys()):
        problems.add(join_path(path, name), f"is not a key of a {kind} stage, allowed are {', '.join(keys)}")
    for name in sorted(name for name, is_required in keys.items() if is_required and name not in given):
        problems.add(join_path(path, name), f"is missing; a {kind} stage needs it")


def _build_stage(entry: StageEntry, scale: StageScale, *, before_per_s: float) -> Stage:
    """Return the stage of *entry*. The previous stage ended at the rate *before_per_s*."""
    start, end = entry.from_per_s, entry.to_per_s
    if entry.rate is not None:
        start = end = entry.rate
    return Stage(
        kind=entry.kind,
        from_per_s=before_per_s if start is None else start * scale.rate,
        to_per_s=(end or 0.0) * scale.rate,
        duration_s=entry.duration_s * scale.duration,
        steps=entry.steps or 0,
        period_s=(entry.period_s or 0.0) * scale.duration,
        name=entry.name,
        warm_up=entry.warm_up,
    )


def _final_rate(stage: Stage) -> float:
    """Return the rate at the end of *stage*."""
    last = build_rate_curves(stage, units_per_arrival=1)[-1]
    return last.rate(last.duration_s)
