"""The result of one check of a target, with a hint if there is something to fix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

#: warning: a run works, but something needs attention; failed: a run would not work; skipped: not checked.
DiagnosticGrade: TypeAlias = Literal["ok", "skipped", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """The result of one check.

    check    its name, such as `clock`, or the name of an operation
    message  what was found, or why the check was skipped; never contains a credential
    hint     how to fix it; empty if there is nothing to fix
    """

    check: str
    grade: DiagnosticGrade
    message: str
    hint: str = ""


def is_good(diagnostics: Iterable[Diagnostic]) -> bool:
    """Return whether no check failed."""
    return all(diagnostic.grade != "failed" for diagnostic in diagnostics)
