"""What failed, as a list of deviations still to be explained: it is refused until each entry has a reason."""

from __future__ import annotations

import json

from vecgate.reporting.matrix import group_of
from vecgate.results.records import Run

LINE_CHARACTERS = 200


def deviations_draft(run: Run) -> str:
    """TOML: an entry for each operation and way to fail, with what was found as a comment."""
    causes: dict[tuple[str, str], list[str]] = {}
    for result in run.results:
        if result.outcome == "failed":
            found = " ".join(result.reason.split())[:LINE_CHARACTERS]
            causes.setdefault((group_of(result.id), found), []).append(result.id)
    entries = [_entry(found, ids) for (_, found), ids in sorted(causes.items())]
    return "\n".join(
        ["# Say for each entry why, and how that is known; one cause may join several.\n", *entries]
    )


def _entry(found: str, ids: list[str]) -> str:
    # A JSON string is a TOML string.
    listed = "".join(f"    {json.dumps(id_, ensure_ascii=False)},\n" for id_ in sorted(ids))
    return f'[[deviation]]\n# {found}\nrequirements = [\n{listed}]\nreason = ""\nevidence = ""\n'
