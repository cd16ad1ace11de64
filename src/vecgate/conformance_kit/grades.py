"""The rule for the level of a requirement: its kind and its evidence decide, never its author.

`conformance/README.md` contains the same table, which a test compares with this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

Level: TypeAlias = Literal["must", "should", "may"]
Evidence: TypeAlias = Literal["model", "documented", "recorded", "inferred"]
#: guard    without it data are lost, mixed up or exposed
#: effect   a valid request has its effect and its answer, also for an unknown resource or a taken name
#: refusal  an invalid request is rejected
#: detail   a correct client works without it: wording, paths of fields, spelling of numbers, recall
#: open     what Amazon does is not known
Kind: TypeAlias = Literal["guard", "effect", "refusal", "detail", "open"]

LEVELS: Final[tuple[Level, ...]] = get_args(Level)
EVIDENCE: Final[tuple[Evidence, ...]] = get_args(Evidence)
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

#: Kind to the level of a requirement with evidence, and of an inferred one. An open one is always inferred.
LEVELS_BY_KIND: Final[Mapping[Kind, tuple[Level | None, Level]]] = {
    "guard": ("must", "must"),
    "effect": ("must", "should"),
    "refusal": ("should", "may"),
    "detail": ("should", "may"),
    "open": (None, "may"),
}


def level_of(kind: Kind, evidence: Evidence) -> Level:
    """Return the level of a requirement. Raises ValueError for an open one that has evidence."""
    with_evidence, inferred = LEVELS_BY_KIND[kind]
    level = inferred if evidence == "inferred" else with_evidence
    if level is None:
        raise ValueError(f"what is {evidence} is not open; use another kind")
    return level
