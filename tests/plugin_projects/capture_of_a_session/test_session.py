import boto3
import pytest


@pytest.fixture(scope="session")
def films(s3vectors_endpoint):
    boto3.client("s3vectors").create_vector_bucket(vectorBucketName="films")


def test_a_fixture_of_the_session_is_captured(films, s3vectors_endpoint):
    assert s3vectors_endpoint.bucket_names() == {"films"}


def test_its_bucket_stays(s3vectors_endpoint):
    assert s3vectors_endpoint.bucket_names() == {"films"}
