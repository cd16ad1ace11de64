"""A draft of a deviations file from the failures of a run. It is not valid until each entry has a reason."""

from __future__ import annotations

import json

from vecgate.printable import printable_line
from vecgate.reporting.operation_matrix import group_of
from vecgate.results.records import ConformanceRun

LINE_CHARACTERS = 200


def deviations_draft(run: ConformanceRun) -> str:
    """Return TOML with an entry for each operation and kind of failure, and the failure as a comment."""
    causes: dict[tuple[str, str], list[str]] = {}
    for result in run.results:
        if result.outcome == "failed":
            failure = " ".join(result.reason.split())[:LINE_CHARACTERS]
            causes.setdefault((group_of(result.id), failure), []).append(result.id)
    entries = [_entry(failure, ids) for (_, failure), ids in sorted(causes.items())]
    return "\n".join(
        ["# Add a reason and its evidence to each entry. Entries with one cause can be merged.\n", *entries]
    )


def _entry(failure: str, ids: list[str]) -> str:
    # A JSON string is also a TOML string.
    lines = "".join(f"    {json.dumps(id_, ensure_ascii=False)},\n" for id_ in sorted(ids))
    comment = printable_line(failure)
    return f'[[deviation]]\n# {comment}\nrequirements = [\n{lines}]\nreason = ""\nevidence = ""\n'
