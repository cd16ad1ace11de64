"""The verdict of a gate as a record, kept because it may rest on more than the run itself.

A command that was given rules, thresholds or a baseline adds its verdict to the result stream, so that every
report shows the same one. A stream without a verdict is judged by the default rules.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

#: failed: the result is not good enough; inconclusive: the run does not show whether it is.
Grade: TypeAlias = Literal["passed", "failed", "inconclusive"]


class Check(msgspec.Struct, frozen=True):
    """One condition that a run must meet.

    name       such as `must` or `baseline`
    measured   what was found, as a sentence
    ids        the requirements or figures that failed
    is_proven  it failed whatever the inconclusive checks would have shown
    """

    name: str
    measured: str
    grade: Grade
    ids: tuple[str, ...] = ()
    is_proven: bool = False


class VerdictRecord(msgspec.Struct, frozen=True, kw_only=True, tag="verdict", tag_field="record"):
    """The verdict of the command that made the run; it follows the footer.

    grade  failed if a failure is proven, else inconclusive if any check is, else failed if any check failed
    """

    grade: Grade
    checks: tuple[Check, ...]
