"""Decide which cases of a run fail in CI: exactly those that prevent a pass.

If the gate passes, no case fails, whatever the rules and the baseline. If it does not pass, at least one case
fails and says why.
"""

from __future__ import annotations

from collections.abc import Sequence

from vecgate.gate.verdict import Check, Verdict
from vecgate.reporting.operation_matrix import FAILURES
from vecgate.results.records import Result


def tolerated_failures(results: Sequence[Result], verdict: Verdict) -> frozenset[str]:
    """Return the ids of failed requirements that do not affect *verdict*."""
    decisive = {name for check in _not_passed(verdict) for text in check.ids for name in _possible_ids(text)}
    return _failures(results) - decisive


def unexplained_checks(results: Sequence[Result], verdict: Verdict) -> list[Check]:
    """Return the checks that failed for other reasons than failed requirements. Each becomes a case."""
    failures = _failures(results)
    return [
        check
        for check in _not_passed(verdict)
        if not check.ids or any(map(failures.isdisjoint, map(_possible_ids, check.ids)))
    ]


def _not_passed(verdict: Verdict) -> list[Check]:
    return [check for check in verdict.checks if check.grade != "passed"]


def _failures(results: Sequence[Result]) -> frozenset[str]:
    return frozenset(result.id for result in results if result.outcome in FAILURES)


def _possible_ids(text: str) -> tuple[str, str]:
    """Return the ids that *text* may start with: a check may add a colon and a message to an id."""
    return text, text.partition(": ")[0]
