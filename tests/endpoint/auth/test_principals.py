from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from serving import Server

from vecgate.endpoint.auth.principals import (
    Principal,
    check_access,
    create_principal,
    read_principals,
    required_actions,
    resource_arn,
)
from vecgate.endpoint.auth.sigv4 import KeyPair
from vecgate.endpoint.gateway import Gateway, GatewaySettings
from vecgate.endpoint.requests.messages import ApiError, Request
from vecgate.endpoint.storage.state import State
from vecgate.errors import ConfigError
from vecgate.s3vectors.model import service_model

INDEX = {"vectorBucketName": "bucket", "indexName": "index"}
ARN = "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket/index/index"
FILE = """
[[principal]]
name = "admin"
access_key = "ADMIN"
secret_key = "admin-secret"

[[principal]]
name = "reader"
access_key = "READER"
secret_key = "reader-secret"
session_token = "reader-token"
allow = ["s3vectors:Get*", "S3VECTORS:queryvectors", "s3vectors:List?ndexes"]
"""


def write_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "keys.toml"
    path.touch(0o600)
    path.write_text(text)
    return path


def principal(*allowed: str) -> Principal:
    return Principal("someone", KeyPair("KEY", "secret"), frozenset(allowed))


def missing_action(who: Principal, operation: str, members: dict[str, Any]) -> str:
    """Return the action that the denial names, empty if access is allowed."""
    try:
        check_access(who, operation, members, region="us-east-1", account="000000000000")
    except ApiError as error:
        return error.message.rsplit("allows the s3vectors:")[1].removesuffix(" action")
    return ""


def test_a_file_defines_principals_and_their_actions(tmp_path: Path) -> None:
    """`*` and `?` are wildcards, case is ignored, and without `allow` every action is allowed."""
    admin, reader = read_principals(write_file(tmp_path, FILE))
    assert admin == Principal("admin", KeyPair("ADMIN", "admin-secret"), None)
    assert reader.key_pair == KeyPair("READER", "reader-secret", "reader-token")
    assert reader.allowed == frozenset({
        "GetIndex",
        "GetVectorBucket",
        "GetVectorBucketPolicy",
        "GetVectors",
        "ListIndexes",
        "QueryVectors",
    })  # fmt: skip


def test_all_problems_of_a_file_are_reported_together(tmp_path: Path) -> None:
    """One line for each, and no secret in any of them."""
    text = """
colour = "red"
[[principal]]
name = "a b"
access_key = ""
secret_key = "hush"
[[principal]]
name = "one"
access_key = "ONE"
secret_key = "hush"
allow = ["s3vectors:PutVector", "s3:*", "s3vectors:[*"]
[[principal]]
name = "one"
access_key = "ONE"
secret_key = "hush"
password = "hush"
[[principal]]
name = "one"
access_key = "ONE"
secret_key = "hush"
"""
    with pytest.raises(ConfigError) as refused:
        read_principals(write_file(tmp_path, text))
    message = str(refused.value)
    for words in (
        "colour is not a known key, allowed are principal",
        "principal[1].access_key is not valid, allowed is a text that is not empty",
        "principal[1].name is not valid, allowed is a text that matches ",
        "principal[3].password is not a known key",
        "principal[2].allow has 's3vectors:PutVector', which matches no action",
        "principal[2].allow has 's3:*', which matches no action",
        "principal[2].allow has 's3vectors:[*', which matches no action",
        "principal has two entries with the name 'one'",
        "principal has two entries with the access key 'ONE'",
    ):
        assert words in message
    assert "hush" not in message
    assert message.count("\n") == 9


@pytest.mark.parametrize("text", ["", "principal = []"])
def test_a_file_without_principals_is_refused(tmp_path: Path, text: str) -> None:
    """It would lock everyone out."""
    with pytest.raises(
        ConfigError, match=r"principal is missing, allowed is a list of tables, \[\[principal\]\]"
    ):
        read_principals(write_file(tmp_path, text))


