"""The errors of the service as each client reports them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from client_programs import Json
from sample_index import SampleIndex
from sdks import UNSUPPORTED, Sdk, expect_error


@dataclass(frozen=True, slots=True)
class InvalidRequest:
    """A request and the error that it causes. *members* are sent in addition to the address."""

    operation: str
    code: str
    status: int
    message: str
    members: Json = field(default_factory=dict)
    fields: Json = field(default_factory=dict)
    of_bucket: bool = False


def put_one(key: str, values: list[float], **metadata: object) -> Json:
    return {"vectors": [{"key": key, "data": {"float32": values}, "metadata": metadata}]}


def constraint(text: str, path: str, rule: str) -> str:
    return f"1 validation error detected. Value {text}at '{path}' failed to satisfy constraint: {rule}"


ORIGIN = {"topK": 1, "queryVector": {"float32": [0, 0]}}
INVALID_REQUESTS = {
    "a key that is too long": InvalidRequest(
        "PutVectors",
        "ValidationException",
        400,
        constraint(
            "with length 1025 ", "/vectors/0/key", "Member must have length between 1 and 1024, inclusive"
        ),
        put_one("x" * 1025, [1, 2]),
    ),
    "a wrong dimension": InvalidRequest(
        "PutVectors",
        "ValidationException",
        400,
        "Invalid record for key 'x': vector must have length 2, but has length 3",
        put_one("x", [1, 2, 3]),
    ),
    "nested metadata": InvalidRequest(
        "PutVectors",
        "ValidationException",
        400,
        "Invalid record for key 'x': Metadata values must be strings, numbers, booleans, or arrays",
        put_one("x", [1, 2], inner={"a": 1}),
    ),
    "too much filterable metadata": InvalidRequest(
        "PutVectors",
        "ValidationException",
        400,
        "Invalid record for key 'x': Filterable metadata must have at most 2048 bytes",
        put_one("x", [1, 2], text="t" * 2048),
    ),
    "a repeated key": InvalidRequest(
        "DeleteVectors",
        "ValidationException",
        400,
        "Request must not contain duplicate keys",
        {"keys": ["a", "a"]},
    ),
    "an empty filter": InvalidRequest(
        "QueryVectors",
        "ValidationException",
        400,
        "Invalid filter",
        {**ORIGIN, "filter": {}},
        {"filter": "Invalid filter"},
    ),
    "a filter with two fields": InvalidRequest(
        "QueryVectors",
        "ValidationException",
        400,
        "Invalid filter",
        {**ORIGIN, "filter": {"year": 1, "tags": "war"}},
        {"filter": "Invalid filter"},
    ),
    "a filter on a key that is not filterable": InvalidRequest(
        "QueryVectors",
        "ValidationException",
        400,
        "Invalid use of non-filterable metadata in filter",
        {**ORIGIN, "filter": {"plot": "x"}},
    ),
    "name and ARN at once": InvalidRequest(
        "GetIndex",
        "ValidationException",
        400,
        "Must specify either indexArn or both vectorBucketName and indexName",
        {
            "vectorBucketName": "bucket",
            "indexArn": "arn:aws:s3vectors:eu-central-1:123456789012:bucket/b-1/index/i-1",
        },
    ),
    "a bucket that is not empty": InvalidRequest(
        "DeleteVectorBucket",
        "ConflictException",
        409,
        "The specified vector bucket is not empty",
        of_bucket=True,
    ),
    "a missing policy": InvalidRequest(
        "GetVectorBucketPolicy",
        "NotFoundException",
        404,
        "The specified vector bucket policy could not be found",
        of_bucket=True,
    ),
}


@pytest.mark.parametrize("case", INVALID_REQUESTS)
def test_a_client_reports_code_status_message_and_fields(
    sdk: Sdk, sample_by_name: SampleIndex, case: str
) -> None:
    """With its own exception class for the code. The CLI reports only code and message."""
    request = INVALID_REQUESTS[case]
    address = sample_by_name.bucket_address if request.of_bucket else sample_by_name.index_address
    error = expect_error(sdk, request.operation, {**address, **request.members})
    assert (error.code, error.message, error.is_typed) == (request.code, request.message, True)
    if sdk.name != "awscli":
        assert error.status == request.status
        assert request.fields.items() <= error.fields.items()


def test_nothing_of_a_refused_batch_is_stored(sdk: Sdk, sample_by_name: SampleIndex) -> None:
    """One invalid record refuses the request."""
    vectors = [{"key": "good", "data": {"float32": [1, 2]}}, *put_one("bad", [1])["vectors"]]
    assert (
        expect_error(sdk, "PutVectors", {**sample_by_name.index_address, "vectors": vectors}).code
        == "ValidationException"
    )
    assert sdk.call("GetVectors", {**sample_by_name.index_address, "keys": ["good", "bad"]}) == {
        "vectors": []
    }


@pytest.mark.parametrize("operation", ["GetIndex", "DeleteIndex"])
def test_a_missing_bucket_is_reported_as_a_missing_index(sdk: Sdk, operation: str) -> None:
    """In index-level calls."""
    error = expect_error(sdk, operation, {"vectorBucketName": "missing", "indexName": "missing"})
    assert (error.code, error.message) == ("NotFoundException", "The specified index could not be found")


@pytest.mark.parametrize("sdk", [name for name in UNSUPPORTED if name != "awscli"], indirect=True)
def test_a_batch_of_501_is_refused_by_the_service(sdk: Sdk, sample_by_name: SampleIndex) -> None:
    """No client checks the number itself."""
    vectors = [{"key": str(number), "data": {"float32": [1, 2]}} for number in range(501)]
    error = expect_error(sdk, "PutVectors", {**sample_by_name.index_address, "vectors": vectors})
    assert (error.code, error.status) == ("ValidationException", 400)
    assert "500" in error.message
