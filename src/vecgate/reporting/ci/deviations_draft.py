"""A draft of a deviations file from the failures of a run. It is not valid until each entry has a reason."""

from __future__ import annotations

import json

from vecgate.printable import printable_line
from vecgate.reporting.failure_causes import Cause, find_causes
from vecgate.results.records import ConformanceRun

LINE_CHARACTERS = 200


def deviations_draft(run: ConformanceRun) -> str:
    """Return TOML with an entry for each likely cause: the cause and the first failure as comments."""
    causes = find_causes([result for result in run.results if result.outcome == "failed"])
    return "\n".join(
        [
            "# Add a reason and its evidence to each entry. Entries with one cause can be merged.\n",
            *map(_entry, causes),
        ]
    )


def _entry(cause: Cause) -> str:
    # A JSON string is also a TOML string.
    ids = sorted(result.id for result in cause.results)
    lines = "".join(f"    {json.dumps(id_, ensure_ascii=False)},\n" for id_ in ids)
    failure = " ".join(cause.results[0].reason.split())
    comments = "".join(
        f"# {printable_line(text)[:LINE_CHARACTERS]}\n" for text in (cause.title, failure) if text
    )
    return f'[[deviation]]\n{comments}requirements = [\n{lines}]\nreason = ""\nevidence = ""\n'
