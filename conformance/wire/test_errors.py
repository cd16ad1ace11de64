"""Errors: code, status and message, where every SDK looks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.raw_client import RawAnswer, RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeBucket, MakeIndex, vector
from vecgate.s3vectors.model import error_codes, service_model

from ..operations.addresses import all_operations

KINDS = ["ValidationException", "NotFoundException", "ConflictException"]
#: Members that an error may have in addition to the members of its code in the model.
ENVELOPE = {"__type", "code", "message", "Message"}


@dataclass(frozen=True, slots=True)
class FailingRequest:
    """A request that fails with a known code."""

    operation: str
    body: Mapping[str, Any]


def failing_request(kind: str, index: IndexHandle) -> FailingRequest:
    """Return a request on *index* that every server answers with *kind*."""
    if kind == "ValidationException":
        return FailingRequest("PutVectors", {**index.address, "vectors": [vector("k", [1.0])]})
    if kind == "NotFoundException":
        return FailingRequest("GetIndex", {**index.address, "indexName": "vecgate-absent"})
    return FailingRequest("CreateVectorBucket", {"vectorBucketName": index.bucket})


def error_answer(raw: RawClient, make_index: MakeIndex, kind: str) -> RawAnswer:
    request = failing_request(kind, make_index())
    return raw(f"/{request.operation}", request.body)


kinds: pytest.MarkDecorator = pytest.mark.parametrize("kind", KINDS)


@kinds
@requirement("wire.error-status", kind="effect", evidence="model", source=sources.MODEL, needs="raw")
def test_each_code_has_its_status(raw: RawClient, make_index: MakeIndex, kind: str) -> None:
    """ValidationException has status 400, NotFoundException 404, and ConflictException 409."""
    statuses = {"ValidationException": 400, "NotFoundException": 404, "ConflictException": 409}
    assert error_answer(raw, make_index, kind).status == statuses[kind]


@kinds
@requirement("wire.error-code", kind="effect", evidence="model", source=sources.REST_JSON, needs="raw")
def test_the_code_is_where_sdks_look(raw: RawClient, make_index: MakeIndex, kind: str) -> None:
    """The code is in the header `x-amzn-errortype`, or in the body as `__type` or `code`."""
    assert error_answer(raw, make_index, kind).code == kind


@all_operations
@requirement(
    "wire.error-code-of-operation",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw {operation}",
)
def test_every_operation_has_codes_of_the_service(raw: RawClient, operation: str) -> None:
    """The error for an invalid request to any operation has a code that the model has."""
    answer = raw(f"/{operation}", {})
    assert answer.status == HTTPStatus.OK or answer.code in error_codes()


@kinds
@requirement("wire.error-message", kind="effect", evidence="model", source=sources.MODEL, needs="raw")
def test_an_error_has_a_message(raw: RawClient, make_index: MakeIndex, kind: str) -> None:
    """The body is a JSON object with a `message`."""
    message = error_answer(raw, make_index, kind).members["message"]
    assert isinstance(message, str)
    assert message


@kinds
@requirement("wire.error-members", kind="detail", evidence="model", source=sources.MODEL, needs="raw")
def test_an_error_has_only_modelled_members(raw: RawClient, make_index: MakeIndex, kind: str) -> None:
    """Apart from its code, an error has only the members of the model."""
    modelled = service_model().shape_for(kind).members.keys()
    assert error_answer(raw, make_index, kind).members.keys() <= {*modelled, *ENVELOPE}


@kinds
@requirement(
    "wire.error-content-type", kind="detail", evidence="model", source=sources.REST_JSON, needs="raw"
)
def test_an_error_is_json(raw: RawClient, make_index: MakeIndex, kind: str) -> None:
    """An error has the content type `application/json`."""
    answer = error_answer(raw, make_index, kind)
    assert answer.headers["content-type"].split(";")[0] == "application/json"


@requirement(
    "wire.error-fields",
    kind="detail",
    evidence="recorded",
    source=sources.probe("filter-validation"),
    needs="raw",
)
def test_a_validation_error_lists_its_fields(raw: RawClient, make_index: MakeIndex) -> None:
    """A ValidationException has a `fieldList` of objects with a path and a message."""
    fields = error_answer(raw, make_index, "ValidationException").members["fieldList"]
    assert fields
    assert all(each.keys() == {"path", "message"} for each in fields)
    assert all(isinstance(text, str) and text for each in fields for text in each.values())


@kinds
@requirement("wire.error-class", kind="effect", evidence="model", source=sources.MODEL)
def test_boto3_raises_the_class_of_the_code(client: Any, make_index: MakeIndex, kind: str) -> None:
    """boto3 knows the code and raises the exception class for it."""
    request = failing_request(kind, make_index())
    with pytest.raises(getattr(client.exceptions, kind)):
        getattr(client, xform_name(request.operation))(**request.body)


@requirement("wire.error-not-retried", kind="effect", evidence="model", source=sources.MODEL)
def test_a_client_error_is_not_retryable(make_index: MakeIndex) -> None:
    """A client error has no status or code on which an SDK would retry."""
    with pytest.raises(ClientError) as raised:
        make_index().put(("k", [1.0]))
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] not in {408, 429, 500, 502, 503, 504}
    known = error_codes().get(raised.value.response["Error"]["Code"])
    assert known is None or not known.is_retryable


@requirement(
    "wire.throttled", kind="effect", evidence="documented", source=sources.PRACTICES, needs="quota", slow=True
)
def test_a_throttle_is_answered_with_429(make_index: MakeIndex) -> None:
    """If writes are throttled, the answer is status 429 and TooManyRequestsException."""
    index = make_index(dimension=1, metric="euclidean")
    for _ in range(60):
        try:
            index.put(*[(f"k{number}", [1.0]) for number in range(500)])
        except ClientError as error:
            answer = error.response
            break
    else:
        pytest.skip("30,000 vectors in one burst were not throttled")
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (
        "TooManyRequestsException",
        429,
    )


@requirement(
    "wire.error-order-existence",
    kind="detail",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    needs="raw",
)
def test_an_invalid_address_is_reported_before_a_missing_index(
    raw: RawClient, make_bucket: MakeBucket
) -> None:
    """The form of an address is checked before the index is looked up."""
    arn = f"{make_bucket().arn}/index/vecgate-absent"
    answer = raw("/GetIndex", {"vectorBucketName": "vecgate-absent", "indexArn": arn})
    assert (answer.status, answer.code) == (400, "ValidationException")
