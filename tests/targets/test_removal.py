from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError

from vecgate.targets.removal import remove_bucket


class Service:
    """Remembers what it is asked to delete; *refuses* are codes by operation."""

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

    def delete_vector_bucket(self, **address: str) -> None:
        self._delete("delete_vector_bucket", "/".join(address.values()))

    def _delete(self, operation: str, name: str) -> None:
        code = self._refuses.get(operation)
        if code == "gone":
            raise EndpointConnectionError(endpoint_url="http://h")
        if code:
            raise ClientError({"Error": {"Code": code, "Message": "m"}}, operation)
        self.deleted.append(name)


def _summary(name: str) -> dict[str, str]:
    return {"indexArn": name} if name.startswith("arn:") else {"indexName": name}


def test_an_index_without_a_name_goes_by_its_arn() -> None:
    """A server that took such a one must still get rid of it; one that lists nothing is asked for nothing."""
    service = Service(["arn:1", "a"])
    assert remove_bucket(service, "vg") == []
    assert service.deleted == ["arn:1", "vg/a", "vg"]


def test_a_bucket_goes_with_its_indexes() -> None:
    """The indexes first, for a bucket that is not empty stays."""
    service = Service(["a", "b"])
    assert remove_bucket(service, "vg") == []
    assert service.deleted == ["vg/a", "vg/b", "vg"]


def test_what_is_gone_already_is_no_problem() -> None:
    """Another worker, or the test itself, may have removed it."""
    service = Service(["a"], delete_index="NotFoundException", delete_vector_bucket="NotFoundException")
    assert remove_bucket(service, "vg") == []


def test_a_server_that_lists_no_indexes_is_asked_for_nothing_more() -> None:
    """Removal never fails on an operation that the target lacks."""
    service = Service(None)
    assert remove_bucket(service, "vg") == []
    assert service.deleted == ["vg"]


def test_what_cannot_be_removed_is_told() -> None:
    """A line each, and the rest is removed all the same."""
    service = Service(["a"], delete_index="AccessDeniedException")
    told = "An error occurred (AccessDeniedException) when calling the delete_index operation: m"
    assert remove_bucket(service, "vg") == [f"index vg/a: {told}"]
    assert service.deleted == ["vg"]
    (told,) = remove_bucket(Service([], delete_vector_bucket="gone"), "vg")
    assert told.startswith("bucket vg: Could not connect")
