"""Answers: status, headers and body of a success, held against the service model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vecgate.s3vectors.model import service_model
from vecgate.testing import sources
from vecgate.testing.raw import RawAnswer, RawClient
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeBucket, MakeIndex

from .requests import request_of

VECTORS = ["PutVectors", "GetVectors", "ListVectors", "DeleteVectors"]
INDEXES = ["CreateIndex", "GetIndex", "ListIndexes", "DeleteIndex"]
BUCKETS = ["CreateVectorBucket", "GetVectorBucket", "ListVectorBuckets", "DeleteVectorBucket"]
POLICIES = ["PutVectorBucketPolicy", "GetVectorBucketPolicy", "DeleteVectorBucketPolicy"]
TAGS = ["TagResource", "ListTagsForResource", "UntagResource"]
MODES = ["PutVectorBucketDefaultIndexMode", "UpdateIndexMode"]
#: What must have happened before an operation can succeed.
BEFORE = {
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


def answered(
    raw: RawClient,
    make_bucket: MakeBucket,
    new_name: Callable[[], str],
    make_index: MakeIndex,
    operation: str,
) -> RawAnswer:
    """The answer to a valid request of *operation*, made ready for."""
    index = make_index(make_bucket()) if operation in POLICIES + MODES else make_index()
    index.put(("k", [1.0, 0.5], {"n": 1, "texts": ["a", "b"]}))
    name = new_name() if operation in {"CreateVectorBucket", "DeleteVectorBucket"} else ""
    if operation in BEFORE:
        request_of(BEFORE[operation], index, spare_name=name).sent(raw)
    return request_of(operation, index, spare_name=name).sent(raw)


def strays(value: Any, shape: Any, path: str) -> Iterator[str]:
    """What of *value* the model does not know, or knows otherwise, a line each."""
    if getattr(shape, "is_document_type", False):
        return
    kind = shape.type_name
    if not isinstance(value, PYTHON_TYPES[kind]):
        yield f"{path} is no {kind}"
    elif kind == "structure":
        yield from (f"{path}.{name} is not in the model" for name in value.keys() - shape.members.keys())
        yield from (f"{path}.{name} is missing" for name in shape.required_members if name not in value)
        for name in value.keys() & shape.members.keys():
            yield from strays(value[name], shape.members[name], f"{path}.{name}")
    elif kind == "list":
        for number, each in enumerate(value):
            yield from strays(each, shape.member, f"{path}[{number}]")
    elif kind == "map":
        for name, each in value.items():
            yield from strays(each, shape.value, f"{path}.{name}")
    elif kind == "string" and shape.enum and value not in shape.enum:
        yield f"{path} is none of {', '.join(shape.enum)}"


def check(answer: RawAnswer, operation: str) -> None:
    shape = service_model().operation_model(operation).output_shape
    assert answer.status == 200
    if shape is None or not shape.members:
        assert answer.body == b"" or answer.json == {}
    else:
        assert list(strays(answer.json, shape, operation)) == []


@pytest.mark.parametrize("operation", [*BUCKETS, *INDEXES, *VECTORS])
@requirement("wire.modelled-members", level="must", evidence="model", source=sources.MODEL, needs="raw")
def test_a_success_is_as_modelled(
    raw: RawClient,
    make_bucket: MakeBucket,
    new_name: Callable[[], str],
    make_index: MakeIndex,
    operation: str,
) -> None:
    """A success has status 200 and every required member of the model, no other member, each of its type."""
    check(answered(raw, make_bucket, new_name, make_index, operation), operation)


@pytest.mark.parametrize("operation", ["QueryVectors"])
@requirement(
    "wire.modelled-members-of-queries",
    level="must",
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
    """A success of QueryVectors has the required members of the model, no other member, each of its type."""
    check(answered(raw, make_bucket, new_name, make_index, operation), operation)


@pytest.mark.parametrize("operation", POLICIES)
@requirement(
    "wire.modelled-members-of-policies",
    level="must",
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
    """A success of the operations on policies has the members of the model and no other."""
    check(answered(raw, make_bucket, new_name, make_index, operation), operation)


@pytest.mark.parametrize("operation", TAGS)
@requirement(
    "wire.modelled-members-of-tags", level="must", evidence="model", source=sources.MODEL, needs="raw tags"
)
def test_tags_are_answered_as_modelled(
    raw: RawClient,
    make_bucket: MakeBucket,
    new_name: Callable[[], str],
    make_index: MakeIndex,
    operation: str,
) -> None:
    """A success of the operations on tags has the members of the model and no other."""
    check(answered(raw, make_bucket, new_name, make_index, operation), operation)


@pytest.mark.parametrize("operation", MODES)
@requirement(
    "wire.modelled-members-of-modes", level="must", evidence="model", source=sources.MODEL, needs="raw modes"
)
def test_modes_are_answered_as_modelled(
    raw: RawClient,
    make_bucket: MakeBucket,
    new_name: Callable[[], str],
    make_index: MakeIndex,
    operation: str,
) -> None:
    """A success of the operations on modes has no member."""
    check(answered(raw, make_bucket, new_name, make_index, operation), operation)


@pytest.mark.parametrize("operation", ["UpdateMetadataConfiguration"])
@requirement(
    "wire.modelled-members-of-text", level="must", evidence="model", source=sources.MODEL, needs="raw text"
)
def test_text_search_is_answered_as_modelled(
    raw: RawClient,
    make_bucket: MakeBucket,
    new_name: Callable[[], str],
    make_index: MakeIndex,
    operation: str,
) -> None:
    """A success of UpdateMetadataConfiguration has the members of the model and no other."""
    check(answered(raw, make_bucket, new_name, make_index, operation), operation)


# Headers.


@requirement("wire.content-type", level="should", evidence="model", source=sources.REST_JSON, needs="raw")
def test_an_answer_is_json(raw: RawClient, make_index: MakeIndex) -> None:
    """A success with a body says that it is `application/json`."""
    answer = raw("/ListVectors", make_index().address)
    assert answer.headers["content-type"].split(";")[0] == "application/json"


@pytest.mark.parametrize("outcome", ["success", "refusal"])
@requirement("wire.request-id", level="should", evidence="model", source=sources.REST_JSON, needs="raw")
def test_an_answer_has_a_request_id(raw: RawClient, make_index: MakeIndex, outcome: str) -> None:
    """Every answer carries a request id where SDKs look for it, another one each time."""
    address = make_index().address
    body = address if outcome == "success" else {**address, "indexName": "vecgate-absent"}
    ids = [raw("/ListVectors", body).request_id for _ in range(2)]
    assert all(ids)
    assert ids[0] != ids[1]


@requirement("wire.request-id-of-boto3", level="should", evidence="model", source=sources.REST_JSON)
def test_boto3_finds_the_request_id(make_index: MakeIndex) -> None:
    """In ResponseMetadata of boto3 stands a RequestId: it is what support asks for."""
    assert make_index().call("ListVectors")["ResponseMetadata"]["RequestId"]


@requirement("wire.content-length", level="must", evidence="model", source=sources.REST_JSON, needs="raw")
def test_an_answer_tells_where_it_ends(raw: RawClient, make_index: MakeIndex) -> None:
    """An answer gives its length, or comes in chunks: a kept connection needs one of them."""
    answer = raw("/ListVectors", make_index().address)
    length = answer.headers.get("content-length")
    assert (length is None) == (answer.headers.get("transfer-encoding") == "chunked")
    assert length is None or int(length) == len(answer.body)


# Bodies.


def creation_time(raw: RawClient, operation: str, index: Index) -> Any:
    """What *operation* tells of *index* or of its bucket."""
    name = index.name if "Index" in operation else index.bucket
    listed = {"prefix": name} if operation.startswith("List") else {}
    answer = raw(f"/{operation}", {**request_of(operation, index).body, **listed}).json
    told = next(each for each in answer.values() if isinstance(each, dict | list))
    entries = told if isinstance(told, list) else [told]
    (entry,) = [each for each in entries if name in {each.get("indexName"), each.get("vectorBucketName")}]
    return entry["creationTime"]


def as_datetime(told: float | str) -> datetime:
    if isinstance(told, str):
        return datetime.fromisoformat(told)
    return datetime.fromtimestamp(told, tz=UTC)


@pytest.mark.parametrize("operation", ["GetIndex", "GetVectorBucket", "ListIndexes", "ListVectorBuckets"])
@requirement("wire.timestamps", level="must", evidence="model", source=sources.REST_JSON, needs="raw")
def test_a_timestamp_is_seconds_or_iso(raw: RawClient, make_index: MakeIndex, operation: str) -> None:
    """`creationTime` is a number of seconds since 1970, or ISO 8601: and then it is about now."""
    told = creation_time(raw, operation, make_index())
    assert abs(as_datetime(told) - datetime.now(UTC)) < timedelta(days=1)


@requirement(
    "wire.timestamps-in-seconds", level="should", evidence="model", source=sources.REST_JSON, needs="raw"
)
def test_a_timestamp_is_a_number(raw: RawClient, make_index: MakeIndex) -> None:
    """The protocol's default for a timestamp in a body is a number."""
    assert isinstance(creation_time(raw, "GetIndex", make_index()), int | float)


