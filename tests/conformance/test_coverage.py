"""Coverage of the service model that is measured, not claimed."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from vecgate.cli.conform_run import catalogue
from vecgate.s3vectors.model import service_model
from vecgate.targets.capabilities import CAPABILITIES
from vecgate.targets.deviations import read_deviations
from vecgate.testing.coverage import coverage_of
from vecgate.testing.requirements import Requirement

SUITE = Path(__file__).parents[2] / "conformance"
#: What no requirement covers, and why it cannot, or need not.
EXPLAINED: dict[str, str] = {}


@cache
def requirements() -> tuple[Requirement, ...]:
    told = catalogue()
    return tuple(
        Requirement(**{**each, "needs": frozenset(each["needs"]), "covers": tuple(each["covers"])})
        for each in told
    )


def test_the_service_model_is_covered() -> None:
    """Every operation, bound, enumeration, output member and error code that a test can provoke."""
    coverage = coverage_of(requirements())
    missing = [word for word in coverage.missing if word not in EXPLAINED]
    assert missing == [], f"{coverage.share:.1%} of {len(coverage.words)} is covered"


def test_nothing_is_explained_that_is_covered() -> None:
    """The list of exceptions cannot rot either."""
    assert EXPLAINED.keys() <= set(coverage_of(requirements()).missing)


def test_what_is_said_to_be_covered_is_there() -> None:
    """A word that matches nothing covers nothing."""
    assert coverage_of(requirements()).unknown == ()


def test_needs_are_capabilities() -> None:
    """Or operations, which stand for what they take; a misspelt one would never be lacking."""
    known = CAPABILITIES.keys() | set(service_model().operation_names)
    unknown = {name: each.id for each in requirements() for name in each.needs - known}
    assert unknown == {}


def test_every_requirement_makes_a_claim() -> None:
    """The catalogue is read by people."""
    assert [each.id for each in requirements() if len(each.claim) < 10] == []


@pytest.mark.parametrize("path", sorted((SUITE / "deviations").glob("*.toml")), ids=lambda path: path.stem)
def test_listed_deviations_name_requirements(path: Path) -> None:
    """The shipped lists, without a run."""
    assert read_deviations(path).unmatched({each.id for each in requirements()}) == []


def test_the_judge_shares_nothing_with_the_judged() -> None:
    """The oracle imports the standard library and numpy, nothing of ours."""
    tree = ast.parse((SUITE / "oracle.py").read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "", *([""] if node.level else [])]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not imported & {"vecgate", "conformance", ""}