def test_every_generated_key_pair_is_different() -> None:
    """It has the form of AWS keys: 20 capital letters and digits, 40 characters."""
    one, other = create_principal(), create_principal()
    assert one.key_pair != other.key_pair
    assert len(one.key_pair.access_key) == 20
    assert one.key_pair.access_key.isalnum()
    assert len(one.key_pair.secret_key) == 40
    assert create_principal("KEY", "secret").key_pair == KeyPair("KEY", "secret")


@pytest.mark.parametrize(
    ("operation", "members", "needed"),
    [
        ("PutVectors", INDEX, ["PutVectors"]),
        ("QueryVectors", {"topK": 1}, ["QueryVectors"]),
        ("QueryVectors", {"returnDistance": True}, ["QueryVectors"]),
        ("QueryVectors", {"returnMetadata": False}, ["QueryVectors"]),
        ("QueryVectors", {"returnMetadata": True}, ["QueryVectors", "GetVectors"]),
        ("QueryVectors", {"filter": {"a": 1}}, ["QueryVectors", "GetVectors"]),
        ("QueryVectors", {"queryTexts": [{}]}, ["QueryVectors", "GetVectors"]),
        ("ListVectors", {"maxResults": 1}, ["ListVectors"]),
        ("ListVectors", {"returnData": True}, ["ListVectors", "GetVectors"]),
        ("ListVectors", {"returnMetadata": True}, ["ListVectors", "GetVectors"]),
        ("CreateIndex", {"tags": {"a": "b"}}, ["CreateIndex", "TagResource"]),
        ("CreateVectorBucket", {"tags": {"a": "b"}}, ["CreateVectorBucket", "TagResource"]),
        ("CreateVectorBucket", {}, ["CreateVectorBucket"]),
    ],
)
def test_some_requests_need_an_additional_action(
    operation: str, members: dict[str, Any], needed: list[str]
) -> None:
    """Filters, texts and metadata need GetVectors, tags at creation need TagResource (documented in the
    model).
    """
    assert required_actions(operation, members) == needed
    assert missing_action(principal(operation), operation, members) == (needed[1] if len(needed) > 1 else "")
    assert missing_action(principal(*needed), operation, members) == ""
    assert missing_action(principal(*needed[1:]), operation, members) == operation


@given(
    st.frozensets(st.sampled_from(service_model().operation_names)),
    st.sampled_from(service_model().operation_names),
)
def test_an_operation_is_allowed_only_if_it_is_listed(allowed: frozenset[str], operation: str) -> None:
    """Other allowed operations have no effect."""
    assert (missing_action(principal(*allowed), operation, {}) == "") == (operation in allowed)


def test_a_denial_has_the_wording_of_aws() -> None:
    """It names the principal, the action, the resource and the reason."""
    with pytest.raises(ApiError) as refused:
        check_access(principal(), "PutVectors", INDEX, region="us-east-1", account="000000000000")
    assert refused.value.code == "AccessDeniedException"
    assert refused.value.message == (
        "User: arn:aws:iam::000000000000:user/someone is not authorized to perform: s3vectors:PutVectors on "
        f"resource: {ARN} because no identity-based policy allows the s3vectors:PutVectors action"
    )


@pytest.mark.parametrize(
    ("members", "arn"),
    [
        (INDEX, ARN),
        ({"indexArn": ARN}, ARN),
        ({"resourceArn": ARN.replace("/", "%2F")}, ARN),
        ({"vectorBucketArn": "arn:x"}, "arn:x"),
        ({"vectorBucketName": "bucket"}, "arn:aws:s3vectors:us-east-1:000000000000:bucket/bucket"),
        ({}, "arn:aws:s3vectors:us-east-1:000000000000:bucket/*"),
    ],
)
def test_a_resource_is_named_by_its_arn(members: dict[str, Any], arn: str) -> None:
    """The request may name it by name or by ARN."""
    assert resource_arn(members, region="us-east-1", account="000000000000") == arn


