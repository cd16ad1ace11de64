"""What a gate said of a run: its checks, kept where they rest on more than the run itself.

A command that was told rules, or a baseline, adds its verdict to the stream, so that every report says the
same. A stream without one is judged by the rules that hold where nobody says otherwise.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

#: failed: what was found is not good enough; unjudged: it could not be found out.
Grade: TypeAlias = Literal["passed", "failed", "unjudged"]


class Check(msgspec.Struct, frozen=True):
    """One thing that a run must meet.

    name      such as `must` or `baseline`
    measured  what was found, in words
    grade     passed, failed, or unjudged
    ids       the requirements to blame
    """

    name: str
    measured: str
    grade: Grade
    ids: tuple[str, ...] = ()


class Judged(msgspec.Struct, frozen=True, kw_only=True, tag="verdict", tag_field="record"):
    """The verdict of the command that made the run, behind the footer.

    grade   unjudged where any check is, else failed where any is
    checks  what it rests on
    """

    grade: Grade
    checks: tuple[Check, ...]
