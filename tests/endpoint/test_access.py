from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from serving import Server

from vecgate.endpoint.access import (
    Principal,
    actions_needed,
    check_access,
    new_principal,
    read_principals,
    resource_of,
)
from vecgate.endpoint.answers import Refused
from vecgate.endpoint.keeper import DoorSettings
from vecgate.endpoint.sigv4 import KeyPair
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


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "keys.toml"
    path.write_text(text)
    return path


def principal(*allowed: str) -> Principal:
    return Principal("someone", KeyPair("KEY", "secret"), frozenset(allowed))


def denied(who: Principal, operation: str, members: dict[str, Any]) -> str:
    """The action that is lacking, empty for none."""
    try:
        check_access(who, operation, members, region="us-east-1", account="000000000000")
    except Refused as refused:
        return refused.message.rsplit("allows the s3vectors:")[1].removesuffix(" action")
    return ""


def test_a_file_names_principals_and_what_they_may_do(tmp_path: Path) -> None:
    """`*` and `?` stand for anything, case does not count, and without a list all is allowed."""
    admin, reader = read_principals(written(tmp_path, FILE))
    assert admin == Principal("admin", KeyPair("ADMIN", "admin-secret"), None)
    assert reader.pair == KeyPair("READER", "reader-secret", "reader-token")
    assert reader.allowed == frozenset({
        "GetIndex",
        "GetVectorBucket",
        "GetVectorBucketPolicy",
        "GetVectors",
        "ListIndexes",
        "QueryVectors",
    })  # fmt: skip


def test_all_errors_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    """In one line, without a secret."""
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
        read_principals(written(tmp_path, text))
    message = str(refused.value)
    for words in (
        "unknown setting 'colour'",
        "principal 1: access_key: ",
        "principal 1: name: ",
        "principal 3: unknown setting 'password'",
        "principal one: there is no action 's3vectors:PutVector'",
        "principal one: there is no action 's3:*'",
        "there is no action 's3vectors:[*'",
        "two principals have the name 'one'",
        "two principals have the access key 'ONE'",
    ):
        assert words in message
    assert "hush" not in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "principal = []"])
def test_a_file_without_principals_is_refused(tmp_path: Path, text: str) -> None:
    """It would lock everyone out."""
    with pytest.raises(ConfigError, match=r"it names no \[\[principal\]\]"):
        read_principals(written(tmp_path, text))


def test_a_key_pair_is_made_up_anew_each_time() -> None:
    """In the form of AWS's own: 20 capitals and digits, 40 characters."""
    one, other = new_principal(), new_principal()
    assert one.pair != other.pair
    assert len(one.pair.access_key) == 20
    assert one.pair.access_key.isalnum()
    assert len(one.pair.secret_key) == 40
    assert new_principal("KEY", "secret").pair == KeyPair("KEY", "secret")


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
def test_some_requests_need_a_further_action(
    operation: str, members: dict[str, Any], needed: list[str]
) -> None:
    """Filters, texts and metadata need GetVectors, tags at creation TagResource (the model says so)."""
    assert actions_needed(operation, members) == needed
    assert denied(principal(operation), operation, members) == (needed[1] if len(needed) > 1 else "")
    assert denied(principal(*needed), operation, members) == ""
    assert denied(principal(*needed[1:]), operation, members) == operation


@given(
    st.frozensets(st.sampled_from(service_model().operation_names)),
    st.sampled_from(service_model().operation_names),
)
def test_an_operation_is_allowed_where_it_is_named(allowed: frozenset[str], operation: str) -> None:
    """And nowhere else."""
    assert (denied(principal(*allowed), operation, {}) == "") == (operation in allowed)


def test_a_denial_reads_as_on_aws() -> None:
    """Who, what, on what, why."""
    with pytest.raises(Refused) as refused:
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
    """However the request names it."""
    assert resource_of(members, region="us-east-1", account="000000000000") == arn


def test_principals_do_what_they_may_over_http(tmp_path: Path) -> None:
    """The documented case: QueryVectors is allowed, a filter is not without GetVectors."""
    text = FILE.replace('"s3vectors:Get*", ', "").replace('session_token = "reader-token"\n', "")
    principals = read_principals(written(tmp_path, text))
    query = {**INDEX, "topK": 1, "queryVector": {"float32": [0.0, 1.0]}}
    with (
        Server(DoorSettings(principals)) as server,
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
