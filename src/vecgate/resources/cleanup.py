"""Remove buckets and indexes with as few operations as possible.

What cannot be removed is returned, not raised, whatever the server answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from http import HTTPStatus
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from botocore.parsers import ResponseParserFactory
from botocore.utils import parse_timestamp

from vecgate.bulk.accelerate import check_answers
from vecgate.bulk.transport.sender import CONNECT_ERRORS, CREDENTIAL_ERRORS
from vecgate.errors import NoCredentials, ServiceError, TargetError, TransportError
from vecgate.resources.handles import PAGES_MAX
from vecgate.targets.answer_guard import AnswerGuard
from vecgate.targets.target import Target
from vecgate.targets.throttle_patience import ThrottlePatience

#: Raised by botocore before it sends anything.
_NOT_SENT = (*CONNECT_ERRORS, *CREDENTIAL_ERRORS, ParamValidationError)
TIMEOUT_S = 15.0
PATIENCE_S = 30.0
PROBLEM_CHARACTERS_MAX = 300


@contextmanager
def open_cleanup_client(target: Target, *, timeout_s: float = TIMEOUT_S) -> Iterator[Any]:
    """Yield a client that reads what it can of each answer, and stops operations that are not answered.

    It sends requests again that were refused by a limit of the rate.
    """
    guard = AnswerGuard(timeout_s=timeout_s)
    client = target.client(is_checked=False, parameter_validation=False, **guard.client_settings)
    try:
        guard.watch(client)
        ThrottlePatience(PATIENCE_S).watch(client)
        check_answers(client, ("ListVectorBuckets", "DeleteIndex", "DeleteVectorBucket"))
        ignore_unreadable_times(client)
        yield client
    finally:
        client.close()


def ignore_unreadable_times(client: Any) -> None:  # noqa: ANN401 - boto3 makes its client classes at run time
    """Let *client* return None for a time that cannot be read, instead of an error for the whole answer."""
    parse_times_with(client, _parse_time)


def parse_times_with(client: Any, parse: Callable[[Any], object]) -> None:  # noqa: ANN401 - boto3 makes its client classes at run time
    """Let *client* read the times in its answers with *parse*, and no other client of its session."""
    factory = ResponseParserFactory()
    factory.set_parser_defaults(timestamp_parser=parse)
    client._endpoint._response_parser_factory = factory  # noqa: SLF001 - botocore has a public way per session only


def list_all(client: Any, operation: str, member: str, **members: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - boto3
    """Yield the objects in the list *member* on all pages of *operation*.

    Raises TargetError if an answer is no such page, or if the pages do not end.
    """
    for number, page in enumerate(_pages(client, operation, members)):
        entries = page.get(member)
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise TargetError(
                f"the answer to {operation} has no `{member}` that can be read",
                hint="Check that the URL is an S3 Vectors endpoint.",
            )
        if number >= PAGES_MAX:
            raise TargetError(f"the pages of {operation} did not end after {PAGES_MAX:,}")
        yield from entries


def _pages(client: Any, operation: str, members: Mapping[str, Any]) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - boto3
    """Yield the answers to *operation*. Raises TargetError for one that botocore cannot read."""
    try:
        yield from client.get_paginator(xform_name(operation)).paginate(**members)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        # botocore's parser and its paginator take the form of an answer for granted.
        raise TargetError(
            f"the answer to {operation} cannot be read: {type(error).__name__}",
            hint="Check that the URL is an S3 Vectors endpoint.",
        ) from error


def had_no_effect(error: Exception) -> bool:
    """Return whether the request that failed with *error* certainly changed nothing on the server.

    True if the server refused the request (status 400 to 499), or if nothing was sent: invalid parameters, no
    credentials, no connection. False for everything else, such as a 5xx status or a timeout: the server may
    have applied the request. Decides whether a failed creation needs a clean-up.
    """
    match error:
        case ClientError():
            return _is_refusal(error.response["ResponseMetadata"]["HTTPStatusCode"])
        case ServiceError():
            return _is_refusal(error.status)
        case TransportError():
            return error.is_connect
        case _:
            return isinstance(error, (*_NOT_SENT, NoCredentials))


def remove_bucket(client: Any, name: str) -> list[str]:  # noqa: ANN401 - boto3 makes its client classes at run time
    """Delete the bucket *name* and every index in it. Return one line for each resource that remains."""
    address = {"vectorBucketName": name}
    problems: list[str] = []
    # Most are empty, and then this is the only request.
    if not remove(f"bucket {name}", client.delete_vector_bucket, address):
        return problems
    for index in _list_indexes(client, address):
        # A server that accepted an index without a name must still be able to delete it.
        named = {**address, "indexName": index["indexName"]} if "indexName" in index else {}
        label = index.get("indexName") or index.get("indexArn", "")
        problems += remove(f"index {name}/{label}", client.delete_index, named or {"indexArn": label})
    return problems + remove(f"bucket {name}", client.delete_vector_bucket, address)


def remove_index(client: Any, bucket: str, name: str) -> list[str]:  # noqa: ANN401 - boto3 makes its client classes at run time
    """Delete the index *name*. Return one line if it remains, else an empty list."""
    address = {"vectorBucketName": bucket, "indexName": name}
    return remove(f"index {bucket}/{name}", client.delete_index, address)


def _is_refusal(status: int) -> bool:
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR


def _list_indexes(client: Any, address: Mapping[str, str]) -> list[dict[str, Any]]:  # noqa: ANN401 - boto3
    indexes: list[dict[str, Any]] = []
    # An index that was not listed makes the deletion of the bucket fail, which is reported.
    with suppress(Exception):
        indexes.extend(list_all(client, "ListIndexes", "indexes", **address))
    return indexes


def remove(label: str, delete: Callable[..., object], address: Mapping[str, Any]) -> list[str]:
    """Call *delete* with *address*. Return one line with *label* if the resource remains, else nothing."""
    try:
        delete(**address)
    except ClientError as error:
        is_absent = error.response.get("Error", {}).get("Code") == "NotFoundException"
        return [] if is_absent else [describe_problem(label, error)]
    except Exception as error:  # noqa: BLE001 - an answer that boto3 cannot read must not end the clean-up
        return [describe_problem(label, error)]
    return []


def describe_problem(label: str, error: Exception) -> str:
    """Return one line of limited length that says why the resource *label* remains."""
    line = " ".join(f"{label}: {error}".split())
    line = line.encode(errors="backslashreplace").decode()
    return f"{line[:PROBLEM_CHARACTERS_MAX]}…" if len(line) > PROBLEM_CHARACTERS_MAX else line


def _parse_time(value: object) -> datetime | None:
    try:
        parsed: datetime = parse_timestamp(value)
    except Exception:  # noqa: BLE001 - a time that a server made up
        return None
    return parsed
