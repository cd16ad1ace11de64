import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError

from vecgate.errors import UsageError

CONFIG = Config(retries={"total_max_attempts": 1})


def test_a_write_is_applied_and_its_answer_is_lost(s3vectors_endpoint, s3vectors_faults):
    s3vectors_faults.add("lost", operations=["CreateVectorBucket"])
    with pytest.raises(ConnectionClosedError):
        boto3.client("s3vectors", config=CONFIG).create_vector_bucket(vectorBucketName="films")
    assert s3vectors_endpoint.bucket_names() == {"films"}


def test_mistakes_are_errors(s3vectors_faults):
    for mistake in (
        lambda: s3vectors_faults.add("earthquake"),
        lambda: s3vectors_faults.throttle(20),
        lambda: s3vectors_faults.throttle(0.2, ["PutVector"]),
        lambda: s3vectors_faults.quotas("none"),
        lambda: s3vectors_faults.add("slow-body"),
        lambda: s3vectors_faults.throttle(0.5, first=0),
    ):
        with pytest.raises(UsageError):
            mistake()
