"""Rules for the requirements of one level, as users write them: `must`, `should>=95%`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vecgate.errors import UsageError
from vecgate.gate.requirement_outcomes import merge_cases
from vecgate.results.records import Result

LEVELS = ("must", "should", "may")
#: Outcomes that show whether the target meets a requirement.
JUDGED_OUTCOMES = frozenset({"passed", "failed", "deviation", "unexpected-pass"})
#: Start of the reason of a skipped test whose requirement cannot be checked because another one fails. The id
#: of the other one follows, then a colon.
BLOCKED_BY = "blocked by "
_RULE = re.compile(rf"({'|'.join(LEVELS)})(?:\s*>=\s*(\d+(?:\.\d+)?)\s*%)?")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule for the requirements of one *level*.

    minimum  share of them that must pass; known deviations and requirements that could not be checked
             because another one fails do not count as passed. None if none may fail except known deviations

    A requirement with several cases counts once, as its worst case.
    """

    level: str
    minimum: float | None = None

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Return the rule that *text* states. Raises UsageError."""
        match = _RULE.fullmatch(text.strip())
        if match is None or (match[2] is not None and float(match[2]) > 100):  # noqa: PLR2004 - per cent
            raise UsageError(
                f"{text!r} is not a rule",
                hint="Write `must` or `should>=95%`; the levels are must, should, may.",
            )
        return cls(match[1], None if match[2] is None else float(match[2]) / 100)

    def __str__(self) -> str:
        return self.level if self.minimum is None else f"{self.level}>={self.minimum * 100:g}%"

    def select(self, results: Sequence[Result]) -> list[Result]:
        """Return those of *results* that this rule judges."""
        return [each for each in results if each.level == self.level and self._judges(each)]

    def _judges(self, result: Result) -> bool:
        return result.outcome in JUDGED_OUTCOMES or (self.minimum is not None and is_blocked(result))

    def is_met(self, results: Sequence[Result]) -> bool:
        """Return whether *results* meet the rule. A minimum share of nothing is not met."""
        judged = self.select(merge_cases(results))
        if self.minimum is None:
            return all(each.outcome != "failed" for each in judged)
        passed = sum(each.outcome == "passed" for each in judged)
        return bool(judged) and passed >= self.minimum * len(judged)


def is_blocked(result: Result) -> bool:
    """Return true if a requirement could not be checked because another one fails."""
    return result.outcome == "skipped" and result.reason.startswith(BLOCKED_BY)


#: The rules of a run for which the user gave none.
DEFAULT_RULES = (Rule("must"), Rule("should"))
