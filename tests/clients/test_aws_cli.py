"""The AWS CLI as users type it: exit codes, texts, files, pages. Its operations are in `test_operations`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from client_programs import Access, find_environment
from sample_index import INDEX, SampleIndex
from sdks import CliSdk, Sdk


@pytest.fixture
def aws(sdks: Callable[[str], Sdk]) -> CliSdk:
    """`aws s3vectors` in a process that is already running."""
    sdk = sdks("awscli")
    assert isinstance(sdk, CliSdk)
    return sdk


@pytest.fixture
def run_aws(access: Access) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command `aws`."""
    program = find_environment("awscli") / "bin/aws"

    def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(program), *arguments],
            env={**access.environment(), **changes},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def address(sample: SampleIndex) -> list[str]:
    if sample.by_arn:
        return ["--index-arn", sample.index_arn]
    return ["--vector-bucket-name", sample.bucket, "--index-name", INDEX]


def test_a_response_is_on_stdout_and_the_exit_code_is_0(
    run_aws: Callable[..., subprocess.CompletedProcess[str]], sample_by_name: SampleIndex
) -> None:
    """Here the environment variable of the service selects the endpoint."""
    result = run_aws("s3vectors", "get-index", *address(sample_by_name), "--query", "index.dimension")
    assert (result.returncode, result.stdout.strip(), result.stderr) == (0, "2", "")


def test_an_error_is_on_stderr_and_the_exit_code_is_255(
    run_aws: Callable[..., subprocess.CompletedProcess[str]], access: Access
) -> None:
    """With the code, the operation and the message. Here the option selects the endpoint."""
    arguments = ("get-index", "--vector-bucket-name", "missing", "--index-name", "missing")
    result = run_aws(
        "s3vectors", *arguments, "--endpoint-url", access.url, AWS_ENDPOINT_URL_S3VECTORS="http://127.0.0.1:1"
    )
    assert (result.returncode, result.stdout) == (255, "")
    assert result.stderr.strip() == (
        "An error occurred (NotFoundException) when calling the GetIndex operation: "
        "The specified index could not be found"
    )


def test_a_request_without_a_signature_is_refused(
    run_aws: Callable[..., subprocess.CompletedProcess[str]], sample_by_name: SampleIndex
) -> None:
    """`--no-sign-request` works only with an endpoint without authentication."""
    result = run_aws("s3vectors", "get-index", *address(sample_by_name), "--no-sign-request")
    assert result.returncode == 255
    assert "(MissingAuthenticationTokenException)" in result.stderr


def test_vectors_come_from_a_file_and_a_query_from_the_command_line(
    aws: CliSdk, sample: SampleIndex, tmp_path: Path
) -> None:
    """As JSON and in the CLI's shorthand."""
    file = tmp_path / "vectors.json"
    file.write_text(json.dumps([{"key": "far", "data": {"float32": [30, 40]}, "metadata": {"year": 2020}}]))
    assert aws.run("put-vectors", *address(sample), "--vectors", f"file://{file}") == ""
    written = aws.run(
        "query-vectors",
        *address(sample),
        *("--top-k", "1", "--query-vector", "float32=30,41", "--filter", '{"year": {"$gte": 2010}}'),
        *("--return-distance", "--return-metadata"),
    )
    found = {"key": "far", "distance": 1.0, "metadata": {"year": 2020}}
    assert json.loads(written) == {"vectors": [found], "distanceMetric": "euclidean"}


def test_pages_are_joined(aws: CliSdk, sample: SampleIndex) -> None:
    """For any page size. A list that `--max-items` ends can be continued with a token."""
    keys = ["--query", "sort(vectors[].key)", "--output", "json"]
    assert json.loads(aws.run("list-vectors", *address(sample), "--page-size", "1", *keys)) == ["a", "b", "c"]
    first = json.loads(aws.run("list-vectors", *address(sample), "--max-items", "2"))
    rest = json.loads(aws.run("list-vectors", *address(sample), "--starting-token", first["NextToken"]))
    assert sorted(each["key"] for part in (first, rest) for each in part["vectors"]) == ["a", "b", "c"]


def test_tags_are_written_in_shorthand(aws: CliSdk, sample: SampleIndex) -> None:
    """Values may contain spaces."""
    aws.run("tag-resource", "--resource-arn", sample.resource_arn, "--tags", "team=film,cost=4 2")
    aws.run("untag-resource", "--resource-arn", sample.resource_arn, "--tag-keys", "team", "none")
    written = aws.run("list-tags-for-resource", "--resource-arn", sample.resource_arn, "--output", "text")
    assert written.split("\n") == ["TAGS\t4 2", ""]
