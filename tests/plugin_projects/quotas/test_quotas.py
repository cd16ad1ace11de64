from datetime import datetime

import boto3
import pytest
from botocore.config import Config

CONFIG = Config(retries={"total_max_attempts": 1})


def test_a_second_has_2500_vectors(s3vectors_endpoint, s3vectors_faults, vector_index):
    client = boto3.client("s3vectors", config=CONFIG)
    s3vectors_endpoint.freeze_time(datetime(2026, 11, 30))
    s3vectors_faults.quotas("documented")
    vectors = [{"key": f"k{number}", "data": {"float32": [1.0, 2.0]}} for number in range(500)]
    for _ in range(5):
        client.put_vectors(**vector_index.address, vectors=vectors)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.put_vectors(**vector_index.address, vectors=vectors[:1])