def test_access_is_enforced_over_http(tmp_path: Path) -> None:
    """The documented case: QueryVectors is allowed, but a filter is denied without GetVectors."""
    text = FILE.replace('"s3vectors:Get*", ', "").replace('session_token = "reader-token"\n', "")
    principals = read_principals(write_file(tmp_path, text))
    query = {**INDEX, "topK": 1, "queryVector": {"float32": [0.0, 1.0]}}
    with (
        Server(GatewaySettings(principals)) as server,
        server.client("ADMIN", "admin-secret") as admin,
        server.client("READER", "reader-secret") as reader,
    ):
        admin.create_vector_bucket(vectorBucketName="bucket")
        admin.create_index(**INDEX, dataType="float32", dimension=2, distanceMetric="cosine")
        vector = {"key": "k", "data": {"float32": [0.0, 1.0]}, "metadata": {"n": 1}}
        admin.put_vectors(**INDEX, vectors=[vector])
        assert reader.query_vectors(**query)["vectors"] == [{"key": "k"}]
        for further in ({"filter": {"n": 1}}, {"returnMetadata": True}):
            assert admin.query_vectors(**query, **further)["vectors"]
            with pytest.raises(ClientError, match="s3vectors:GetVectors") as refused:
                reader.query_vectors(**query, **further)
            assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
            assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        with pytest.raises(
            ClientError, match="User: arn:aws:iam::000000000000:user/reader is not authorized"
        ):
            reader.put_vectors(**INDEX, vectors=[{**vector, "key": "other"}])
        assert [each["key"] for each in admin.list_vectors(**INDEX)["vectors"]] == ["k"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    """It contains secret keys."""
    path = write_file(tmp_path, FILE)
    path.chmod(mode)
    with pytest.raises(
        ConfigError, match=rf"mode {mode:04o}.* allowed is access by its owner only"
    ) as refused:
        read_principals(path)
    assert refused.value.hint == f"chmod 600 {path}"
    path.chmod(0o400)
    assert read_principals(path)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        (
            "GetVectors",
            b'{"vectorBucketName":"bucket","indexName":"index","keys":[%b""]}' % (b'"",' * 500_000),
        ),
        (
            "PutVectors",
            b'{"vectorBucketName":"bucket","indexName":"index","vectors":[%b{}]}' % (b"{}," * 500_000),
        ),
        ("PutVectors", b"not JSON"),
        ("QueryVectors", b"[" * 1_000_000),
        ("CreateVectorBucket", b'{"vectorBucketName":["%b"]}' % (b"x" * 500_000)),
        ("CreateVectorBucket", b'{"vectorBucketName":"%b"}' % (b"x" * 500_000)),
    ],
)
def test_a_denied_request_is_not_validated(operation: str, body: bytes) -> None:
    """A principal without permissions cannot make the endpoint work, nor answer at length."""
    principal = Principal("nobody", KeyPair("NOBODY", "secret"), frozenset())
    gateway = Gateway(State(), GatewaySettings((principal,)))
    context = gateway.start_request("POST", f"/{operation}")
    context.principal = principal
    began_s = time.process_time()
    response = gateway.respond(context, Request("POST", f"/{operation}", body), now=0.0)
    assert response
    assert response.error == "AccessDeniedException"
    assert len(response.body) < 2_000
    assert time.process_time() - began_s < 0.5


def test_an_additional_action_is_required_before_validation() -> None:
    """A filter is not parsed for a principal that may not use one."""
    principal = Principal("searcher", KeyPair("KEY", "secret"), frozenset({"QueryVectors"}))
    gateway = Gateway(State(), GatewaySettings((principal,)))
    for members, error in (({"filter": {"$or": 1}}, "AccessDeniedException"), ({}, "ValidationException")):
        context = gateway.start_request("POST", "/QueryVectors")
        context.principal = principal
        request = Request("POST", "/QueryVectors", orjson.dumps({**INDEX, **members}))
        response = gateway.respond(context, request, now=0.0)
        assert response
        assert response.error == error
