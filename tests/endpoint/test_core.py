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
from vecgate.endpoint.behaviour import Behaviour
from vecgate.endpoint.core import OPERATIONS, apply
from vecgate.endpoint.requests.messages import Request

if TYPE_CHECKING:
    from tests.endpoint.conftest import Service

MODEL = Loader().load_service_model("s3vectors", "service-2")
IN_THE_BODY = sorted(
    name for name, operation in MODEL["operations"].items() if "{" not in operation["http"]["requestUri"]
)
ARN = "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket"
ENCODED = ARN.replace(":", "%3A").replace("/", "%2F")


@pytest.mark.parametrize("name", sorted(MODEL["operations"]))
def test_every_operation_of_the_installed_model_is_implemented(service: Service, name: str) -> None:
    """A newer botocore may have operations that answer "not implemented" or "unknown"; this test finds
    them.
    """
    http = MODEL["operations"][name]["http"]
    path = http["requestUri"].replace("{resourceArn}", ENCODED)
    response = service.send_body(path[1:], b"{}", method=http["method"])
    assert response.status in {200, 400, 404}
    assert response.error != "UnknownOperationException"


def test_there_are_no_operations_beyond_the_model() -> None:
    assert OPERATIONS.keys() | {"PutVectors"} == MODEL["operations"].keys()


def test_the_documentation_has_a_row_for_every_operation_and_every_switch() -> None:
    """Each row says what is faithful, inferred or different."""
    rows = (Path(__file__).parents[2] / "docs" / "endpoint-operations.md").read_text().splitlines()
    documented = {row.split("`")[1] for row in rows if row.startswith("| `")}
    assert documented == MODEL["operations"].keys() | {each.name for each in fields(Behaviour)}


