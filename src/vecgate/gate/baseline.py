"""What passed before and does not now. The gate is the difference, not the share."""

from __future__ import annotations

from dataclasses import dataclass

from vecgate.results.records import Run
from vecgate.results.verdicts import Check


@dataclass(frozen=True, slots=True)
class Regressions:
    """What a baseline has as passed and a run has not.

    worse     id to what it is now
    vanished  ids that the run does not know
    """

    worse: dict[str, str]
    vanished: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.worse or self.vanished)


def passed_in(run: Run) -> frozenset[str]:
    """The ids that passed in *run*."""
    return frozenset(result.id for result in run.results if result.outcome == "passed")


def looked_at(before: Run, now: Run) -> frozenset[str]:
    """The ids that passed *before* and were to run *now*: of a part of the suite, a part."""
    return passed_in(before) - frozenset(now.footer.left_out if now.footer else ())


def regressions(before: Run, now: Run) -> Regressions:
    """What passed *before* and does not *now*; what was not to run now is not held against it."""
    outcomes = {result.id: result.outcome for result in now.results}
    expected = looked_at(before, now)
    worse = {id_: outcomes[id_] for id_ in sorted(expected & outcomes.keys()) if outcomes[id_] != "passed"}
    return Regressions(dict(worse), tuple(sorted(expected - outcomes.keys())))


def baseline_check(before: Run, now: Run) -> Check:
    """What passed *before* and was to run *now* must pass, and that must be something."""
    held = len(passed_in(before))
    if not held:
        return Check("baseline", "nothing passed in the baseline: it holds nothing", "failed")
    looked = len(looked_at(before, now))
    found = regressions(before, now)
    told = [
        *([_passed_before(len(found.worse), "does not now", "do not now")] if found.worse else []),
        *([_passed_before(len(found.vanished), "is gone", "are gone")] if found.vanished else []),
    ]
    if told:
        return Check("baseline", ", ".join(told), "failed", (*found.worse, *found.vanished))
    if not looked:
        return Check("baseline", f"none of {held:,} that passed before was looked at", "failed")
    part = f"{held:,} passed before" if looked == held else _part(looked, held)
    return Check("baseline", f"{part}, and none is worse", "passed")


def _part(looked: int, held: int) -> str:
    return f"{looked:,} of {held:,} that passed before {'was' if looked == 1 else 'were'} looked at"


def _passed_before(number: int, one: str, many: str) -> str:
    return f"{number:,} passed before and {one if number == 1 else many}"
