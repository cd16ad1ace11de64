from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import boto3
import pytest
from renderings import Run

from vecgate.endpoint.local import LocalEndpoint

#: Those of the machine that a command needs; nothing of AWS, nothing of vecgate.
KEPT = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_START")


@pytest.fixture(scope="session")
def endpoint() -> Iterator[LocalEndpoint]:
    """An endpoint that checks signatures and holds the index media/films, two vectors of two dimensions."""
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
def at_the_endpoint(endpoint: LocalEndpoint, tmp_path: Path) -> dict[str, str]:
    """The variables with which any client goes to the endpoint, and to nothing else."""
    return {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
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


@pytest.fixture
def vecgate(at_the_endpoint: dict[str, str]) -> Run:
    """Run the command line with these words in a folder: what it said on stdout and stderr."""

    def run(words: Sequence[str], folder: Path) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "vecgate", *words],
            cwd=folder,
            env=at_the_endpoint,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout

    return run