@requirement(
    "wire.timestamps-are-whole",
    level="should",
    evidence="recorded",
    source=sources.PROBE_CLASSIC,
    needs="raw",
)
def test_a_timestamp_is_a_whole_second(raw: RawClient, make_index: MakeIndex) -> None:
    """Times have no fraction."""
    assert as_datetime(creation_time(raw, "GetIndex", make_index())).microsecond == 0


@requirement("wire.timestamps-agree", level="must", evidence="model", source=sources.MODEL, needs="raw")
def test_lists_and_descriptions_give_the_same_time(raw: RawClient, make_index: MakeIndex) -> None:
    """ListIndexes and GetIndex tell the same creation time."""
    index = make_index()
    times = [as_datetime(creation_time(raw, name, index)) for name in ("GetIndex", "ListIndexes")]
    assert abs(times[0] - times[1]) < timedelta(seconds=1)


@requirement("wire.metadata-is-json", level="must", evidence="model", source=sources.MODEL, needs="raw")
def test_metadata_is_plain_json(raw: RawClient, make_index: MakeIndex) -> None:
    """Metadata comes as the JSON object that was written, not as text and without type tags."""
    index = make_index()
    index.put(("k", [1.0, 0.5], {"a": 1, "b": True, "c": ["x"], "d": "é"}))
    answer = raw("/GetVectors", {**index.address, "keys": ["k"], "returnMetadata": True})
    assert answer.json["vectors"] == [{"key": "k", "metadata": {"a": 1, "b": True, "c": ["x"], "d": "é"}}]


