"""One cause, one failure: a server that writes a value in another form fails the requirements about that form."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
from tests.conformance.faulty_endpoint import TIMEOUT_S, make_faulty_endpoint, run_on_faulty_endpoint

from vecgate.gate.requirement_outcomes import requirement_name

#: A mutant to the requirements of level must and should that it may fail.
BLAMED: Mapping[str, Collection[str]] = {
    "euclidean-root": {"query-vectors.euclidean"},
    "widening": {"list-vectors.float32"},
    "no-metadata-absent": {"get-vectors.no-metadata", "list-vectors.no-metadata"},
    "bucket-time-in-ms": {"wire.timestamps"},
    "top-k-100": {"query-vectors.one-more-than-a-page", "query-vectors.top-k-ceiling"},
    "blank-key-lost": {"properties.read-your-writes"},
}
#: The folders in which many tests read vectors, distances and descriptions.
FOLDERS = ("operations", "properties", "wire", "test_first_steps.py")

#: Tests of the codes of errors, and of some requests that must be refused.
ERRORS = (
    "filters/test_operands.py",
    "limits/test_metadata.py",
    "operations/test_create_index.py",
    "operations/test_put_vectors.py",
    "wire/test_errors.py",
)


@pytest.mark.nightly
@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("name", BLAMED)
def test_one_form_fails_the_requirements_about_it(name: str, tmp_path: Path) -> None:
    """The others read the value in either form."""
    folder = make_faulty_endpoint(tmp_path, [name])
    run = run_on_faulty_endpoint(folder, [f"conformance/{each}" for each in FOLDERS], "-n", "2")
    failed = {requirement_name(each.id) for each in run.results if each.outcome == "failed"}
    assert failed == BLAMED[name]


@pytest.mark.nightly
@pytest.mark.timeout(TIMEOUT_S)
def test_another_name_of_an_error_fails_the_requirements_about_names(tmp_path: Path) -> None:
    """Requests that must be refused are refused; only their messages are tested with their codes."""
    folder = make_faulty_endpoint(tmp_path, ["foreign-code"])
    run = run_on_faulty_endpoint(folder, [f"conformance/{each}" for each in ERRORS], "-n", "2")
    failed = {(each.level, requirement_name(each.id)) for each in run.results if each.outcome == "failed"}
    names = {"wire.error-class", "wire.error-code", "wire.error-code-of-operation"}
    assert {name for level, name in failed if level == "must"} == names
    refusals = {
        "filters.wrong-operand",
        "metadata.no-values",
        "create-index.dimension",
        "put-vectors.no-vectors",
    }
    assert refusals <= {requirement_name(each.id) for each in run.results if each.outcome == "passed"}


def test_a_server_that_returns_roots_fails_one_requirement(tmp_path: Path) -> None:
    """Distances, their order and their limits are tested on what it means."""
    folder = make_faulty_endpoint(tmp_path, ["euclidean-root"])
    run = run_on_faulty_endpoint(folder, ["conformance/operations/test_query_vectors_distances.py"])
    failed = {requirement_name(each.id) for each in run.results if each.outcome == "failed"}
    assert failed == BLAMED["euclidean-root"]
