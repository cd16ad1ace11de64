"""The coverage of the service model is measured, and the catalogue of requirements is consistent."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from model_coverage import all_requirements, measure_coverage
from tests.conformance.mutants import BEGIN, END, read_mutants

from vecgate.cli.runs.conform_run import estimate_requests
from vecgate.conformance_kit.selection import quick_ids
from vecgate.gate.requirement_outcomes import requirement_name
from vecgate.reporting.failure_causes import SYMPTOMS
from vecgate.s3vectors.model import service_model
from vecgate.s3vectors.pricing import requests_usd
from vecgate.targets.capabilities import CAPABILITIES
from vecgate.targets.deviations import read_deviations

SUITE = Path(__file__).parents[2] / "conformance"
#: Elements of the model that no requirement covers, and why.
EXCEPTIONS: dict[str, str] = {}


def test_the_service_model_is_covered() -> None:
    """Requirements cover every operation, limit, enumeration, output member and error code that can be tested."""
    coverage = measure_coverage(all_requirements())
    missing = [name for name in coverage.missing if name not in EXCEPTIONS]
    assert missing == [], f"{coverage.ratio:.1%} of {len(coverage.elements)} is covered"


def test_every_exception_is_still_missing() -> None:
    """The list of exceptions must stay up to date."""
    assert EXCEPTIONS.keys() <= set(measure_coverage(all_requirements()).missing)


def test_every_covered_name_is_in_the_model() -> None:
    """A name that matches no element covers nothing."""
    assert measure_coverage(all_requirements()).unknown == ()


def test_every_need_is_a_capability_or_an_operation() -> None:
    """A misspelt capability would never be unsupported."""
    known = CAPABILITIES.keys() | set(service_model().operation_names)
    unknown = {name: each.id for each in all_requirements() for name in each.needs - known}
    assert unknown == {}


def test_every_requirement_has_a_claim() -> None:
    """The catalogue is for people."""
    assert [each.id for each in all_requirements() if len(each.claim) < 10] == []


@pytest.mark.parametrize("path", sorted((SUITE / "deviations").glob("*.toml")), ids=lambda path: path.stem)
def test_deviations_name_requirements(path: Path) -> None:
    """The deviation files in the suite contain only known requirements."""
    assert read_deviations(path).unmatched({each.id for each in all_requirements()}) == []


def test_likely_causes_name_requirements() -> None:
    """A fault in the table of reports that no requirement shows would never be named."""
    names = {requirement_name(each.id) for each in all_requirements()}
    assert {id_ for _, shown_by, _ in SYMPTOMS for id_ in shown_by} <= names


def test_the_table_of_mutants_names_requirements() -> None:
    """It has a row for each mutant, in which a requirement of today has caught it, at its level of today."""
    table = (SUITE / "README.md").read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = re.findall(r"^\| (.+) \| `(\S+)` \| (\w+) \|$", table, re.MULTILINE)
    assert [effect for effect, _, _ in rows] == [each.effect for each in read_mutants()]
    levels = {each.id: each.level for each in all_requirements()}
    assert [id_ for _, id_, level in rows if levels.get(id_) != level] == []


def test_the_quick_level_costs_less_than_ten_cents_on_amazon() -> None:
    """As the plan of a run says. A test that sends many requests is marked as slow."""
    number = len(quick_ids(all_requirements()))
    assert number > 600
    assert requests_usd(estimate_requests(number, level="quick")) < 0.1


def test_the_oracle_is_independent() -> None:
    """The oracle imports neither vecgate nor other modules of the suite."""
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