def test_an_operation_of_a_newer_model_is_not_implemented(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names it; the response is never a success."""
    operations = {name: each for name, each in OPERATIONS.items() if name != "GetIndex"}
    monkeypatch.setattr(core, "OPERATIONS", operations)
    response = service.send_body("GetIndex", b"{}")
    assert (response.status, response.error) == (501, "NotImplementedException")
    assert "GetIndex" in orjson.loads(response.body)["message"]


def test_an_unknown_operation_is_named_in_a_404(service: Service) -> None:
    error = service.error("PutObject")
    assert (error.status, error.code) == (404, "UnknownOperationException")
    assert "/PutObject" in error.message


def test_a_very_long_unknown_path_is_truncated_in_the_error(service: Service) -> None:
    """The size of the response is bounded."""
    assert len(service.error("x" * 10_000).message) < 200


@pytest.mark.parametrize(("method", "names"), [("PUT", 3), ("HEAD", 3), ("PATCH", 3)])
def test_a_wrong_method_on_tags_names_the_right_ones(service: Service, method: str, names: int) -> None:
    """Three operations have the same path."""
    response = service.send_body(f"tags/{ENCODED}", b"", method=method)
    message = orjson.loads(response.body)["message"]
    assert response.status == 405
    assert sum(word in message for word in ("GET", "POST", "DELETE")) == names


@pytest.mark.parametrize("path", [f"tags/{ARN}", f"tags/{ENCODED}/more", f"{ENCODED}", "tags", "tags/a/"])
def test_an_arn_in_a_path_is_one_encoded_label(service: Service, path: str) -> None:
    """A router that decodes the path first, or splits it at slashes, would find an operation. The service
    does not.
    """
    service.bucket()
    response = service.send_body(path, b"", method="GET")
    assert (response.status, response.error) == (404, "UnknownOperationException")


@pytest.mark.parametrize("path", ["tags/%ff", "tags/%C3"])
def test_a_path_that_is_not_utf_8_is_refused(service: Service, path: str) -> None:
    """With a 400, before any lookup."""
    assert service.send_body(path, b"", method="GET").error == "SerializationException"


def test_a_query_that_is_not_utf_8_is_refused(service: Service) -> None:
    """With a 400, like every text that is not UTF-8."""
    service.bucket()
    request = Request("DELETE", f"/tags/{ENCODED}", b"", "tagKeys=%ff")
    assert apply(service.state, request, 0.0).error == "SerializationException"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_the_body_of_a_get_or_a_delete_is_ignored(service: Service, method: str) -> None:
    """Such requests have none."""
    service.bucket()
    request = Request(method, f"/tags/{ENCODED}", b"nonsense", "tagKeys=a")
    assert apply(service.state, request, 0.0).status == 200


def test_members_of_the_path_are_not_read_from_the_body(service: Service) -> None:
    """A body that names another resource changes nothing."""
    service.bucket()
    service.bucket("other")
    body = orjson.dumps({"resourceArn": ARN.replace("/bucket", "/other"), "tags": {"a": "1"}})
    assert service.send_body(f"tags/{ENCODED}", body).status == 200
    assert service("ListTagsForResource", resourceArn=ARN) == {"tags": {"a": "1"}}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH"])
def test_a_wrong_method_is_a_405_that_names_the_right_one(service: Service, method: str) -> None:
    """Operations are POST."""
    response = service.send_body("PutVectors", b"", method=method)
    assert (response.status, response.error) == (405, "MethodNotAllowedException")
    assert "POST" in orjson.loads(response.body)["message"]


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
def test_a_body_that_is_not_a_json_object_is_a_serialization_error(
    service: Service, operation: str, body: bytes
) -> None:
    """For every operation, with status 400."""
    error = service.error_for_body(operation, body)
    assert (error.status, error.code) == (400, "SerializationException")


@pytest.mark.parametrize("surrogate", [rb"\ud800", rb"\udc00", rb"\ud800x", rb"\ud800\ud800"])
def test_a_lone_surrogate_anywhere_fails_the_request(service: Service, surrogate: bytes) -> None:
    """Half a UTF-16 pair is not text, so the whole request is refused. Observed on AWS, 2026-09."""
    service.index()
    for record in (
        b'{"key":"%s","data":{"float32":[1,2]}}',
        b'{"key":"k","data":{"float32":[1,2]},"metadata":{"t":"%s"}}',
        b'{"key":"k","data":{"float32":[1,2]},"metadata":{"%s":1}}',
        b'{"key":"k","data":{"float32":[1,2]},"ignored":"%s"}',
    ):
        body = b'{"vectorBucketName":"bucket","indexName":"index","vectors":[' + record % surrogate + b"]}"
        assert service.error_for_body("PutVectors", body).code == "SerializationException"


def test_a_surrogate_pair_is_one_character(service: Service) -> None:
    """An escaped pair for a character outside the basic plane is valid."""
    address = service.index()
    body = (
        b'{"vectorBucketName":"bucket","indexName":"index",'
        rb'"vectors":[{"key":"\ud83d\ude00","data":{"float32":[1,2]}}]}'
    )
    assert service.send_body("PutVectors", body).status == 200
    assert service("ListVectors", **address) == {"vectors": [{"key": "\N{GRINNING FACE}"}]}


@pytest.mark.parametrize("depth", [500, 1_020, 2_000, 200_000])
@pytest.mark.parametrize("where", ["top", "metadata", "filter", "vectors", "ignored"])
def test_deep_nesting_is_a_400(service: Service, where: str, depth: int) -> None:
    """No valid request nests deeply, and deep nesting breaks nothing."""
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
    assert service.error_for_body(operation, body).status == 400


def test_an_empty_body_counts_as_an_empty_object(service: Service) -> None:
    """A client without input may send no body."""
    assert service.send_body("ListVectorBuckets", b"").status == 200


def test_nulls_count_as_absent(service: Service) -> None:
    assert service("ListVectorBuckets", prefix=None, maxResults=None) == {"vectorBuckets": []}


def test_unknown_members_are_ignored(service: Service) -> None:
    """A newer client may send members that the model does not have."""
    assert service("ListVectorBuckets", somethingNew={"a": 1}) == {"vectorBuckets": []}


def test_a_body_of_20_mib_is_accepted_and_one_byte_more_is_refused(service: Service) -> None:
    """20,971,520 bytes inclusive. Observed on AWS, 2026-09."""
    body = b"{}" + b" " * (20_971_520 - 2)
    assert service.send_body("ListVectorBuckets", body).status == 200
    error = service.error_for_body("ListVectorBuckets", body + b" ")
    assert (error.status, error.code) == (400, "ValidationException")
    assert error.message == "Request body exceeds max allowed size"


def test_request_ids_have_the_form_of_the_service(service: Service) -> None:
    """Every published id is a UUID of version 8 that begins with 1; each is different."""
    ids = [service.send_body("ListVectorBuckets", b"").request_id for _ in range(200)]
    assert all(
        re.fullmatch(r"1[0-9a-f]{7}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", id_)
        for id_ in ids
    )
    assert len(set(ids)) == 200


def test_a_response_has_the_headers_of_the_service(service: Service) -> None:
    """The code of an error is in a header and its message in the body; a success has no such header."""
    good, bad = service.send_body("ListVectorBuckets", b"{}"), service.send_body("GetVectorBucket", b"{}")
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
    """An operation with members of the right names and any values, often plausible ones."""
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
def test_any_request_gets_a_response_of_the_service(
    new_service: type[Service], request: tuple[str, dict[str, Any]], *, addressed: bool
) -> None:
    """No input raises, and none leads to a 5xx."""
    service = new_service()
    address = service.index()
    operation, members = request
    body = json.dumps({**members, **(address if addressed else {})}).encode()
    response = service.send_body(operation, body)
    assert response.status in {200, 400, 404, 409}
    assert isinstance(orjson.loads(response.body), dict)


@given(body=st.binary(max_size=60), operation=st.sampled_from(IN_THE_BODY))
def test_any_bytes_get_a_response_of_the_service(
    new_service: type[Service], body: bytes, operation: str
) -> None:
    """Bytes that are not even JSON do not raise."""
    assert new_service().send_body(operation, body).status in {200, 400}
