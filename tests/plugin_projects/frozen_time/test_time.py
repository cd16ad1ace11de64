from datetime import UTC, datetime

import boto3


def test_creation_times_are_those_of_the_test(s3vectors_endpoint):
    at = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    s3vectors_endpoint.freeze_time(at)
    client = boto3.client("s3vectors")
    client.create_vector_bucket(vectorBucketName="films")
    found = client.get_vector_bucket(vectorBucketName="films")["vectorBucket"]
    assert found["creationTime"] == at
