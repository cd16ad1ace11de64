from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from vecgate.endpoint import core
from vecgate.endpoint.answers import Request
from vecgate.endpoint.behaviour import Behaviour
from vecgate.endpoint.core import OPERATIONS, apply

if TYPE_CHECKING:
    from tests.endpoint.conftest import Service

MODEL = Loader().load_service_model("s3vectors", "service-2")
IN_THE_BODY = sorted(
    name for name, operation in MODEL["operations"].items() if "{" not in operation["http"]["requestUri"]
)
ARN = "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket"
ENCODED = ARN.replace(":", "%3A").replace("/", "%2F")


@pytest.mark.parametrize("name", sorted(MODEL["operations"]))
def test_every_operation_of_the_installed_model_is_built(service: Service, name: str) -> None:
    """A newer botocore shows here what is missing: none is answered with "not implemented" or "unknown"."""
    http = MODEL["operations"][name]["http"]
    path = http["requestUri"].replace("{resourceArn}", ENCODED)
    answer = service.answer(path[1:], b"{}", method=http["method"])
    assert answer.status in {200, 400, 404}
    assert answer.error != "UnknownOperationException"


def test_there_are_no_operations_but_those_of_the_model() -> None:
    """Nothing that the service does not have."""
    assert OPERATIONS.keys() | {"PutVectors"} == MODEL["operations"].keys()


def test_the_documentation_has_a_row_for_every_operation_and_every_switch() -> None:
    """What is faithful, inferred or different is written down for each."""
    rows = (Path(__file__).parents[2] / "docs" / "endpoint-operations.md").read_text().splitlines()
    begun = {row.split("`")[1] for row in rows if row.startswith("| `")}
    assert begun == MODEL["operations"].keys() | {each.name for each in fields(Behaviour)}


