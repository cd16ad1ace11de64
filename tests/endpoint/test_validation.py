from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from botocore.loaders import Loader

from vecgate.endpoint.validation import deserialised

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

#: Each operation with every member that the model gives it, within the model's bounds.
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


def test_the_tables_below_are_of_every_operation() -> None:
    """A newer model needs a request here too."""
    assert REQUESTS.keys() == MODEL["operations"].keys()


#: What is not in a body has no type but text, and is never missing where it is in the path.
OUTSIDE = {"resourceArn", "tagKeys"}

Path = tuple[str | int, ...]


def members(shape_name: str, value: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every member inside *value*, with the shape that the model gives it."""
    shape = SHAPES[shape_name]
    yield path, shape
    if shape["type"] == "structure" and not shape.get("document"):
        for name, inner in value.items():
            yield from members(shape["members"][name]["shape"], inner, (*path, name))
    elif shape["type"] == "list":
        yield from members(shape["member"]["shape"], value[0], (*path, 0))
    elif shape["type"] == "map":
        for name, inner in value.items():
            yield from members(shape["value"]["shape"], inner, (*path, name))


def changed(request: dict[str, Any], path: Path, value: object) -> dict[str, Any]:
    """*request* with another *value* at *path*."""
    request = copy.deepcopy(request)
    place: Any = request
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return request


def sized(path: Path, request: dict[str, Any], shape: dict[str, Any], size: int) -> object:
    """A value of *shape* whose length or number is *size*."""
    if shape["type"] == "integer":
        return size
    if shape["type"] == "string":
        return "a" * size
    place: Any = request
    for step in path:
        place = place[step]
    return [place[0]] * size


def rule_of(shape: dict[str, Any]) -> str:
    verb = "be" if shape["type"] == "integer" else "have length"
    low, high = shape.get("min"), shape.get("max")
    if high is None:
        return f"{verb} greater than or equal to {low}"
    return f"{verb} between {low} and {high}, inclusive"


BOUNDS = [
    pytest.param(operation, path, shape, size, allowed, id=f"{operation}-{'/'.join(map(str, path))}-{size}")
    for operation, request in REQUESTS.items()
    for path, shape in members(MODEL["operations"][operation]["input"]["shape"], request)
    for size, allowed in [
        *([(shape["min"] - 1, False), (shape["min"], True)] if shape.get("min", 0) > 0 else []),
        *([(shape["max"], True), (shape["max"] + 1, False)] if "max" in shape else []),
    ]
]


@pytest.mark.parametrize(("operation", "path", "shape", "size", "allowed"), BOUNDS)
def test_every_bound_of_the_model_holds_at_the_bound_and_not_beyond(
    service: Service, operation: str, path: Path, shape: dict[str, Any], size: int, *, allowed: bool
) -> None:
    """Below, at and above each bound of each member of each operation."""
    request = changed(REQUESTS[operation], path, sized(path, REQUESTS[operation], shape, size))
    answer = service.asked(operation, request)
    text = f"Member must {rule_of(shape)}"
    place = f"at '/{'/'.join(map(str, path))}' failed to satisfy constraint: {text}"
    assert (place in orjson.loads(answer.body).get("message", "")) is not allowed
    if not allowed:
        assert (answer.status, answer.error) == (400, "ValidationException")


REQUIRED = [
    (operation, name)
    for operation in REQUESTS
    for name in SHAPES[MODEL["operations"][operation]["input"]["shape"]].get("required", ())
    if name != "resourceArn"
]


@pytest.mark.parametrize(("operation", "name"), REQUIRED)
def test_every_required_member_is_missed(service: Service, operation: str, name: str) -> None:
    """Without a required member there is no request. The text is inferred."""
    request = {key: value for key, value in REQUESTS[operation].items() if key != name}
    refusal = service.refusal(operation, **request)
    text = f"Value at '/{name}' failed to satisfy constraint: Member must not be null"
    assert (refusal.status, refusal.code) == (400, "ValidationException")
    assert text in refusal.message


ENUMS = [
    pytest.param(operation, path, shape["enum"], id=f"{operation}-{'/'.join(map(str, path))}")
    for operation, request in REQUESTS.items()
    for path, shape in members(MODEL["operations"][operation]["input"]["shape"], request)
    if "enum" in shape
]


@pytest.mark.parametrize(("operation", "path", "words"), ENUMS)
def test_every_enum_names_what_it_allows(
    service: Service, operation: str, path: Path, words: list[str]
) -> None:
    """A word outside an enum is answered with the words inside it."""
    refusal = service.refusal(operation, **changed(REQUESTS[operation], path, "what"))
    place = f"Value at '/{'/'.join(map(str, path))}' failed to satisfy constraint: "
    assert f"{place}Member must satisfy enum value set: [{', '.join(words)}]" in refusal.message


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
    for path, shape in members(MODEL["operations"][operation]["input"]["shape"], request)
    if path and path[0] not in OUTSIDE and not shape.get("document")
    for wrong in WRONG[shape["type"]]
]


@pytest.mark.parametrize(("operation", "path", "wrong"), TYPES)
def test_every_wrong_type_is_a_serialization_error(
    service: Service, operation: str, path: Path, wrong: object
) -> None:
    """The deserialiser refuses a member of the wrong type before any rule is looked at."""
    refusal = service.refusal(operation, **changed(REQUESTS[operation], path, wrong))
    assert (refusal.status, refusal.code) == (400, "SerializationException")


@pytest.mark.parametrize("data", [{}, {"float64": [1.0]}, {"float32": None}])
def test_a_union_has_exactly_one_member(service: Service, data: object) -> None:
    """Vector data without a form that the model knows is no vector data."""
    address = service.index()
    record = {"key": "k", "data": data}
    assert service.refusal("PutVectors", **address, vectors=[record]).code == "SerializationException"


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
def test_a_broken_constraint_is_told_in_the_services_words(
    service: Service, operation: str, members_: dict[str, Any], words: list[str]
) -> None:
    """To the letter, and once more in the field list."""
    refusal = service.refusal(operation, **members_)
    text = (
        f"1 validation error detected. Value {words[0]} failed to satisfy constraint: Member must {words[1]}"
    )
    assert (refusal.status, refusal.code, refusal.message) == (400, "ValidationException", text)
    assert refusal.paths == (words[0].rpartition("at ")[2].strip("'"),)


def test_several_broken_constraints_are_told_together(service: Service) -> None:
    """Counted and joined; a tag's key is at `/tags`, its value at `/tags/<key>`."""
    refusal = service.refusal(
        "CreateVectorBucket", vectorBucketName="bucket", tags={"a&b": "x", "team": "a&b"}
    )
    rule = r"Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"
    assert refusal.message == (
        f"2 validation errors detected. Value at '/tags' failed to satisfy constraint: {rule}; "
        f"Value at '/tags/team' failed to satisfy constraint: {rule}"
    )
    assert refusal.paths == ("/tags", "/tags/team")


def test_an_arn_must_look_like_one(service: Service) -> None:
    """By the pattern of the model."""
    message = service.refusal("GetVectorBucket", vectorBucketArn="arn:aws:s3:::bucket").message
    assert message.endswith(
        f"Member must satisfy regular expression pattern: ^{SHAPES['VectorBucketArn']['pattern']}$"
    )


@pytest.mark.parametrize(("value", "read"), [(1, 1.0), (1.5, 1.5), ("Infinity", float("inf"))])
def test_a_lone_float_is_read_like_those_in_lists(value: object, read: float) -> None:
    """No operation takes one yet; a newer model may."""
    assert deserialised({"type": "float"}, value) == read


def test_a_quick_put_has_its_address_checked_too(service: Service) -> None:
    """However the body is read, the constraints are the same."""
    refusal = service.refusal("PutVectors", indexArn="arn:nope", vectors=[VECTOR])
    assert refusal.paths == ("/indexArn",)
    assert service.refusal("PutVectors", vectorBucketName="b", indexName="i", vectors=[VECTOR]).paths == (
        "/vectorBucketName",
        "/indexName",
    )


def test_tags_take_letters_of_any_script(service: Service) -> None:
    """The pattern speaks of Unicode letters, separators and numbers, and of a few signs."""
    service("CreateVectorBucket", vectorBucketName="bucket", tags={"größe 大": "½ _.:/=+-@", "empty": ""})
