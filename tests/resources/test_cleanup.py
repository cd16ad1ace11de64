"""Clean-up removes buckets and indexes, and returns what remains."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from constant_server import constant_server

from vecgate.errors import NoCredentials, ServiceError, TransportError
from vecgate.resources.cleanup import had_no_effect, open_cleanup_client, remove_bucket
from vecgate.targets.target import TargetChoice
from vecgate.targets.url_target import target_from_url


class Service:
    """Records what is deleted; *refuses* are error codes by operation."""

    def __init__(self, indexes: list[str] | None, **refuses: str) -> None:
        self._indexes, self._refuses = indexes, refuses
        self.deleted: list[str] = []

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        if self._indexes is None:
            raise ClientError({"Error": {"Code": "404"}}, "ListIndexes")
        return [{"indexes": [_summary(name)]} for name in self._indexes]

    def delete_index(self, **address: str) -> None:
        self._delete("delete_index", "/".join(address.values()))
        if self._indexes:
            self._indexes.remove(address.get("indexArn") or address["indexName"])

    def delete_vector_bucket(self, **address: str) -> None:
        if self._indexes and "delete_vector_bucket" not in self._refuses:
            raise ClientError(
                {"Error": {"Code": "ConflictException", "Message": "m"}}, "delete_vector_bucket"
            )
        self._delete("delete_vector_bucket", "/".join(address.values()))

    def _delete(self, operation: str, name: str) -> None:
        code = self._refuses.get(operation)
        if code == "unreachable":
            raise EndpointConnectionError(endpoint_url="http://h")
        if code:
            raise ClientError({"Error": {"Code": code, "Message": "m"}}, operation)
        self.deleted.append(name)


def _summary(name: str) -> dict[str, str]:
    return {"indexArn": name} if name.startswith("arn:") else {"indexName": name}


def test_an_index_without_a_name_is_deleted_by_its_arn() -> None:
    """A server that accepted such an index must still be able to delete it."""
    service = Service(["arn:1", "a"])
    assert remove_bucket(service, "vg") == []
    assert service.deleted == ["arn:1", "vg/a", "vg"]


def test_a_bucket_is_deleted_with_its_indexes() -> None:
    """The indexes first, because a bucket that is not empty cannot be deleted."""
    service = Service(["a", "b"])
    assert remove_bucket(service, "vg") == []
    assert service.deleted == ["vg/a", "vg/b", "vg"]


def test_an_empty_bucket_is_deleted_with_one_request() -> None:
    """Its indexes are listed only if it cannot be deleted."""
    service = Service([])
    service.get_paginator = None  # type: ignore[method-assign, assignment]  # it would be called
    assert remove_bucket(service, "vg") == []
    assert service.deleted == ["vg"]


def test_a_missing_resource_is_not_a_problem() -> None:
    """Another worker or the test itself may have removed it."""
    service = Service(["a"], delete_index="NotFoundException", delete_vector_bucket="NotFoundException")
    assert remove_bucket(service, "vg") == []


def test_a_server_without_list_indexes_is_supported() -> None:
    """The removal of a bucket does not depend on it."""
    service = Service(None)
    assert remove_bucket(service, "vg") == []
    assert service.deleted == ["vg"]


def test_resources_that_cannot_be_removed_are_returned() -> None:
    """One line for each: an index that stays, and its bucket."""
    service = Service(["a"], delete_index="AccessDeniedException")
    error = "An error occurred (AccessDeniedException) when calling the delete_index operation: m"
    conflict = "An error occurred (ConflictException) when calling the delete_vector_bucket operation: m"
    assert remove_bucket(service, "vg") == [f"index vg/a: {error}", f"bucket vg: {conflict}"]
    assert service.deleted == []
    (line,) = remove_bucket(Service([], delete_vector_bucket="unreachable"), "vg")
    assert line.startswith("bucket vg: Could not connect")


def answered_with(status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": "X"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "CreateIndex"
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answered_with(400), True),
        (answered_with(409), True),
        (answered_with(500), False),
        (answered_with(301), False),
        (answered_with(200), False),
        (ServiceError("CreateIndex", "ValidationException", 400, "m"), True),
        (ServiceError("CreateIndex", "InternalServerException", 500, "m"), False),
        (TransportError("CreateIndex", "refused", is_connect=True), True),
        (TransportError("CreateIndex", "timeout"), False),
        (ParamValidationError(report="m"), True),
        (NoCredentialsError(), True),
        (NoCredentials("m"), True),
        (EndpointConnectionError(endpoint_url="http://h"), True),
        (ReadTimeoutError(endpoint_url="http://h"), False),
        (KeyError("x"), False),
    ],
)
def test_only_a_refusal_or_an_unsent_request_certainly_had_no_effect(
    error: Exception, *, expected: bool
) -> None:
    """After any other error the server may have applied the request."""
    assert had_no_effect(error) is expected


@pytest.mark.parametrize(
    ("body", "status", "problems"),
    [(b"<html>sign in</html>", 200, 1), (b"{}", 200, 0), (b"", 200, 0), (b"<html>", 404, 1)],
)
def test_only_an_answer_of_the_service_says_that_a_bucket_is_gone(
    body: bytes, status: int, problems: int
) -> None:
    """A proxy answers everything with its login page."""
    choice = TargetChoice(region="us-east-1")
    keys = Credentials("a", "b")
    with (
        constant_server(body, status=status) as url,
        open_cleanup_client(target_from_url(url, choice, {}, credentials=keys)) as client,
    ):
        assert len(remove_bucket(client, "vg-1")) == problems
