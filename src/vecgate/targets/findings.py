"""What a look at a target finds: a line each, with the way out where there is something to mend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

#: ok; untested: it may be so, nobody tried; warning: it works, look at it; failed: a run would not work.
Grade: TypeAlias = Literal["ok", "untested", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    check    what, such as `clock`; the name of the operation where it is a permission
    grade    how it is
    found    what was found, never a credential
    way_out  what to do about it; empty where there is nothing to do
    """

    check: str
    grade: Grade
    found: str
    way_out: str = ""


def is_good(findings: Iterable[Finding]) -> bool:
    """Nothing failed."""
    return all(finding.grade != "failed" for finding in findings)
