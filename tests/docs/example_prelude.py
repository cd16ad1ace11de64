"""Names that examples on the pages use without defining them; placed before the code of such an example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from vecgate import BulkConfig, BulkReader, BulkWriter
from vecgate.endpoint.local import LocalEndpoint

client = boto3.client("s3vectors")
row = [1.0, 0.0]
keys = ["a", "b", "none"]
rows = [("c", [0.5, 0.5], 1999), ("d", [0.25, 0.75], 2024)]
path = Path("run.jsonl")


class context:  # noqa: N801 - the name that the pages give Lambda's context
    aws_request_id = "1"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 60_000


def my_search(client: Any, bucket: str, index: str) -> list[str]:
    response = client.query_vectors(
        vectorBucketName=bucket, indexName=index, topK=1, queryVector={"float32": [1.0, 0.0]}
    )
    return [vector["key"] for vector in response["vectors"]]


__all__ = ["BulkConfig", "BulkReader", "BulkWriter", "LocalEndpoint", "pytest"]
