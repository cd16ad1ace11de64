"""Refusals: where the code, the status and the sentence stand, as every SDK looks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from vecgate.s3vectors.model import error_codes, service_model
from vecgate.testing import sources
from vecgate.testing.raw import RawAnswer, RawClient
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeBucket, MakeIndex, vector

KINDS = ["ValidationException", "NotFoundException", "ConflictException"]
#: What a refusal may hold beside what the model says of its code.
ENVELOPE = {"__type", "code", "message", "Message"}


@dataclass(frozen=True, slots=True)
class Provoked:
    """A request that is refused with a known code."""

    operation: str
    body: Mapping[str, Any]


def provoked(kind: str, index: Index) -> Provoked:
    """A request on *index* that even the simplest server refuses with *kind*."""
    if kind == "ValidationException":
        return Provoked("PutVectors", {**index.address, "vectors": [vector("k", [1.0])]})
    if kind == "NotFoundException":
        return Provoked("GetIndex", {**index.address, "indexName": "vecgate-absent"})
    return Provoked("CreateVectorBucket", {"vectorBucketName": index.bucket})


def refusal(raw: RawClient, make_index: MakeIndex, kind: str) -> RawAnswer:
    request = provoked(kind, make_index())
    return raw(f"/{request.operation}", request.body)


kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
@requirement("wire.error-status", level="must", evidence="model", source=sources.MODEL, needs="raw")
def test_each_code_has_its_status(raw: RawClient, make_index: MakeIndex, kind: str) -> None:
    """Status 400 goes with ValidationException, 404 with NotFoundException, 409 with ConflictException."""
    statuses = {"ValidationException": 400, "NotFoundException": 404, "ConflictException": 409}
    assert refusal(raw, make_index, kind).status == statuses[kind]


@kinds
@requirement("wire.error-code", level="must", evidence="model", source=sources.REST_JSON, needs="raw")
def test_the_code_stands_where_sdks_look(raw: RawClient, make_index: MakeIndex, kind: str) -> None:
    """The code stands in the header `x-amzn-errortype`, or in the body as `__type` or `code`."""
    assert refusal(raw, make_index, kind).code == kind


@kinds
@requirement("wire.error-message", level="must", evidence="model", source=sources.MODEL, needs="raw")
def test_a_refusal_says_why(raw: RawClient, make_index: MakeIndex, kind: str) -> None:
    """The body is a JSON object whose `message` is a sentence."""
    told = refusal(raw, make_index, kind).json["message"]
    assert isinstance(told, str)
    assert told


@kinds
@requirement("wire.error-members", level="should", evidence="model", source=sources.MODEL, needs="raw")
def test_a_refusal_holds_what_is_modelled(raw: RawClient, make_index: MakeIndex, kind: str) -> None:
    """Besides the code a refusal holds the members that the model gives it, and no other."""
    modelled = service_model().shape_for(kind).members.keys()
    assert refusal(raw, make_index, kind).json.keys() <= {*modelled, *ENVELOPE}


@kinds
@requirement(
    "wire.error-content-type", level="should", evidence="model", source=sources.REST_JSON, needs="raw"
)
def test_a_refusal_is_json(raw: RawClient, make_index: MakeIndex, kind: str) -> None:
    """A refusal says that it is `application/json`."""
    answer = refusal(raw, make_index, kind)
    assert answer.headers["content-type"].split(";")[0] == "application/json"


@requirement(
    "wire.error-fields",
    level="should",
    evidence="recorded",
    source=sources.probe("filter-validation"),
    needs="raw",
)
def test_a_validation_error_lists_its_fields(raw: RawClient, make_index: MakeIndex) -> None:
    """A ValidationException carries a `fieldList` of objects with a path and a message."""
    fields = refusal(raw, make_index, "ValidationException").json["fieldList"]
    assert fields
    assert all(each.keys() == {"path", "message"} for each in fields)
    assert all(isinstance(text, str) and text for each in fields for text in each.values())


@kinds
@requirement("wire.error-class", level="must", evidence="model", source=sources.MODEL)
def test_boto3_raises_the_class_of_the_code(client: Any, make_index: MakeIndex, kind: str) -> None:
    """boto3 knows the code: it raises the class that its client has for it."""
    request = provoked(kind, make_index())
    with pytest.raises(getattr(client.exceptions, kind)):
        getattr(client, xform_name(request.operation))(**request.body)


@requirement("wire.error-not-retried", level="must", evidence="model", source=sources.MODEL)
def test_a_refusal_does_not_ask_for_a_retry(make_index: MakeIndex) -> None:
    """A refusal for what was asked has no status or code on which an SDK would try again."""
    with pytest.raises(ClientError) as error:
        make_index().put(("k", [1.0]))
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] not in {408, 429, 500, 502, 503, 504}
    assert not error_codes()[error.value.response["Error"]["Code"]].is_retryable


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("TooManyRequestsException", 429),
        ("ServiceUnavailableException", 503),
        ("InternalServerException", 500),
        ("RequestTimeoutException", 408),
    ],
    ids=["429", "503", "500", "408"],
)
@requirement("wire.retryable", level="must", evidence="model", source=sources.MODEL)
def test_the_model_says_what_to_try_again(code: str, status: int) -> None:
    """Clients try again on these codes, by the model: a server that is busy must answer with one of them."""
    known = error_codes()[code]
    assert (known.status, known.is_retryable) == (status, True)
    assert known.is_throttling is (status == 429)


@requirement(
    "wire.throttled", level="must", evidence="documented", source=sources.PRACTICES, needs="quota", slow=True
)
def test_a_throttle_is_answered_with_429(make_index: MakeIndex) -> None:
    """Where writes are throttled at all, that is status 429 and TooManyRequestsException."""
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
    level="should",
    evidence="recorded",
    source=sources.MOTO_INDEXES,
    needs="raw",
)
def test_a_wrong_address_is_told_before_a_missing_index(raw: RawClient, make_bucket: MakeBucket) -> None:
    """The form of an address is judged before anything is looked up."""
    arn = f"{make_bucket().arn}/index/vecgate-absent"
    answer = raw("/GetIndex", {"vectorBucketName": "vecgate-absent", "indexArn": arn})
    assert (answer.status, answer.code) == (400, "ValidationException")
