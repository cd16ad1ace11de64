"""Selection and order of the requirements of a run."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import TypeVar

from vecgate.conformance_kit.requirements import Requirement

T = TypeVar("T")


def is_selected(requirement: Requirement, *, only: Collection[str] | None, is_quick: bool) -> bool:
    """Return whether *requirement* runs. *only* limits a run to these ids; a quick run skips slow ones."""
    return (only is None or requirement.id in only) and not (is_quick and requirement.slow)


def shuffled(items: Sequence[T], seed: str) -> list[T]:
    """Return *items* in the random order of *seed*, the same on every worker; unchanged without a seed."""
    ordered = list(items)
    if seed:
        random.Random(seed).shuffle(ordered)  # noqa: S311 - not a secret
    return ordered
