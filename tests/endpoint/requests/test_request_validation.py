from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from botocore.loaders import Loader

from vecgate.endpoint.requests.messages import ApiError
from vecgate.endpoint.requests.request_validation import check_input, deserialize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.endpoint.conftest import Service

MODEL = Loader().load_service_model("s3vectors", "service-2")
SHAPES: dict[str, dict[str, Any]] = MODEL["shapes"]
BUCKET_ARN = "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket"
KMS_ARN = "arn:aws:kms:us-east-1:111122223333:key/1234"
BY_NAME = {"vectorBucketName": "bucket", "indexName": "index", "indexArn": f"{BUCKET_ARN}/index/index"}
BUCKET = {"vectorBucketName": "bucket", "vectorBucketArn": BUCKET_ARN}
ENCRYPTION = {"sseType": "aws:kms", "kmsKeyArn": KMS_ARN}
VECTOR = {"key": "k", "data": {"float32": [1.0, 2.0]}, "metadata": {"a": 1}}

#: A request of each operation with all members of the model, within its bounds.
REQUESTS: dict[str, dict[str, Any]] = {
    "CreateVectorBucket": {
        "vectorBucketName": "bucket",
        "encryptionConfiguration": ENCRYPTION,
        "tags": {"team": "search"},
    },
    "GetVectorBucket": BUCKET,
    "DeleteVectorBucket": BUCKET,
    "ListVectorBuckets": {"maxResults": 1, "nextToken": "t", "prefix": "p"},
    "CreateIndex": {
        **BUCKET,
        "indexName": "index",
        "dataType": "float32",
        "dimension": 2,
        "distanceMetric": "cosine",
        "metadataConfiguration": {
            "nonFilterableMetadataKeys": ["text"],
            "textSearchConfigurations": [{"metadataKey": "text", "language": "en", "status": "ACTIVE"}],
        },
        "encryptionConfiguration": ENCRYPTION,
        "tags": {"team": "search"},
    },
    "GetIndex": BY_NAME,
    "DeleteIndex": BY_NAME,
    "ListIndexes": {**BUCKET, "maxResults": 1, "nextToken": "t", "prefix": "p"},
    "PutVectors": {**BY_NAME, "vectors": [VECTOR]},
    "GetVectors": {**BY_NAME, "keys": ["k"], "returnData": True, "returnMetadata": True},
    "DeleteVectors": {**BY_NAME, "keys": ["k"]},
    "ListVectors": {
        **BY_NAME,
        "maxResults": 1,
        "nextToken": "t",
        "segmentCount": 2,
        "segmentIndex": 0,
        "returnData": True,
        "returnMetadata": True,
    },
    "QueryVectors": {
        **BY_NAME,
        "topK": 1,
        "queryVector": {"float32": [1.0, 2.0]},
        "filter": {"a": 1},
        "queryMode": "ENHANCED",
        "returnMetadata": True,
        "returnDistance": True,
        "queryTexts": [{"text": "t", "metadataKey": "text"}],
        "returnScores": True,
        "nextToken": "t",
    },
}

REQUESTS |= {
    "PutVectorBucketPolicy": {**BUCKET, "policy": "{}"},
    "GetVectorBucketPolicy": BUCKET,
    "DeleteVectorBucketPolicy": BUCKET,
    "PutVectorBucketDefaultIndexMode": {**BUCKET, "defaultIndexMode": "ENHANCED"},
    "UpdateIndexMode": {**BY_NAME, "indexMode": "ENHANCED"},
    "UpdateMetadataConfiguration": {
        **BY_NAME,
        "add": {"textSearchConfigurations": [{"metadataKey": "text", "language": "en", "status": "ACTIVE"}]},
        "delete": {"textSearchConfigurations": [{"metadataKey": "text"}]},
    },
    "ListTagsForResource": {"resourceArn": BUCKET_ARN},
    "TagResource": {"resourceArn": BUCKET_ARN, "tags": {"team": "search"}},
    "UntagResource": {"resourceArn": BUCKET_ARN, "tagKeys": ["team"]},
}