@requirement("wire.numbers-of-vectors", level="must", evidence="documented", source=sources.LIST, needs="raw")
def test_values_are_json_numbers(raw: RawClient, make_index: MakeIndex) -> None:
    """Values come as JSON numbers, from which a double, and so the float32, is read exactly."""
    index = make_index(metric="euclidean")
    index.put(("k", [0.1, 3.4028234663852886e38]))
    answer = raw("/GetVectors", {**index.address, "keys": ["k"], "returnData": True})
    assert answer.json["vectors"][0]["data"]["float32"] == [0.10000000149011612, 3.4028234663852886e38]


@requirement("wire.absent-members", level="should", evidence="model", source=sources.REST_JSON, needs="raw")
def test_what_is_absent_is_left_out(raw: RawClient, make_index: MakeIndex) -> None:
    """An absent member is left out, not written as null: the last page has no `nextToken` at all."""
    answer = raw("/ListVectors", make_index().address)
    assert re.search(rb":\s*null\b", answer.body) is None
    assert "nextToken" not in answer.json


@requirement("wire.utf-8", level="must", evidence="model", source=sources.REST_JSON, needs="raw")
def test_an_answer_is_utf_8(raw: RawClient, make_index: MakeIndex) -> None:
    """Text comes as UTF-8 or escaped, and means the same."""
    index = make_index()
    index.put(("clé-日本-😀", [1.0, 0.5]))
    answer = raw("/ListVectors", index.address)
    assert answer.body.decode("utf-8")
    assert answer.json["vectors"] == [{"key": "clé-日本-😀"}]
