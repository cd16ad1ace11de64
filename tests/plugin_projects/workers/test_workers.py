import boto3
import pytest


@pytest.mark.parametrize("number", range(4))
def test_each_worker_has_an_endpoint(s3vectors_endpoint, number):
    boto3.client("s3vectors").create_vector_bucket(vectorBucketName="films")
    assert s3vectors_endpoint.bucket_names() == {"films"}
