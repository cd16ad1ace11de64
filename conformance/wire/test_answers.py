"""Successful answers: status, headers and body, compared with the service model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.raw_client import RawAnswer, RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeBucket, MakeIndex
from vecgate.s3vectors.model import service_model

from .wire_requests import request_of

VECTORS = ["PutVectors", "GetVectors", "ListVectors", "DeleteVectors"]
INDEXES = ["CreateIndex", "GetIndex", "ListIndexes", "DeleteIndex"]
BUCKETS = ["CreateVectorBucket", "GetVectorBucket", "ListVectorBuckets", "DeleteVectorBucket"]
POLICIES = ["PutVectorBucketPolicy", "GetVectorBucketPolicy", "DeleteVectorBucketPolicy"]
TAGS = ["TagResource", "ListTagsForResource", "UntagResource"]
MODES = ["PutVectorBucketDefaultIndexMode", "UpdateIndexMode"]
#: The operation that must succeed before another one can.
PREREQUISITES = {
    "GetVectorBucketPolicy": "PutVectorBucketPolicy",
    "DeleteVectorBucketPolicy": "PutVectorBucketPolicy",
    "ListTagsForResource": "TagResource",
    "UntagResource": "TagResource",
    "DeleteVectorBucket": "CreateVectorBucket",
}

PYTHON_TYPES: dict[str, Any] = {
    "string": (str,),
    "integer": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (int, float, str),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}


def valid_answer(
    raw: RawClient,
    make_bucket: MakeBucket,
    new_name: Callable[[], str],
    make_index: MakeIndex,
    operation: str,
) -> RawAnswer:
    """Return the answer to a valid request to *operation*, after its prerequisites."""
    index = make_index(make_bucket()) if operation in POLICIES + MODES else make_index()
    index.put(("k", [1.0, 0.5], {"n": 1, "texts": ["a", "b"]}))
    name = new_name() if operation in {"CreateVectorBucket", "DeleteVectorBucket"} else ""
    if operation in PREREQUISITES:
        request_of(PREREQUISITES[operation], index, new_bucket=name).send(raw)
    return request_of(operation, index, new_bucket=name).send(raw)


def differences_from_model(value: Any, shape: Any, path: str) -> Iterator[str]:
    """Yield one line for each difference between *value* and *shape*."""
    if getattr(shape, "is_document_type", False):
        return
    kind = shape.type_name
    if not isinstance(value, PYTHON_TYPES[kind]):
        yield f"{path} is not a {kind}"
    elif kind == "structure":
        yield from (f"{path}.{name} is not in the model" for name in value.keys() - shape.members.keys())
        yield from (f"{path}.{name} is missing" for name in shape.required_members if name not in value)
        for name in value.keys() & shape.members.keys():
            yield from differences_from_model(value[name], shape.members[name], f"{path}.{name}")
    elif kind == "list":
        for number, each in enumerate(value):
            yield from differences_from_model(each, shape.member, f"{path}[{number}]")
    elif kind == "map":
        for name, each in value.items():
            yield from differences_from_model(each, shape.value, f"{path}.{name}")
    elif kind == "string" and shape.enum and value not in shape.enum:
        yield f"{path} is not one of {', '.join(shape.enum)}"


def assert_as_modelled(answer: RawAnswer, operation: str) -> None:
    shape = service_model().operation_model(operation).output_shape
    assert answer.status == 200
    if shape is None or not shape.members:
        assert answer.body == b"" or answer.json == {}
    else:
        assert list(differences_from_model(answer.json, shape, operation)) == []


@pytest.mark.parametrize("operation", [*BUCKETS, *INDEXES, *VECTORS])
@requirement("wire.modelled-members", kind="effect", evidence="model", source=sources.MODEL, needs="raw")
def test_a_success_is_as_modelled(
    raw: RawClient,
    make_bucket: MakeBucket,
    new_name: Callable[[], str],
    make_index: MakeIndex,
    operation: str,
) -> None:
    """A success has status 200, all required members of the model, and no other members or types."""
    assert_as_modelled(valid_answer(raw, make_bucket, new_name, make_index, operation), operation)


@pytest.mark.parametrize("operation", ["QueryVectors"])
@requirement(
    "wire.modelled-members-of-queries",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw query",
)
def test_a_query_is_answered_as_modelled(
    raw: RawClient,
    make_bucket: MakeBucket,
    new_name: Callable[[], str],
    make_index: MakeIndex,
    operation: str,
) -> None:
    """A success of QueryVectors has all required members of the model, and no other members or types."""
    assert_as_modelled(valid_answer(raw, make_bucket, new_name, make_index, operation), operation)


@pytest.mark.parametrize("operation", POLICIES)
@requirement(
    "wire.modelled-members-of-policies",
    kind="effect",
    evidence="model",
    source=sources.MODEL,
    needs="raw policies",
)
def test_policies_are_answered_as_modelled(
    raw: RawClient,
    make_bucket: MakeBucket,
    new_name: Callable[[], str],
    make_index: MakeIndex,
    operation: str,
) -> None:
    """A success of a policy operation has exactly the members of the model."""
    assert_as_modelled(valid_answer(raw, make_bucket, new_name, make_index, operation), operation)


@pytest.mark.parametrize("operation", TAGS)
@requirement(
    "wire.modelled-members-of-tags", kind="effect", evidence="model", source=sources.MODEL, needs="raw tags"
)
def test_tags_are_answered_as_modelled(
    raw: RawClient,
    make_bucket: MakeBucket,
    new_name: Callable[[], str],
    make_index: MakeIndex,
    operation: str,
) -> None:
    """A success of a tag operation has exactly the members of the model."""
    assert_as_modelled(valid_answer(raw, make_bucket, new_name, make_index, operation), operation)


@pytest.mark.parametrize("operation", MODES)
@requirement(
    "wire.modelled-members-of-modes", kind="effect", evidence="model", source=sources.MODEL, needs="raw modes"
)
def test_modes_are_answered_as_modelled(
    raw: RawClient,
    make_bucket: MakeBucket,
    new_name: Callable[[], str],
    make_index: MakeIndex,
    operation: str,
) -> None:
    """A success of a mode operation has no members."""
    assert_as_modelled(valid_answer(raw, make_bucket, new_name, make_index, operation), operation)


@pytest.mark.parametrize("operation", ["UpdateMetadataConfiguration"])
@requirement(
    "wire.modelled-members-of-text", kind="effect", evidence="model", source=sources.MODEL, needs="raw text"
)
def test_text_search_is_answered_as_modelled(
    raw: RawClient,
    make_bucket: MakeBucket,
    new_name: Callable[[], str],
    make_index: MakeIndex,
    operation: str,
) -> None:
    """A success of UpdateMetadataConfiguration has exactly the members of the model."""
    assert_as_modelled(valid_answer(raw, make_bucket, new_name, make_index, operation), operation)


# Headers.


@requirement("wire.content-type", kind="detail", evidence="model", source=sources.REST_JSON, needs="raw")
def test_an_answer_is_json(raw: RawClient, make_index: MakeIndex) -> None:
    """A success with a body has the content type `application/json`."""
    answer = raw("/ListVectors", make_index().address)
    assert answer.headers["content-type"].split(";")[0] == "application/json"


@pytest.mark.parametrize("outcome", ["success", "refusal"])
@requirement("wire.request-id", kind="detail", evidence="model", source=sources.REST_JSON, needs="raw")
def test_an_answer_has_a_request_id(raw: RawClient, make_index: MakeIndex, outcome: str) -> None:
    """Every answer has a new request id where SDKs look for it."""
    address = make_index().address
    body = address if outcome == "success" else {**address, "indexName": "vecgate-absent"}
    ids = [raw("/ListVectors", body).request_id for _ in range(2)]
    assert all(ids)
    assert ids[0] != ids[1]


@requirement("wire.request-id-of-boto3", kind="detail", evidence="model", source=sources.REST_JSON)
def test_boto3_finds_the_request_id(make_index: MakeIndex) -> None:
    """ResponseMetadata of boto3 contains a RequestId, which AWS support needs."""
    assert make_index().call("ListVectors")["ResponseMetadata"]["RequestId"]


@requirement("wire.content-length", kind="effect", evidence="model", source=sources.REST_JSON, needs="raw")
def test_an_answer_has_a_length_or_is_chunked(raw: RawClient, make_index: MakeIndex) -> None:
    """An answer has a content length or is chunked, as persistent connections require."""
    answer = raw("/ListVectors", make_index().address)
    length = answer.headers.get("content-length")
    assert (length is None) == (answer.headers.get("transfer-encoding") == "chunked")
    assert length is None or int(length) == len(answer.body)


# Bodies.


def creation_time(raw: RawClient, operation: str, index: IndexHandle) -> Any:
    """Return the creationTime of *index* or of its bucket in the answer to *operation*."""
    name = index.name if "Index" in operation else index.bucket
    members = {"prefix": name} if operation.startswith("List") else {}
    answer = raw(f"/{operation}", {**request_of(operation, index).body, **members}).json
    described = next(each for each in answer.values() if isinstance(each, dict | list))
    entries = described if isinstance(described, list) else [described]
    (entry,) = [each for each in entries if name in {each.get("indexName"), each.get("vectorBucketName")}]
    return entry["creationTime"]


def as_datetime(timestamp: float | str) -> datetime:
    if isinstance(timestamp, str):
        return datetime.fromisoformat(timestamp)
    return datetime.fromtimestamp(timestamp, tz=UTC)


@pytest.mark.parametrize("operation", ["GetIndex", "GetVectorBucket", "ListIndexes", "ListVectorBuckets"])
@requirement("wire.timestamps", kind="effect", evidence="model", source=sources.REST_JSON, needs="raw")
def test_a_timestamp_is_seconds_or_iso(raw: RawClient, make_index: MakeIndex, operation: str) -> None:
    """A creationTime is a number of seconds since 1970 or an ISO 8601 text, and close to the current time."""
    timestamp = creation_time(raw, operation, make_index())
    assert abs(as_datetime(timestamp) - datetime.now(UTC)) < timedelta(days=1)


@requirement(
    "wire.timestamps-in-seconds", kind="detail", evidence="model", source=sources.REST_JSON, needs="raw"
)
def test_a_timestamp_is_a_number(raw: RawClient, make_index: MakeIndex) -> None:
    """A timestamp in a body is a number, which is the default of the protocol."""
    assert isinstance(creation_time(raw, "GetIndex", make_index()), int | float)


@requirement(
    "wire.timestamps-are-whole",
    kind="detail",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    needs="raw",
)
def test_a_timestamp_is_a_whole_second(raw: RawClient, make_index: MakeIndex) -> None:
    """Timestamps have no fraction."""
    assert as_datetime(creation_time(raw, "GetIndex", make_index())).microsecond == 0


@requirement("wire.timestamps-agree", kind="effect", evidence="model", source=sources.MODEL, needs="raw")
def test_lists_and_descriptions_give_the_same_time(raw: RawClient, make_index: MakeIndex) -> None:
    """ListIndexes and GetIndex return the same creationTime."""
    index = make_index()
    times = [as_datetime(creation_time(raw, name, index)) for name in ("GetIndex", "ListIndexes")]
    assert abs(times[0] - times[1]) < timedelta(seconds=1)


@requirement("wire.metadata-is-json", kind="effect", evidence="model", source=sources.MODEL, needs="raw")
def test_metadata_is_plain_json(raw: RawClient, make_index: MakeIndex) -> None:
    """Metadata is returned as the JSON object that was written, not as text and without type tags."""
    index = make_index()
    index.put(("k", [1.0, 0.5], {"a": 1, "b": True, "c": ["x"], "d": "é"}))
    answer = raw("/GetVectors", {**index.address, "keys": ["k"], "returnMetadata": True})
    assert answer.members["vectors"] == [{"key": "k", "metadata": {"a": 1, "b": True, "c": ["x"], "d": "é"}}]


@requirement(
    "wire.numbers-of-vectors", kind="effect", evidence="documented", source=sources.LIST, needs="raw"
)
def test_values_are_json_numbers(raw: RawClient, make_index: MakeIndex) -> None:
    """Values are JSON numbers from which the exact float32 can be read."""
    index = make_index(metric="euclidean")
    index.put(("k", [0.1, 3.4028234663852886e38]))
    answer = raw("/GetVectors", {**index.address, "keys": ["k"], "returnData": True})
    values = answer.members["vectors"][0]["data"]["float32"]
    assert [type(value) for value in values] == [float, float]
    assert np.array(values, dtype=np.float32).tolist() == [0.10000000149011612, 3.4028234663852886e38]


@requirement("wire.absent-members", kind="detail", evidence="model", source=sources.REST_JSON, needs="raw")
def test_absent_members_are_omitted(raw: RawClient, make_index: MakeIndex) -> None:
    """An absent member is omitted, not null: the last page has no `nextToken`."""
    answer = raw("/ListVectors", make_index().address)
    assert re.search(rb":\s*null\b", answer.body) is None
    assert "nextToken" not in answer.json


@requirement("wire.utf-8", kind="effect", evidence="model", source=sources.REST_JSON, needs="raw")
def test_an_answer_is_utf_8(raw: RawClient, make_index: MakeIndex) -> None:
    """Text is UTF-8 or escaped, with the same meaning."""
    index = make_index()
    index.put(("clé-日本-😀", [1.0, 0.5]))
    answer = raw("/ListVectors", index.address)
    assert answer.body.decode("utf-8")
    assert answer.members["vectors"] == [{"key": "clé-日本-😀"}]
