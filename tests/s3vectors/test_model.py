"""Facts read from botocore's service model."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from copy_model import without_texts

from vecgate.s3vectors import model
from vecgate.s3vectors.model import ErrorCode, error_codes, service_model

#: Code, HTTP status, retryable, throttling: the table of the service's errors.
ERRORS = [
    ("AccessDeniedException", 403, False, False),
    ("ConflictException", 409, False, False),
    ("InternalServerException", 500, True, False),
    ("KmsDisabledException", 400, False, False),
    ("KmsInvalidKeyUsageException", 400, False, False),
    ("KmsInvalidStateException", 400, False, False),
    ("KmsNotFoundException", 400, False, False),
    ("NotFoundException", 404, False, False),
    ("RequestTimeoutException", 408, True, False),
    ("ServiceQuotaExceededException", 402, False, False),
    ("ServiceUnavailableException", 503, True, False),
    ("TooManyRequestsException", 429, True, True),
    ("ValidationException", 400, False, False),
]


def test_error_codes_are_those_of_the_table() -> None:
    """Every code, its status, and whether it may be retried or means throttling."""
    assert error_codes() == {row[0]: ErrorCode(*row) for row in ERRORS}


@pytest.mark.parametrize("code", ["ThrottlingException", "ResourceNotFoundException"])
def test_codes_of_other_services_do_not_exist_here(code: str) -> None:
    """S3 Vectors has its own names for throttling and for missing resources."""
    assert code not in error_codes()


def test_error_codes_follow_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A code that a newer model adds or changes is read from the model."""
    changed: dict[str, dict[str, Any]] = copy.deepcopy(model.shapes())
    changed["ConflictException"]["retryable"] = {"throttling": False}
    changed["SlowDown"] = {
        "type": "structure",
        "exception": True,
        "error": {"httpStatusCode": 509},
        "retryable": {"throttling": True},
    }
    monkeypatch.setattr(model, "shapes", lambda: changed)
    codes = error_codes.__wrapped__()
    assert codes["ConflictException"] == ErrorCode(
        "ConflictException", 409, is_retryable=True, is_throttling=False
    )
    assert codes["SlowDown"] == ErrorCode("SlowDown", 509, is_retryable=True, is_throttling=True)


def test_the_model_has_all_operations() -> None:
    """The oldest supported botocore has all 22 operations."""
    assert len(service_model().operation_names) >= 22
    assert service_model().signing_name == "s3vectors"


def test_a_bound_is_a_number_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """`constraint` reads the requested bound of the requested shape."""
    monkeypatch.setattr(model, "shapes", lambda: {"A": {"min": 1, "max": 2}, "B": {"min": 3, "max": 4}})
    assert [model.constraint(shape, bound) for shape in "AB" for bound in ("min", "max")] == [1, 2, 3, 4]


def without(installed: dict[str, Any], operation: str, shape: str, member: str) -> dict[str, Any]:
    """Return a model that lacks an operation and a member."""
    older = copy.deepcopy(installed)
    del older["operations"][operation]
    del older["shapes"][shape]["members"][member]
    return older


@pytest.fixture
def older_botocore(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A botocore of before text search."""
    older = without(model._installed(), "UpdateMetadataConfiguration", "QueryVectorsInput", "queryTexts")
    caches = (model.missing_in_botocore, model._model, model.shapes, model.service_model)
    monkeypatch.setattr(model, "_installed", lambda: older)
    for each in caches:
        each.cache_clear()
    yield
    for each in caches:
        each.cache_clear()


@pytest.mark.usefixtures("older_botocore")
def test_a_copy_replaces_an_older_model() -> None:
    """It has all operations and members, and no KeyError follows."""
    assert model.missing_in_botocore() == ("QueryVectorsInput.queryTexts", "UpdateMetadataConfiguration")
    assert len(service_model().operation_names) == 22
    assert model.constraint("QueryTextList", "max") == 10


@pytest.mark.usefixtures("older_botocore")
def test_the_clients_of_vecgate_know_what_an_older_botocore_lacks() -> None:
    """A session that was not told keeps its own model."""
    session = boto3.Session(region_name="us-east-1")
    paths = session._session.get_component("data_loader").search_paths
    before = list(paths)
    model.use_newest_model(session)
    assert paths == [str(model.MODELS), *before]
    client = session.client("s3vectors")
    assert "queryTexts" in client.meta.service_model.operation_model("QueryVectors").input_shape.members
    client.close()


def test_the_installed_model_is_used_if_it_lacks_nothing() -> None:
    """Newer ones have more, such as longer lists."""
    assert model.missing_in_botocore() == ()
    assert model._model() is model._installed()
    session = boto3.Session()
    before = list(session._session.get_component("data_loader").search_paths)
    model.use_newest_model(session)
    assert session._session.get_component("data_loader").search_paths == before


def test_the_copy_is_that_of_the_installed_model() -> None:
    """When this fails after an update of botocore: `python tests/support/copy_model.py`."""
    assert model._shipped() == without_texts(model._installed())
