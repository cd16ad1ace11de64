from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from vecgate.endpoint.local import LocalEndpoint

#: Environment variables that a child process keeps: none of AWS, none of vecgate.
INHERITED = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_START")


@pytest.fixture(scope="session")
def endpoint() -> Iterator[LocalEndpoint]:
    """An endpoint that checks signatures, with the index media/films: two vectors of two dimensions."""
    with LocalEndpoint(auth=True) as running:
        client = boto3.client(
            "s3vectors",
            endpoint_url=running.url,
            region_name="us-east-1",
            aws_access_key_id=running.access_key,
            aws_secret_access_key=running.secret_key,
        )
        client.create_vector_bucket(vectorBucketName="media")
        client.create_index(
            vectorBucketName="media",
            indexName="films",
            dataType="float32",
            dimension=2,
            distanceMetric="cosine",
        )
        vectors = [{"key": key, "data": {"float32": [1.0, number]}} for number, key in enumerate("ab")]
        client.put_vectors(vectorBucketName="media", indexName="films", vectors=vectors)
        client.close()
        yield running


@pytest.fixture
def endpoint_environment(endpoint: LocalEndpoint, tmp_path: Path) -> dict[str, str]:
    """Environment variables that point every client at the endpoint, and at nothing else."""
    return {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        "AWS_ENDPOINT_URL_S3VECTORS": endpoint.url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": endpoint.access_key,
        "AWS_SECRET_ACCESS_KEY": endpoint.secret_key,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "COLUMNS": "200",
    }
