"""Selection and order of the requirements of a run."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import TypeVar

from vecgate.conformance_kit.requirements import Requirement

T = TypeVar("T")


def is_selected(
    requirement: Requirement, *, only: Collection[str] | None, is_quick: bool, is_inferred: bool = False
) -> bool:
    """Return whether *requirement* runs.

    only         limits a run to these ids
    is_quick     skips slow requirements
    is_inferred  limits a run to requirements that rest on inference
    """
    if is_quick and requirement.slow:
        return False
    if is_inferred and requirement.evidence != "inferred":
        return False
    return only is None or requirement.id in only


def shuffled(items: Sequence[T], seed: str) -> list[T]:
    """Return *items* in the random order of *seed*, the same on every worker; unchanged without a seed."""
    ordered = list(items)
    if seed:
        random.Random(seed).shuffle(ordered)  # noqa: S311 - not a secret
    return ordered
