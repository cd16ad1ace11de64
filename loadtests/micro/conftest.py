"""Fixtures of the microbenchmarks: records, canned responses, the null server, and clients for it."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
from botocore.config import Config
from botocore.credentials import Credentials

from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.transport.sender import DirectSender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VECTORS, DIMENSION, PAGE = 500, 1024, 100
INDEX_ARN = "arn:aws:s3vectors:us-east-1:123456789012:bucket/bench/index/bench"


@pytest.fixture(scope="session")
def block() -> Block:
    """A full batch: unit-norm float32 rows, a number and 50 characters as metadata."""
    rows = np.random.default_rng(0).standard_normal((VECTORS, DIMENSION)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    keys = [f"k{row:07d}" for row in range(VECTORS)]
    return Block(np.arange(VECTORS), keys, rows, [{"i": row, "t": "x" * 50} for row in range(VECTORS)])


@pytest.fixture(scope="session")
def sink_url(responses: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A null server in its own process that answers reads with a page of the block."""
    path = tmp_path_factory.mktemp("sink") / "responses.json"
    path.write_text(json.dumps(responses))
    command = [sys.executable, str(Path(__file__).with_name("sink.py")), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()


@pytest.fixture(scope="session")
def new_client(sink_url: str) -> Callable[[], Any]:
    """Return a function that makes a stock boto3 client for the null server."""
    return lambda: boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url=sink_url,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="session")
def direct_sender(sink_url: str) -> Iterator[DirectSender]:
    """A sender to the null server without boto3."""
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI")
    with closing(DirectSender(credentials, region="us-east-1", endpoint_url=sink_url)) as sender:
        yield sender


@pytest.fixture(scope="session")
def responses(block: Block) -> dict[str, Any]:
    """The responses of the null server by operation; of a list, each in turn."""
    page = block.slice(0, PAGE)
    stored = [
        {"key": key, "data": {"float32": [float(value) for value in row]}, "metadata": metadata}
        for key, row, metadata in zip(page.keys, page.vectors, page.metadata, strict=True)
    ]
    hits = [
        {"key": key, "distance": 0.25 + row / 1000, "metadata": {**(metadata or {}), "text": "x" * 200}}
        for row, (key, metadata) in enumerate(zip(page.keys, page.metadata, strict=True))
    ]
    # Each segment of a scan has other vectors, so its answers differ.
    segments = [[{**vector, "key": f"{name}-{vector['key']}"} for vector in stored] for name in range(4)]
    index = {"indexName": "bench", "indexArn": INDEX_ARN, "vectorBucketName": "bench", "creationTime": 0}
    return {
        "GetIndex": {
            "index": {**index, "dataType": "float32", "dimension": DIMENSION, "distanceMetric": "cosine"}
        },
        "GetVectors": {"vectors": stored},
        "ListVectors": [{"vectors": vectors} for vectors in segments],
        "QueryVectors": {"vectors": hits, "distanceMetric": "cosine"},
    }
