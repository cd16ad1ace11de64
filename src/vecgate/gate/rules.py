"""What a run must meet, as people write it: `must`, `should>=95%`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vecgate.errors import UsageError
from vecgate.results.records import Result

LEVELS = ("must", "should", "may")
#: Outcomes that tell whether a requirement is kept.
JUDGED = frozenset({"passed", "failed", "deviation", "outgrown"})
_RULE = re.compile(rf"({'|'.join(LEVELS)})(?:\s*>=\s*(\d+(?:\.\d+)?)\s*%)?")


@dataclass(frozen=True, slots=True)
class Rule:
    """What the requirements of one level must meet.

    level  must, should or may
    share  the least part of them that must pass, known deviations not counted as passed; None where none may
           fail that is no known deviation
    """

    level: str
    share: float | None = None

    @classmethod
    def parse(cls, text: str) -> Rule:
        """The rule that *text* says. Raises UsageError."""
        match = _RULE.fullmatch(text.strip())
        if match is None or (match[2] is not None and float(match[2]) > 100):  # noqa: PLR2004 - per cent
            raise UsageError(
                f"{text!r} is no rule",
                hint="A rule reads `must` or `should>=95%`; levels are must, should, may.",
            )
        return cls(match[1], None if match[2] is None else float(match[2]) / 100)

    def __str__(self) -> str:
        return self.level if self.share is None else f"{self.level}>={self.share * 100:g}%"

    def of(self, results: Sequence[Result]) -> list[Result]:
        """Those of *results* that this rule judges."""
        return [each for each in results if each.level == self.level and each.outcome in JUDGED]

    def holds(self, results: Sequence[Result]) -> bool:
        """Whether *results* meet it. A share of nothing is not met."""
        judged = self.of(results)
        if self.share is None:
            return all(each.outcome != "failed" for each in judged)
        passed = sum(each.outcome == "passed" for each in judged)
        return bool(judged) and passed >= self.share * len(judged)


#: What holds where nobody says otherwise.
DEFAULT_RULES = (Rule("must"), Rule("should"))
