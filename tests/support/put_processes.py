"""Helpers for tests of `vecgate put` as a process, against an endpoint that may be a process too."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

import boto3
import numpy as np
import pyarrow.parquet as pq
from child_processes import child_process

from vecgate.bulk.reader import BulkReader


def stored(target: str, index: str) -> dict[str, bytes]:
    """Return all vectors of the index by key."""
    client = boto3.client(
        "s3vectors",
        endpoint_url=target,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    try:
        pages = list(BulkReader(client, bucket="bucket", index=index).scan())
    finally:
        client.close()
    return {
        key: row.tobytes()
        for page in pages
        if page.vectors is not None
        for key, row in zip(page.keys, page.vectors, strict=True)
    }


def in_file(file: Path) -> dict[str, bytes]:
    """Return all vectors of the file by key."""
    table = pq.read_table(file)
    matrix = np.array(table["vector"].to_pylist(), dtype=np.float32)
    return {str(key): row.tobytes() for key, row in zip(table["key"].to_pylist(), matrix, strict=True)}


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def serve(port: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Start an endpoint that keeps its data."""
    words = ["serve", "--port", str(port), "--no-auth", "--data-dir", "data"]
    return child_process([sys.executable, "-m", "vecgate", *words], stderr=subprocess.DEVNULL)


def listens(port: int) -> bool:
    """Return whether something accepts connections at *port*."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def read_until(process: subprocess.Popen[str], text: str, *, within_s: float = 60.0) -> str:
    """Return the first line of stderr with *text*."""
    assert process.stderr is not None
    until_s = time.monotonic() + within_s
    while (line := process.stderr.readline()) and text not in line:
        assert time.monotonic() < until_s
    return line
