"""Requirement ids that have changed. Baselines and deviation files may still contain the old ones.

An id is published: it changes once, and this table keeps reading it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Start of an old id to the start of the new one; None for requirements that were retired.
CHANGED_PREFIXES: Final[Mapping[str, str | None]] = {
    "laws.": "properties.",
    # They tested the batch client of vecgate, not the target. Its own tests contain them now.
    "bulk.": None,
    # It tested the service model, and sent nothing to the target.
    "wire.retryable": None,
    # AWS's own model gives both members a default, so one of them alone is valid.
    "list-vectors.segment-pairs[count-alone]": None,
    "list-vectors.segment-pairs[number-alone]": None,
    # It also tested absent fields, for which the behaviour of AWS is still not known.
    "filters.unseen[nin-array]": "filters.negative-array[unlisted]",
}


def current_id(id_: str) -> str | None:
    """Return the id that *id_* has today: mostly the same, None if the requirement was retired."""
    for old, new in CHANGED_PREFIXES.items():
        if id_.startswith(old):
            return None if new is None else new + id_.removeprefix(old)
    return id_
