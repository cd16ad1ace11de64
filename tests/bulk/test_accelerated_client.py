"""Type checkers and an accelerated client. mypy checks this file as part of `make check`: a line that
must not pass has the error that it gets in a comment, which mypy rejects if there is no such error.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_type

import numpy as np
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ParamValidationError

from vecgate import AcceleratedClient, accelerate
from vecgate.bulk.core.record_blocks import Block

if TYPE_CHECKING:
    from mypy_boto3_s3vectors import S3VectorsClient

#: A program of a user, with the error that mypy must find in a line.
PROGRAM = """
import boto3
import numpy as np

from vecgate import AcceleratedClient, accelerate

client: AcceleratedClient = accelerate(boto3.client("s3vectors"))
rows = np.ones((2, 3), dtype=np.float32)
client.put_vectors(indexArn="a", vectors=[{"key": "k", "data": {"float32": np.ones(3, dtype=np.float32)}}])
client.put_vectors(indexArn="a", vectors=[{"key": str(n), "data": {"float32": r}} for n, r in enumerate(rows)])
client.put_vectors(indexArn="a", vectors=[{"key": "k", "data": {"float32": [1.0, 2]}, "metadata": {"year": 1}}])
answer = client.query_vectors(indexArn="a", topK=1, queryVector={"float32": rows[0]})
keys: list[str] = [each["key"] for each in answer["vectors"]]
client.put_vectors(index="a", vectors=[])  # call-arg
client.get_vectors(indexArn="a", key=["k"])  # call-arg
client.put_vectors(indexArn="a", vectors=[{"key": "k", "data": {"float32": ["1.0"]}}])  # list-item
client.put_vectors(indexArn="a", vectors=[{"id": "k", "data": {"float32": [1.0]}}])  # list-item
client.put_vector(indexArn="a")  # attr-defined
answer["vector"]  # typeddict-item
client.query_vectors(indexArn="a", topK=1, queryVector=answer["vectors"])  # arg-type
client.put_vectors(indexArn="a", vectors=rows)  # arg-type
"""
ERROR = re.compile(r"^program\.py:(\d+): error: .*\[([a-z-]+)\]$", re.MULTILINE)


def accelerated() -> AcceleratedClient:
    """A client whose calls are answered without a service."""
    import boto3  # noqa: PLC0415 - only here

    client: S3VectorsClient = boto3.client(
        "s3vectors", region_name="us-east-1", aws_access_key_id="A", aws_secret_access_key="s"
    )

    def answer(request: Any, **_: object) -> AWSResponse:
        headers = {"x-amzn-requestid": "1", "content-length": "43"}
        return AWSResponse(request.url, 200, headers, Raw(b'{"vectors": [], "distanceMetric": "cosine"}'))

    client.meta.events.register("before-send.s3vectors", answer)
    return assert_type(accelerate(client), AcceleratedClient)


class Raw:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def stream(self) -> list[bytes]:
        return [self.data]


def test_lists_numpy_rows_and_blocks_have_the_right_type() -> None:
    """So do the results."""
    client = accelerated()
    rows = np.ones((2, 3), dtype=np.float32)
    client.put_vectors(indexArn="a", vectors=[{"key": "k", "data": {"float32": rows[0]}}])
    client.put_vectors(
        vectorBucketName="films",
        indexName="titles",
        vectors=[{"key": "k", "data": {"float32": [1, 2.0]}, "metadata": {"year": 1999}}],
    )
    client.put_vectors(
        indexArn="a", vectors=[{"key": "k", "data": {"float32": np.arange(3, dtype=np.int64)}}]
    )
    client.put_vectors(indexArn="a", vectors=[{"key": "k", "data": {"float32": [np.float32(1)]}}])
    client.put_vectors(indexArn="a", vectors=Block(np.arange(2), ["a", "b"], rows, [None, {"year": 1999}]))
    found = client.query_vectors(indexArn="a", topK=1, queryVector={"float32": np.ones(3, dtype=np.float32)})
    keys: list[str] = [each["key"] for each in found["vectors"]]
    assert keys == []


def test_wrong_arguments_have_the_wrong_type() -> None:
    """And are refused when the program runs."""
    client = accelerated()
    with pytest.raises(ParamValidationError):
        client.put_vectors(index="a", vectors=[])  # type: ignore[call-arg]
    with pytest.raises(ParamValidationError):
        client.query_vectors(indexArn="a", k=1, queryVector={"float32": [1.0]})  # type: ignore[call-arg]
    with pytest.raises(ParamValidationError):
        client.get_vectors(indexArn="a", key=["k"])  # type: ignore[call-arg]
    with pytest.raises(ParamValidationError):
        client.put_vectors(indexArn="a", vectors=[{"id": "k", "data": {"float32": [1.0]}}])  # type: ignore[list-item]
    with pytest.raises(ParamValidationError):
        client.query_vectors(indexArn="a", topK=1, queryVector=[1.0])  # type: ignore[arg-type]


@pytest.mark.nightly
def test_a_program_of_a_user_is_checked_with_boto3_stubs(tmp_path: Path) -> None:
    """By `mypy --strict` without any setting of this project."""
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "program.py"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    expected = {
        (number, line.rpartition("  # ")[2])
        for number, line in enumerate(PROGRAM.splitlines(), 1)
        if "  # " in line
    }
    found = {(int(line), code) for line, code in ERROR.findall(ended.stdout)}
    # mypy says of some lines also in which way they are ambiguous.
    assert {each for each in found if each[1] != "misc"} == expected, ended.stdout + ended.stderr
