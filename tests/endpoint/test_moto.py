from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
import requests
from moto import mock_aws
from moto.s3vectors import urls
from moto.server import ThreadedMotoServer

from vecgate.endpoint.moto import install, uninstall
from vecgate.errors import UsageError

ADDRESS = {"vectorBucketName": "films", "indexName": "plots"}


@pytest.fixture(autouse=True)
def door() -> Iterator[None]:
    """The door is open, and closed again whatever happens."""
    with install():
        yield


def s3vectors(region: str = "us-east-1", **settings: Any) -> Any:
    return boto3.client("s3vectors", region_name=region, **settings)


def with_an_index(client: Any) -> Any:
    client.create_vector_bucket(vectorBucketName="films")
    client.create_index(**ADDRESS, dataType="float32", dimension=2, distanceMetric="euclidean")
    return client


def put(client: Any, *keys: str) -> None:
    vectors = [{"key": key, "data": {"float32": [float(row), 0.0]}} for row, key in enumerate(keys)]
    client.put_vectors(**ADDRESS, vectors=vectors)


def bucket_names(client: Any) -> list[str]:
    return [each["vectorBucketName"] for each in client.list_vector_buckets()["vectorBuckets"]]


@mock_aws
def test_vectors_can_be_searched() -> None:
    """Moto itself has no QueryVectors."""
    client = with_an_index(s3vectors())
    put(client, "a", "b", "c")
    found = client.query_vectors(**ADDRESS, topK=2, queryVector={"float32": [2.1, 0]}, returnDistance=True)
    assert [each["key"] for each in found["vectors"]] == ["c", "b"]
    assert found["vectors"][0]["distance"] == pytest.approx(0.01, abs=1e-6)


@mock_aws
def test_lists_have_pages() -> None:
    """Moto itself gives all at once."""
    client = with_an_index(s3vectors())
    put(client, "a", "b", "c")
    pages = list(client.get_paginator("list_vectors").paginate(**ADDRESS, maxResults=2))
    assert [len(page["vectors"]) for page in pages] == [2, 1]


@mock_aws
def test_errors_are_the_service_s() -> None:
    """boto3 raises its modelled exceptions."""
    client = s3vectors()
    with pytest.raises(client.exceptions.NotFoundException, match="The specified index could not be found"):
        client.get_index(**ADDRESS)


@mock_aws
def test_an_arn_in_the_path_arrives_whole() -> None:
    """Slashes in it are encoded, and stay so on the way through moto."""
    client = s3vectors()
    arn = client.create_vector_bucket(vectorBucketName="films")["vectorBucketArn"]
    client.tag_resource(resourceArn=arn, tags={"team": "search", "a b": "c"})
    client.untag_resource(resourceArn=arn, tagKeys=["a b"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "search"}


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("moon-1", "aws")]
)
def test_every_region_is_answered_and_is_by_itself(region: str, partition: str) -> None:
    """ARNs name the region and moto's account."""
    with mock_aws():
        arn = s3vectors(region).create_vector_bucket(vectorBucketName="films")["vectorBucketArn"]
        assert arn == f"arn:{partition}:s3vectors:{region}:123456789012:bucket/films"
        assert bucket_names(s3vectors("us-east-1")) == []
        assert bucket_names(s3vectors(region)) == ["films"]


@mock_aws
def test_fips_endpoints_are_answered() -> None:
    """Moto itself does not know them, and would let the request out."""
    s3vectors().create_vector_bucket(vectorBucketName="films")
    fips = s3vectors("us-east-1", config=boto3.session.Config(use_fips_endpoint=True))
    assert bucket_names(fips) == ["films"]


def test_each_mock_begins_empty() -> None:
    """As with every service of moto."""
    for _ in range(2):
        with mock_aws():
            s3vectors().create_vector_bucket(vectorBucketName="films")
            assert bucket_names(s3vectors()) == ["films"]


def test_accounts_do_not_see_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moto's ways to say which account it is hold here too."""
    with mock_aws():
        s3vectors().create_vector_bucket(vectorBucketName="films")
        monkeypatch.setenv("MOTO_ACCOUNT_ID", "111122223333")
        assert bucket_names(s3vectors()) == []
        arn = s3vectors().create_vector_bucket(vectorBucketName="films")["vectorBucketArn"]
        assert arn == "arn:aws:s3vectors:us-east-1:111122223333:bucket/films"


@mock_aws
def test_an_assumed_role_acts_in_its_account() -> None:
    """The access key tells, as it does in the rest of moto."""
    role = "arn:aws:iam::222233334444:role/writer"
    found = boto3.client("sts", region_name="us-east-1").assume_role(RoleArn=role, RoleSessionName="test")
    keys = found["Credentials"]
    other = s3vectors(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    arn = other.create_vector_bucket(vectorBucketName="films")["vectorBucketArn"]
    assert ":222233334444:" in arn


@mock_aws
def test_other_services_are_still_moto_s() -> None:
    """S3 beside S3 Vectors in one test."""
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="plain")
    with_an_index(s3vectors())
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == ["plain"]


@mock_aws
def test_many_threads_may_write() -> None:
    """One request at a time reaches the state."""
    client = with_an_index(s3vectors())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: put(client, f"k{number}"), range(80)))
    assert len(client.list_vectors(**ADDRESS)["vectors"]) == 80


@mock_aws
def test_an_unsigned_request_is_the_default_region_s() -> None:
    """Whatever sends it: moto also answers the requests of `requests`."""
    s3vectors().create_vector_bucket(vectorBucketName="films")
    answer = requests.post("https://s3vectors.us-east-1.api.aws/ListVectorBuckets", data=b"{}", timeout=5)
    assert [each["vectorBucketName"] for each in answer.json()["vectorBuckets"]] == ["films"]


def test_moto_s_server_is_answered_too() -> None:
    """It looks requests up in the same table."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        client = with_an_index(
            s3vectors(endpoint_url=f"http://{host}:{port}", aws_access_key_id="a", aws_secret_access_key="b")
        )
        put(client, "a")
        found = client.query_vectors(**ADDRESS, topK=1, queryVector={"float32": [0, 0]})
        assert [each["key"] for each in found["vectors"]] == ["a"]
        client.close()
    finally:
        server.stop()


def test_closed_it_leaves_moto_as_it_was() -> None:
    """Moto's own S3 Vectors is back, without QueryVectors; to close twice does no harm."""
    uninstall()
    before = dict(urls.url_paths)
    door = install()
    assert install() is door
    uninstall()
    uninstall()
    assert dict(urls.url_paths) == before
    assert len(urls.url_bases) == 1
    with mock_aws():
        client = s3vectors()
        client.create_vector_bucket(vectorBucketName="films")
        assert bucket_names(client) == ["films"]


def test_without_moto_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    for name in [name for name in sys.modules if name.split(".")[0] == "moto"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "moto", None)
    monkeypatch.delitem(sys.modules, "vecgate.endpoint.moto")
    with pytest.raises(UsageError, match="the moto door needs moto") as raised:
        importlib.import_module("vecgate.endpoint.moto")
    assert raised.value.hint == "pip install 'vecgate[moto]'"
