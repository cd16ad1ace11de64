"""What passed before and does not now. The gate is the difference, not the share."""

from __future__ import annotations

from dataclasses import dataclass

from vecgate.results.records import Run


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


def regressions(before: Run, now: Run) -> Regressions:
    """What passed *before* and does not *now*; what was not to run now is not held against it."""
    outcomes = {result.id: result.outcome for result in now.results}
    left_out = set(now.footer.left_out) if now.footer else set()
    expected = passed_in(before) - left_out
    worse = {id_: outcomes[id_] for id_ in sorted(expected & outcomes.keys()) if outcomes[id_] != "passed"}
    return Regressions(dict(worse), tuple(sorted(expected - outcomes.keys())))
