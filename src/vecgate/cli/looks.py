"""A look before a run that makes a bucket of its own: a few harmless requests say whether it could work."""

from __future__ import annotations

from collections.abc import Iterable

from vecgate.cli.options import say
from vecgate.errors import TargetError
from vecgate.targets.findings import Finding
from vecgate.targets.policy import PREFIX, used_on
from vecgate.targets.preflight import nowhere, preflight
from vecgate.targets.target import EMBEDDED, Target


def see_that_it_works(
    target: Target, command: str, operations: Iterable[str] = (), *, prefix: str = PREFIX, quiet: bool = False
) -> None:
    """See that *target* allows *command* what it needs, for *operations* too; say what is in doubt.

    Raises TargetError where the run would not work. Endpoints of ours are not asked.
    """
    if target.name in EMBEDDED:
        return
    # A scale run puts and nothing else: so much every load run needs.
    needed = dict.fromkeys((*used_on(target.name, "scale"), *operations))
    found = preflight(target, needed, place=nowhere(prefix or PREFIX), policy=command)
    for finding in found:
        if finding.grade in {"warning", "failed"}:
            say(_told(finding), quiet=quiet)
    if failed := [finding.check for finding in found if finding.grade == "failed"]:
        raise TargetError(f"the run would not work: {', '.join(failed)}", hint="`vecgate doctor` tells more.")


def _told(finding: Finding) -> str:
    told = f"{finding.grade:9} {finding.check}: {finding.found}"
    return f"{told} → {finding.way_out}" if finding.way_out else told
