"""How each client surfaces what the service refuses."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from client_programs import Json
from places import Place
from sdks import LACKING, Refusal, Sdk, refusal_of


@dataclass(frozen=True, slots=True)
class Wrong:
    """A request that is refused, and how; *members* come beside the address that the operation takes."""

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
REFUSED = {
    "a key that is too long": Wrong(
        "PutVectors",
        "ValidationException",
        400,
        constraint(
            "with length 1025 ", "/vectors/0/key", "Member must have length between 1 and 1024, inclusive"
        ),
        put_one("x" * 1025, [1, 2]),
    ),
    "a wrong dimension": Wrong(
        "PutVectors",
        "ValidationException",
        400,
        "Invalid record for key 'x': vector must have length 2, but has length 3",
        put_one("x", [1, 2, 3]),
    ),
    "nested metadata": Wrong(
        "PutVectors",
        "ValidationException",
        400,
        "Invalid record for key 'x': Metadata values must be strings, numbers, booleans, or arrays",
        put_one("x", [1, 2], inner={"a": 1}),
    ),
    "too much filterable metadata": Wrong(
        "PutVectors",
        "ValidationException",
        400,
        "Invalid record for key 'x': Filterable metadata must have at most 2048 bytes",
        put_one("x", [1, 2], text="t" * 2048),
    ),
    "keys twice": Wrong(
        "DeleteVectors",
        "ValidationException",
        400,
        "Request must not contain duplicate keys",
        {"keys": ["a", "a"]},
    ),
    "an empty filter": Wrong(
        "QueryVectors",
        "ValidationException",
        400,
        "Invalid filter",
        {**ORIGIN, "filter": {}},
        {"filter": "Invalid filter"},
    ),
    "a filter with two fields": Wrong(
        "QueryVectors",
        "ValidationException",
        400,
        "Invalid filter",
        {**ORIGIN, "filter": {"year": 1, "tags": "war"}},
        {"filter": "Invalid filter"},
    ),
    "a filter on a key that is not filterable": Wrong(
        "QueryVectors",
        "ValidationException",
        400,
        "Invalid use of non-filterable metadata in filter",
        {**ORIGIN, "filter": {"plot": "x"}},
    ),
    "name and ARN at once": Wrong(
        "GetIndex",
        "ValidationException",
        400,
        "Must specify either indexArn or both vectorBucketName and indexName",
        {
            "vectorBucketName": "bucket",
            "indexArn": "arn:aws:s3vectors:eu-central-1:123456789012:bucket/b-1/index/i-1",
        },
    ),
    "a bucket that is not empty": Wrong(
        "DeleteVectorBucket",
        "ConflictException",
        409,
        "The specified vector bucket is not empty",
        of_bucket=True,
    ),
    "a policy that is not there": Wrong(
        "GetVectorBucketPolicy",
        "NotFoundException",
        404,
        "The specified vector bucket policy could not be found",
        of_bucket=True,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_client_surfaces_code_status_message_and_fields(sdk: Sdk, home: Place, case: str) -> None:
    """As the exception class that it has for the code; the CLI tells code and message."""
    wrong = REFUSED[case]
    address = home.bucket_address if wrong.of_bucket else home.index_address
    refusal = refusal_of(sdk, wrong.operation, {**address, **wrong.members})
    expected = Refusal(wrong.code, wrong.message, wrong.status, wrong.fields)
    assert (refusal.code, refusal.message, refusal.is_typed) == (wrong.code, wrong.message, True)
    if sdk.name != "awscli":
        assert refusal.status == expected.status
        assert expected.fields.items() <= refusal.fields.items()


def test_nothing_of_a_refused_batch_is_stored(sdk: Sdk, home: Place) -> None:
    """One bad record refuses the request."""
    vectors = [{"key": "good", "data": {"float32": [1, 2]}}, *put_one("bad", [1])["vectors"]]
    assert (
        refusal_of(sdk, "PutVectors", {**home.index_address, "vectors": vectors}).code
        == "ValidationException"
    )
    assert sdk.call("GetVectors", {**home.index_address, "keys": ["good", "bad"]}) == {"vectors": []}


@pytest.mark.parametrize("operation", ["GetIndex", "DeleteIndex"])
def test_a_missing_index_is_not_found_even_where_the_bucket_is_missing(sdk: Sdk, operation: str) -> None:
    """On index-level calls the index is what could not be found."""
    refusal = refusal_of(sdk, operation, {"vectorBucketName": "never-made", "indexName": "never-made"})
    assert (refusal.code, refusal.message) == ("NotFoundException", "The specified index could not be found")


@pytest.mark.parametrize("sdk", [name for name in LACKING if name != "awscli"], indirect=True)
def test_a_batch_of_501_is_refused_by_the_service(sdk: Sdk, home: Place) -> None:
    """No client checks the number itself."""
    vectors = [{"key": str(number), "data": {"float32": [1, 2]}} for number in range(501)]
    refusal = refusal_of(sdk, "PutVectors", {**home.index_address, "vectors": vectors})
    assert (refusal.code, refusal.status) == ("ValidationException", 400)
    assert "500" in refusal.message
