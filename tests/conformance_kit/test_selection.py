from __future__ import annotations

from typing import Any

import pytest

from vecgate.conformance_kit.grades import Evidence
from vecgate.conformance_kit.requirements import Requirement
from vecgate.conformance_kit.selection import is_selected, quick_ids, shuffled

SLOW = Requirement("a.slow", "effect", "model", "https://a.example/", slow=True)
FAST = Requirement("a.fast", "effect", "model", "https://a.example/")


@pytest.mark.parametrize(
    ("requirement", "only", "quick", "runs"),
    [
        (FAST, None, None, True),
        (SLOW, None, None, True),
        (FAST, None, {"a.fast"}, True),
        (SLOW, None, {"a.fast"}, False),
        (FAST, {"a.fast"}, None, True),
        (FAST, {"a.slow"}, None, False),
        (FAST, set(), None, False),
        (FAST, {"a.fast"}, {"a.slow"}, False),
    ],
)
def test_selection(
    requirement: Requirement, only: set[str] | None, quick: set[str] | None, *, runs: bool
) -> None:
    """A quick run skips what is not in its level, and a rerun skips what passed."""
    assert is_selected(requirement, only=only, quick=quick) is runs


def cases(name: str, *ids: str, **more: Any) -> list[Requirement]:
    """Return the cases of one requirement."""
    given = {"kind": "effect", "evidence": "model", "source": "https://a.example/", **more}
    return [Requirement(f"{name}[{id_}]", **given) for id_ in ids]


def test_the_quick_level_has_one_case_of_each_requirement_that_is_not_slow() -> None:
    """One of each level, since the evidence may depend on the operation. An open one promises nothing."""
    inferred = cases("get-index.b", "z", evidence="inferred")
    opened = cases("get-index.c", "x", kind="open", evidence="inferred")
    requirements = [SLOW, FAST, *cases("get-index.b", "x", "y"), *inferred, *opened]
    quick = quick_ids(requirements)
    assert "a.fast" in quick
    assert "a.slow" not in quick
    assert "get-index.b[z]" in quick
    assert len(quick) == 3
    assert quick == quick_ids(reversed(requirements))


def test_the_quick_case_is_one_that_most_targets_have() -> None:
    """That of a part of the API which a target may lack would be skipped on many."""
    both = [*cases("names.b", "a", needs=frozenset({"text"})), *cases("names.b", "z")]
    assert quick_ids(both) == {"names.b[z]"}
    operations = [*cases("names.b", "a", needs=frozenset({"UpdateIndexMode"})), *cases("names.b", "z")]
    assert quick_ids(operations) == {"names.b[z]"}


def test_the_quick_cases_of_many_requirements_differ() -> None:
    """Together they test many operations."""
    operations = [f"Operation{number}" for number in range(10)]
    chosen = {
        id_.partition("[")[2] for n in range(60) for id_ in quick_ids(cases(f"names.b{n}", *operations))
    }
    assert len(chosen) == len(operations)


def test_the_seed_decides_the_order() -> None:
    """The order is the same on every worker, another for another seed, and unchanged without one."""
    items = list(range(50))
    assert shuffled(items, "") == items
    assert shuffled(items, "7") == shuffled(items, "7")
    assert shuffled(items, "7") != shuffled(items, "8")
    assert sorted(shuffled(items, "7")) == items


@pytest.mark.parametrize(
    ("evidence", "quick", "runs"),
    [
        ("inferred", None, True),
        ("inferred", {"a.b"}, True),
        ("inferred", set(), False),
        ("model", None, False),
    ],
)
def test_a_run_can_be_limited_to_inferred_requirements(
    evidence: Evidence, quick: set[str] | None, *, runs: bool
) -> None:
    """They are the ones that evidence is recorded for."""
    requirement = Requirement("a.b", "effect", evidence, "https://a.example/")
    assert is_selected(requirement, only=None, quick=quick, is_inferred=True) is runs
