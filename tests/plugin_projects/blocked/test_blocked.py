import boto3
import pytest

from vecgate.fixtures.captured_clients import RealServiceBlocked

CLIENT = boto3.client(
    "s3vectors", region_name="eu-west-1", aws_access_key_id="key", aws_secret_access_key="secret"
)


def test_an_old_client_cannot_reach_amazon(s3vectors_endpoint):
    assert s3vectors_endpoint.url == "http://127.0.0.1:9"
    with pytest.raises(RealServiceBlocked, match="create it within the test"):
        CLIENT.list_vector_buckets()


def test_faults_need_the_local_endpoint(s3vectors_faults):
    raise AssertionError