def test_there_is_a_request_of_every_operation() -> None:
    """A newer model needs a new request here."""
    assert REQUESTS.keys() == MODEL["operations"].keys()


#: Members outside the body are always text, and those in the path are always present.
OUTSIDE = {"resourceArn", "tagKeys"}

Path = tuple[str | int, ...]


def iter_members(shape_name: str, value: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield every member inside *value* with its path and its shape."""
    shape = SHAPES[shape_name]
    yield path, shape
    if shape["type"] == "structure" and not shape.get("document"):
        for name, inner in value.items():
            yield from iter_members(shape["members"][name]["shape"], inner, (*path, name))
    elif shape["type"] == "list":
        yield from iter_members(shape["member"]["shape"], value[0], (*path, 0))
    elif shape["type"] == "map":
        for name, inner in value.items():
            yield from iter_members(shape["value"]["shape"], inner, (*path, name))


def replace_at(request: dict[str, Any], path: Path, value: object) -> dict[str, Any]:
    """Return *request* with another *value* at *path*."""
    request = copy.deepcopy(request)
    container: Any = request
    for step in path[:-1]:
        container = container[step]
    container[path[-1]] = value
    return request


def value_of_size(path: Path, request: dict[str, Any], shape: dict[str, Any], size: int) -> object:
    """Return a value of *shape* whose length or number is *size*."""
    if shape["type"] == "integer":
        return size
    if shape["type"] == "string":
        return "a" * size
    container: Any = request
    for step in path:
        container = container[step]
    return [container[0]] * size


def describe_bound(shape: dict[str, Any]) -> str:
    verb = "be" if shape["type"] == "integer" else "have length"
    low, high = shape.get("min"), shape.get("max")
    if high is None:
        return f"{verb} greater than or equal to {low}"
    return f"{verb} between {low} and {high}, inclusive"


BOUNDS = [
    pytest.param(operation, path, shape, size, allowed, id=f"{operation}-{'/'.join(map(str, path))}-{size}")
    for operation, request in REQUESTS.items()
    for path, shape in iter_members(MODEL["operations"][operation]["input"]["shape"], request)
    for size, allowed in [
        *([(shape["min"] - 1, False), (shape["min"], True)] if shape.get("min", 0) > 0 else []),
        *([(shape["max"], True), (shape["max"] + 1, False)] if "max" in shape else []),
    ]
]


@pytest.mark.parametrize(("operation", "path", "shape", "size", "allowed"), BOUNDS)
def test_every_bound_of_the_model_is_enforced(
    service: Service, operation: str, path: Path, shape: dict[str, Any], size: int, *, allowed: bool
) -> None:
    """For values below, at and above each bound of each member of each operation."""
    request = replace_at(REQUESTS[operation], path, value_of_size(path, REQUESTS[operation], shape, size))
    response = service.send(operation, request)
    text = f"Member must {describe_bound(shape)}"
    violation = f"at '/{'/'.join(map(str, path))}' failed to satisfy constraint: {text}"
    assert (violation in orjson.loads(response.body).get("message", "")) is not allowed
    if not allowed:
        assert (response.status, response.error) == (400, "ValidationException")


REQUIRED = [
    (operation, name)
    for operation in REQUESTS
    for name in SHAPES[MODEL["operations"][operation]["input"]["shape"]].get("required", ())
    if name != "resourceArn"
]


@pytest.mark.parametrize(("operation", "name"), REQUIRED)
def test_every_missing_required_member_is_reported(service: Service, operation: str, name: str) -> None:
    """The text is inferred."""
    request = {key: value for key, value in REQUESTS[operation].items() if key != name}
    error = service.error(operation, **request)
    text = f"Value at '/{name}' failed to satisfy constraint: Member must not be null"
    assert (error.status, error.code) == (400, "ValidationException")
    assert text in error.message


ENUMS = [
    pytest.param(operation, path, shape["enum"], id=f"{operation}-{'/'.join(map(str, path))}")
    for operation, request in REQUESTS.items()
    for path, shape in iter_members(MODEL["operations"][operation]["input"]["shape"], request)
    if "enum" in shape
]


@pytest.mark.parametrize(("operation", "path", "words"), ENUMS)
def test_the_error_for_an_enum_lists_its_values(
    service: Service, operation: str, path: Path, words: list[str]
) -> None:
    error = service.error(operation, **replace_at(REQUESTS[operation], path, "what"))
    violation = f"Value at '/{'/'.join(map(str, path))}' failed to satisfy constraint: "
    assert f"{violation}Member must satisfy enum value set: [{', '.join(words)}]" in error.message


WRONG: dict[str, list[Any]] = {
    "string": [1, True, ["a"], {"a": "b"}, 1.5],
    "integer": ["1", True, 1.5, [1], {}],
    "boolean": [1, "true", [True], {}],
    "float": [True, "1.5", "nan", [1.0], {}],
    "list": [{}, "a", 1, True],
    "map": [[], "a", 1, True],
    "structure": [[], "a", 1, True],
}
TYPES = [
    pytest.param(operation, path, wrong, id=f"{operation}-{'/'.join(map(str, path))}-{wrong}")
    for operation, request in REQUESTS.items()
    for path, shape in iter_members(MODEL["operations"][operation]["input"]["shape"], request)
    if path and path[0] not in OUTSIDE and not shape.get("document")
    for wrong in WRONG[shape["type"]]
]


@pytest.mark.parametrize(("operation", "path", "wrong"), TYPES)
def test_every_wrong_type_is_a_serialization_error(
    service: Service, operation: str, path: Path, wrong: object
) -> None:
    """The deserializer refuses a wrong type before any constraint is checked."""
    error = service.error(operation, **replace_at(REQUESTS[operation], path, wrong))
    assert (error.status, error.code) == (400, "SerializationException")


@pytest.mark.parametrize("data", [{}, {"float64": [1.0]}, {"float32": None}])
def test_a_union_has_exactly_one_member(service: Service, data: object) -> None:
    """Vector data without a known member is invalid."""
    address = service.index()
    record = {"key": "k", "data": data}
    assert service.error("PutVectors", **address, vectors=[record]).code == "SerializationException"


LITERAL: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "CreateVectorBucket",
        {"vectorBucketName": "ab"},
        ["with length 2 at '/vectorBucketName'", "have length between 3 and 63, inclusive"],
    ),
    (
        "CreateIndex",
        {**REQUESTS["CreateIndex"], "dataType": "int"},
        ["at '/dataType'", "satisfy enum value set: [float32]"],
    ),
    (
        "CreateIndex",
        {**REQUESTS["CreateIndex"], "dimension": 99_999},
        ["at '/dimension'", "be between 1 and 4096, inclusive"],
    ),
    (
        "CreateIndex",
        {**REQUESTS["CreateIndex"], "distanceMetric": "what"},
        ["at '/distanceMetric'", "satisfy enum value set: [euclidean, cosine]"],
    ),
    (
        "PutVectors",
        {**REQUESTS["PutVectors"], "vectors": [{**VECTOR, "key": "k" * 1025}]},
        ["with length 1025 at '/vectors/0/key'", "have length between 1 and 1024, inclusive"],
    ),
    (
        "ListVectors",
        {**REQUESTS["ListVectors"], "maxResults": 1001},
        ["at '/maxResults'", "be between 1 and 1000, inclusive"],
    ),
    (
        "QueryVectors",
        {**BY_NAME, "topK": 10_001},
        ["at '/topK'", "be between 1 and 10000, inclusive"],
    ),
]


@pytest.mark.parametrize(("operation", "members_", "words"), LITERAL)
def test_a_violated_constraint_has_the_message_of_the_service(
    service: Service, operation: str, members_: dict[str, Any], words: list[str]
) -> None:
    """The message is repeated in the field list."""
    error = service.error(operation, **members_)
    text = (
        f"1 validation error detected. Value {words[0]} failed to satisfy constraint: Member must {words[1]}"
    )
    assert (error.status, error.code, error.message) == (400, "ValidationException", text)
    assert error.paths == (words[0].rpartition("at ")[2].strip("'"),)


def test_several_violated_constraints_are_reported_together(service: Service) -> None:
    """They are counted and joined; a tag's key is at `/tags`, its value at `/tags/<key>`."""
    error = service.error("CreateVectorBucket", vectorBucketName="bucket", tags={"a&b": "x", "team": "a&b"})
    rule = r"Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"
    assert error.message == (
        f"2 validation errors detected. Value at '/tags' failed to satisfy constraint: {rule}; "
        f"Value at '/tags/team' failed to satisfy constraint: {rule}"
    )
    assert error.paths == ("/tags", "/tags/team")


def test_an_arn_must_match_the_pattern(service: Service) -> None:
    """The pattern is that of the model."""
    message = service.error("GetVectorBucket", vectorBucketArn="arn:aws:s3:::bucket").message
    assert message.endswith(
        f"Member must satisfy regular expression pattern: ^{SHAPES['VectorBucketArn']['pattern']}$"
    )


@pytest.mark.parametrize(("value", "read"), [(1, 1.0), (1.5, 1.5), ("Infinity", float("inf"))])
def test_a_single_float_is_deserialized_like_those_in_lists(value: object, read: float) -> None:
    """No operation has such a member yet; a newer model may."""
    assert deserialize({"type": "float"}, value) == read


def test_the_address_of_a_put_is_checked_with_every_reader(service: Service) -> None:
    """Fast readers have the same constraints as the reference."""
    error = service.error("PutVectors", indexArn="arn:nope", vectors=[VECTOR])
    assert error.paths == ("/indexArn",)
    assert service.error("PutVectors", vectorBucketName="b", indexName="i", vectors=[VECTOR]).paths == (
        "/vectorBucketName",
        "/indexName",
    )


def test_tags_may_have_letters_of_any_script(service: Service) -> None:
    """The pattern has Unicode letters, separators and numbers, and a few signs."""
    service("CreateVectorBucket", vectorBucketName="bucket", tags={"größe 大": "½ _.:/=+-@", "empty": ""})


# --- extent ---


@pytest.mark.parametrize(
    ("operation", "members", "path", "high"),
    [
        ("GetVectors", {"keys": [""] * 1_000_000}, "/keys", 100),
        ("DeleteVectors", {"keys": [1] * 1_000_000}, "/keys", 500),
        ("PutVectors", {"vectors": [{}] * 1_000_000}, "/vectors", 500),
        ("QueryVectors", {"topK": 1, "queryTexts": [None] * 1_000_000}, "/queryTexts", 10),
        (
            "CreateIndex",
            {"metadataConfiguration": {"nonFilterableMetadataKeys": [""] * 1_000_000}},
            "/metadataConfiguration/nonFilterableMetadataKeys",
            10,
        ),
    ],
)
def test_the_length_of_a_list_is_checked_before_its_content(
    operation: str, members: dict[str, Any], path: str, high: int
) -> None:
    """It is then the only error."""
    began_s = time.process_time()
    with pytest.raises(
        ApiError, match=r"^1 validation error detected\. Value with length 1000000 at"
    ) as refused:
        check_input(operation, members)
    assert [field.path for field in refused.value.fields] == [path]
    assert refused.value.message.endswith(f" and {high}, inclusive")
    assert time.process_time() - began_s < 0.5


@pytest.mark.parametrize(
    ("wrong", "count"), [(19, "19"), (20, "20"), (21, "More than 20"), (100, "More than 20")]
)
def test_at_most_20_violations_are_reported(wrong: int, count: str) -> None:
    """An answer is not much larger than its request."""
    with pytest.raises(ApiError, match=f"^{count} validation errors detected. ") as refused:
        check_input("GetVectors", {"keys": [""] * wrong})
    assert len(refused.value.fields) == min(wrong, 20)
    assert refused.value.message.count("/keys/") == min(wrong, 20)


def test_a_long_key_is_shown_in_part() -> None:
    """Tags have no limit of their number, and their keys are part of the path."""
    tags = {f"{number}" + "!" * 100_000: "" for number in range(100)}
    with pytest.raises(ApiError) as refused:
        check_input(
            "TagResource", {"resourceArn": "arn:aws:s3vectors:us-east-1:000000000000:bucket/b", "tags": tags}
        )
    assert len(refused.value.response("id").body) < 40_000
