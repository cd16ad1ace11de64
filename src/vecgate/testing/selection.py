"""Which requirements run, and in which order."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import TypeVar

from vecgate.testing.requirements import Requirement

T = TypeVar("T")


def chosen(requirement: Requirement, *, only: Collection[str] | None, is_quick: bool) -> bool:
    """Whether *requirement* runs: with *only*, one of those ids; in a quick run, none that is slow."""
    return (only is None or requirement.id in only) and not (is_quick and requirement.slow)


def in_order(items: Sequence[T], seed: str) -> list[T]:
    """*items* as they are, or in the order that *seed* draws, on every worker the same."""
    ordered = list(items)
    if seed:
        random.Random(seed).shuffle(ordered)  # noqa: S311 - an order, not a secret
    return ordered
