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
def installed() -> Iterator[None]:
    """Install the adapter, and uninstall it in any case."""
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
    """Moto itself returns everything at once."""
    client = with_an_index(s3vectors())
    put(client, "a", "b", "c")
    pages = list(client.get_paginator("list_vectors").paginate(**ADDRESS, maxResults=2))
    assert [len(page["vectors"]) for page in pages] == [2, 1]


@mock_aws
def test_errors_are_those_of_the_service() -> None:
    """boto3 raises its modelled exceptions."""
    client = s3vectors()
    with pytest.raises(client.exceptions.NotFoundException, match="The specified index could not be found"):
        client.get_index(**ADDRESS)


@mock_aws
def test_an_arn_in_the_path_stays_encoded() -> None:
    """Moto passes on its encoded slashes unchanged."""
    client = s3vectors()
    arn = client.create_vector_bucket(vectorBucketName="films")["vectorBucketArn"]
    client.tag_resource(resourceArn=arn, tags={"team": "search", "a b": "c"})
    client.untag_resource(resourceArn=arn, tagKeys=["a b"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "search"}


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("moon-1", "aws")]
)
def test_every_region_has_its_own_state(region: str, partition: str) -> None:
    """ARNs contain the region and moto's account."""
    with mock_aws():
        arn = s3vectors(region).create_vector_bucket(vectorBucketName="films")["vectorBucketArn"]
        assert arn == f"arn:{partition}:s3vectors:{region}:123456789012:bucket/films"
        assert bucket_names(s3vectors("us-east-1")) == []
        assert bucket_names(s3vectors(region)) == ["films"]


@mock_aws
def test_fips_endpoints_are_answered() -> None:
    """Moto itself does not know them and would send the request to the network."""
    s3vectors().create_vector_bucket(vectorBucketName="films")
    fips = s3vectors("us-east-1", config=boto3.session.Config(use_fips_endpoint=True))
    assert bucket_names(fips) == ["films"]


def test_each_mock_starts_empty() -> None:
    """Like every service of moto."""
    for _ in range(2):
        with mock_aws():
            s3vectors().create_vector_bucket(vectorBucketName="films")
            assert bucket_names(s3vectors()) == ["films"]


def test_every_account_has_its_own_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moto's ways to select the account work here too."""
    with mock_aws():
        s3vectors().create_vector_bucket(vectorBucketName="films")
        monkeypatch.setenv("MOTO_ACCOUNT_ID", "111122223333")
        assert bucket_names(s3vectors()) == []
        arn = s3vectors().create_vector_bucket(vectorBucketName="films")["vectorBucketArn"]
        assert arn == "arn:aws:s3vectors:us-east-1:111122223333:bucket/films"


@mock_aws
def test_an_assumed_role_selects_its_account() -> None:
    """The access key identifies the account, as in the rest of moto."""
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
def test_other_services_are_still_answered_by_moto() -> None:
    """S3 and S3 Vectors can be used in one test."""
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="plain")
    with_an_index(s3vectors())
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == ["plain"]


@mock_aws
def test_requests_of_many_threads_are_serialized() -> None:
    """No write is lost."""
    client = with_an_index(s3vectors())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: put(client, f"k{number}"), range(80)))
    assert len(client.list_vectors(**ADDRESS)["vectors"]) == 80


@mock_aws
def test_an_unsigned_request_uses_the_default_region() -> None:
    """Moto also answers the library `requests`, which does not sign."""
    s3vectors().create_vector_bucket(vectorBucketName="films")
    response = requests.post("https://s3vectors.us-east-1.api.aws/ListVectorBuckets", data=b"{}", timeout=5)
    assert [each["vectorBucketName"] for each in response.json()["vectorBuckets"]] == ["films"]


def test_the_server_of_moto_uses_the_adapter() -> None:
    """It looks up requests in the same table."""
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


def test_uninstall_restores_moto() -> None:
    """Moto's own S3 Vectors answers again. Repeated calls have no effect."""
    uninstall()
    before = dict(urls.url_paths)
    backend = install()
    assert install() is backend
    uninstall()
    uninstall()
    assert dict(urls.url_paths) == before
    assert len(urls.url_bases) == 1
    with mock_aws():
        client = s3vectors()
        client.create_vector_bucket(vectorBucketName="films")
        assert bucket_names(client) == ["films"]


def test_a_missing_moto_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "moto"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "moto", None)
    monkeypatch.delitem(sys.modules, "vecgate.endpoint.moto")
    with pytest.raises(UsageError, match="needs a moto that has S3 Vectors") as raised:
        importlib.import_module("vecgate.endpoint.moto")
    assert raised.value.hint == "pip install 'vecgate[moto]'"
