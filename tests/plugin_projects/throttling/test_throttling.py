import boto3
import pytest
from botocore.config import Config


def client(attempts):
    return boto3.client(
        "s3vectors", config=Config(retries={"mode": "standard", "total_max_attempts": attempts})
    )


def test_the_application_is_throttled_once(s3vectors_faults, s3vectors_requests):
    s3vectors_faults.throttle(first=1)
    client(3).create_vector_bucket(vectorBucketName="films")
    assert [each.status for each in s3vectors_requests] == [429, 200]


def test_it_gives_up(s3vectors_faults):
    s3vectors_faults.throttle()
    with pytest.raises(client(1).exceptions.TooManyRequestsException):
        client(1).list_vector_buckets()


def test_faults_end_with_their_test(s3vectors_endpoint):
    client(1).list_vector_buckets()