def test_an_operation_of_a_newer_model_says_that_it_is_not_built(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A known operation without an implementation answers with an error that names it, never with success."""
    built = {name: each for name, each in OPERATIONS.items() if name != "GetIndex"}
    monkeypatch.setattr(core, "OPERATIONS", built)
    answer = service.answer("GetIndex", b"{}")
    assert (answer.status, answer.error) == (501, "NotImplementedException")
    assert "GetIndex" in orjson.loads(answer.body)["message"]


def test_an_unknown_operation_is_named_in_a_404(service: Service) -> None:
    """A path that the model does not have is not answered politely."""
    refusal = service.refusal("PutObject")
    assert (refusal.status, refusal.code) == (404, "UnknownOperationException")
    assert "/PutObject" in refusal.message


def test_a_very_long_unknown_path_is_not_repeated_whole(service: Service) -> None:
    """What comes back is bounded."""
    assert len(service.refusal("x" * 10_000).message) < 200


@pytest.mark.parametrize(("method", "names"), [("PUT", 3), ("HEAD", 3), ("PATCH", 3)])
def test_a_wrong_method_on_tags_names_the_right_ones(service: Service, method: str, names: int) -> None:
    """Three operations share that path."""
    answer = service.answer(f"tags/{ENCODED}", b"", method=method)
    message = orjson.loads(answer.body)["message"]
    assert answer.status == 405
    assert sum(word in message for word in ("GET", "POST", "DELETE")) == names


@pytest.mark.parametrize("path", [f"tags/{ARN}", f"tags/{ENCODED}/more", f"{ENCODED}", "tags", "tags/a/"])
def test_an_arn_in_a_path_is_one_encoded_label(service: Service, path: str) -> None:
    """A router that decodes first, or goes by slashes, would find something here. The service does not."""
    service.bucket()
    answer = service.answer(path, b"", method="GET")
    assert (answer.status, answer.error) == (404, "UnknownOperationException")


@pytest.mark.parametrize("path", ["tags/%ff", "tags/%C3"])
def test_a_path_that_is_not_utf_8_is_refused(service: Service, path: str) -> None:
    """400, before anything is looked for."""
    assert service.answer(path, b"", method="GET").error == "SerializationException"


def test_a_query_that_is_not_utf_8_is_refused(service: Service) -> None:
    """400, like any text that is none."""
    service.bucket()
    request = Request("DELETE", f"/tags/{ENCODED}", b"", "tagKeys=%ff")
    assert apply(service.state, request, 0.0).error == "SerializationException"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_the_body_of_a_get_or_a_delete_is_not_read(service: Service, method: str) -> None:
    """Such requests have none."""
    service.bucket()
    request = Request(method, f"/tags/{ENCODED}", b"nonsense", "tagKeys=a")
    assert apply(service.state, request, 0.0).status == 200


def test_what_belongs_in_the_path_is_not_taken_from_the_body(service: Service) -> None:
    """A body that names another resource changes nothing."""
    service.bucket()
    service.bucket("other")
    body = orjson.dumps({"resourceArn": ARN.replace("/bucket", "/other"), "tags": {"a": "1"}})
    assert service.answer(f"tags/{ENCODED}", body).status == 200
    assert service("ListTagsForResource", resourceArn=ARN) == {"tags": {"a": "1"}}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH"])
def test_a_wrong_method_is_a_405_that_names_the_right_one(service: Service, method: str) -> None:
    """Operations are POST."""
    answer = service.answer("PutVectors", b"", method=method)
    assert (answer.status, answer.error) == (405, "MethodNotAllowedException")
    assert "POST" in orjson.loads(answer.body)["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[",
        b"nope",
        b"[]",
        b"1",
        b'"x"',
        b"null",
        b"{} {}",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"a":NaN}',
        b'{"a":01}',
    ],
)
@pytest.mark.parametrize("operation", IN_THE_BODY)
def test_a_body_that_is_no_json_object_is_a_serialization_error(
    service: Service, operation: str, body: bytes
) -> None:
    """Whatever the operation, a body that it cannot be read from is a 400."""
    refusal = service.refusal_of_body(operation, body)
    assert (refusal.status, refusal.code) == (400, "SerializationException")


@pytest.mark.parametrize("surrogate", [rb"\ud800", rb"\udc00", rb"\ud800x", rb"\ud800\ud800"])
def test_a_lone_surrogate_anywhere_fails_the_request(service: Service, surrogate: bytes) -> None:
    """Half a UTF-16 pair is no text; the whole request is refused. Observed on AWS, 2026-09."""
    service.index()
    for record in (
        b'{"key":"%s","data":{"float32":[1,2]}}',
        b'{"key":"k","data":{"float32":[1,2]},"metadata":{"t":"%s"}}',
        b'{"key":"k","data":{"float32":[1,2]},"metadata":{"%s":1}}',
        b'{"key":"k","data":{"float32":[1,2]},"ignored":"%s"}',
    ):
        body = b'{"vectorBucketName":"bucket","indexName":"index","vectors":[' + record % surrogate + b"]}"
        assert service.refusal_of_body("PutVectors", body).code == "SerializationException"


def test_a_surrogate_pair_is_the_character_that_it_spells(service: Service) -> None:
    """The escaped pair of a character outside the basic plane is fine."""
    address = service.index()
    body = (
        b'{"vectorBucketName":"bucket","indexName":"index",'
        rb'"vectors":[{"key":"\ud83d\ude00","data":{"float32":[1,2]}}]}'
    )
    assert service.answer("PutVectors", body).status == 200
    assert service("ListVectors", **address) == {"vectors": [{"key": "\N{GRINNING FACE}"}]}


@pytest.mark.parametrize("depth", [500, 1_020, 2_000, 200_000])
@pytest.mark.parametrize("where", ["top", "metadata", "filter", "vectors", "ignored"])
def test_deep_nesting_is_a_400(service: Service, where: str, depth: int) -> None:
    """Nesting that no valid request has breaks nothing."""
    service.index()
    deep = b"[" * depth + b"]" * depth
    address = b'"vectorBucketName":"bucket","indexName":"index",'
    operation, body = {
        "top": ("GetVectors", deep),
        "metadata": (
            "PutVectors",
            b'{%b"vectors":[{"key":"k","data":{"float32":[1,2]},"metadata":{"m":%b}}]}' % (address, deep),
        ),
        "filter": (
            "QueryVectors",
            b'{%b"topK":1,"queryVector":{"float32":[1,2]},"filter":%b}' % (address, deep),
        ),
        "vectors": ("PutVectors", b'{%b"vectors":%b}' % (address, deep)),
        "ignored": ("GetVectors", b'{%b"keys":[],"ignored":%b}' % (address, deep)),
    }[where]
    assert service.refusal_of_body(operation, body).status == 400


def test_an_empty_body_counts_as_an_empty_object(service: Service) -> None:
    """A client without input may send nothing."""
    assert service.answer("ListVectorBuckets", b"").status == 200


def test_nulls_count_as_absent(service: Service) -> None:
    """A member that is null was not given."""
    assert service("ListVectorBuckets", prefix=None, maxResults=None) == {"vectorBuckets": []}


def test_unknown_members_are_ignored(service: Service) -> None:
    """A newer client may send more than we know."""
    assert service("ListVectorBuckets", somethingNew={"a": 1}) == {"vectorBuckets": []}


def test_a_body_of_20_mib_is_taken_and_one_byte_more_is_refused(service: Service) -> None:
    """20,971,520 bytes inclusive. Observed on AWS, 2026-09."""
    body = b"{}" + b" " * (20_971_520 - 2)
    assert service.answer("ListVectorBuckets", body).status == 200
    refusal = service.refusal_of_body("ListVectorBuckets", body + b" ")
    assert (refusal.status, refusal.code) == (400, "ValidationException")
    assert refusal.message == "Request body exceeds max allowed size"


def test_request_ids_look_like_the_services(service: Service) -> None:
    """Every published id is a UUID of version 8 that begins with 1; no two are alike."""
    ids = [service.answer("ListVectorBuckets", b"").request_id for _ in range(200)]
    assert all(
        re.fullmatch(r"1[0-9a-f]{7}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", id_)
        for id_ in ids
    )
    assert len(set(ids)) == 200


def test_an_answer_carries_its_headers(service: Service) -> None:
    """The code of an error is in a header, the message in the body; a success has no such header."""
    good, bad = service.answer("ListVectorBuckets", b"{}"), service.answer("GetVectorBucket", b"{}")
    assert dict(good.headers()) == {
        "content-type": "application/json",
        "content-length": str(len(good.body)),
        "x-amzn-requestid": good.request_id,
    }
    assert dict(bad.headers())["x-amzn-errortype"] == "ValidationException"
    assert orjson.loads(bad.body) == {
        "message": "Must specify either vectorBucketName or vectorBucketArn but not both"
    }


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def near_requests(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """An operation with members of the right names and of any values, often plausible."""
    operation = draw(st.sampled_from(IN_THE_BODY))
    names = list(MODEL["shapes"][MODEL["operations"][operation]["input"]["shape"]]["members"])
    plausible = st.sampled_from(
        [
            "bucket",
            "index",
            "float32",
            "cosine",
            1,
            2,
            0,
            True,
            ["a"],
            {"float32": [1.0, 2.0]},
            {"a": 1},
            {"$and": []},
        ]
    ) | st.sampled_from(
        [[{"key": "a", "data": {"float32": [1.0, 2.0]}}], [{"key": "a", "data": {"float32": []}}]]
    )
    return operation, draw(st.dictionaries(st.sampled_from(names), plausible | json_values, max_size=6))


@given(request=near_requests(), addressed=st.booleans())
def test_any_request_gets_an_answer_of_the_service(
    new_service: type[Service], request: tuple[str, dict[str, Any]], *, addressed: bool
) -> None:
    """No input raises, and none is answered with a 5xx."""
    service = new_service()
    address = service.index()
    operation, members = request
    body = json.dumps({**members, **(address if addressed else {})}).encode()
    answer = service.answer(operation, body)
    assert answer.status in {200, 400, 404, 409}
    assert isinstance(orjson.loads(answer.body), dict)


@given(body=st.binary(max_size=60), operation=st.sampled_from(IN_THE_BODY))
def test_any_bytes_get_an_answer_of_the_service(
    new_service: type[Service], body: bytes, operation: str
) -> None:
    """Bytes that are not even JSON raise nothing."""
    assert new_service().answer(operation, body).status in {200, 400}
