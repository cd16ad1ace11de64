"""Selection and order of the requirements of a run."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar
from zlib import crc32

from vecgate.conformance_kit.requirements import Requirement
from vecgate.gate.requirement_outcomes import requirement_name
from vecgate.targets.capabilities import BASE, required_capabilities

T = TypeVar("T")


def quick_ids(requirements: Iterable[Requirement]) -> frozenset[str]:
    """Return the ids of the quick level: one case of each requirement and level.

    Left out are slow requirements, and open ones, which promise nothing. Of several cases it is one that
    needs the fewest capabilities, so that most targets have it. Which of these depends on the name of the
    requirement: together, the cases cover many operations.
    """
    cases: dict[tuple[str, str], list[Requirement]] = {}
    for each in requirements:
        if not each.slow and each.kind != "open":
            cases.setdefault((requirement_name(each.id), each.level), []).append(each)
    return frozenset(_quick_case(name, each) for (name, _), each in cases.items())


def _quick_case(name: str, cases: Sequence[Requirement]) -> str:
    needs = {each.id: len(needed_capabilities(each)) for each in cases}
    simplest = sorted(id_ for id_ in needs if needs[id_] == min(needs.values()))
    return simplest[crc32(name.encode()) % len(simplest)]


def needed_capabilities(requirement: Requirement) -> frozenset[str]:
    """Return the capabilities that a target must support for *requirement* to be tested."""
    operations = {requirement.group, *requirement.needs}
    return requirement.needs.union({BASE}, *map(required_capabilities, operations))


def is_selected(
    requirement: Requirement,
    *,
    only: Collection[str] | None,
    quick: Collection[str] | None,
    is_inferred: bool = False,
) -> bool:
    """Return whether *requirement* runs.

    only         limits a run to these ids
    quick        limits a run to these ids, too: those of the quick level
    is_inferred  limits a run to requirements that rest on inference
    """
    if quick is not None and requirement.id not in quick:
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
