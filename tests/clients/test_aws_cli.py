"""The AWS CLI as it is typed: exit codes, texts, files, pages. Its operations are in `test_operations`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from client_programs import Access, environment_of
from places import INDEX, Place
from sdks import CliSdk, Sdk


@pytest.fixture
def aws(sdks: Callable[[str], Sdk]) -> CliSdk:
    """`aws s3vectors` without its start."""
    sdk = sdks("awscli")
    assert isinstance(sdk, CliSdk)
    return sdk


@pytest.fixture
def started(access: Access) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `aws` itself."""
    program = environment_of("awscli") / "bin/aws"

    def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(program), *arguments],
            env={**access.environment(), **changes},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def address(place: Place) -> list[str]:
    if place.by_arn:
        return ["--index-arn", place.index_arn]
    return ["--vector-bucket-name", place.bucket, "--index-name", INDEX]


def test_an_answer_is_on_stdout_and_the_exit_code_is_0(
    started: Callable[..., subprocess.CompletedProcess[str]], home: Place
) -> None:
    """The endpoint is named by the variable of the service."""
    done = started("s3vectors", "get-index", *address(home), "--query", "index.dimension")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "2", "")


def test_an_error_is_on_stderr_and_the_exit_code_is_255(
    started: Callable[..., subprocess.CompletedProcess[str]], access: Access
) -> None:
    """With the code, the operation and the message; here the endpoint is named by the option."""
    arguments = ("get-index", "--vector-bucket-name", "never-made", "--index-name", "never-made")
    done = started(
        "s3vectors", *arguments, "--endpoint-url", access.url, AWS_ENDPOINT_URL_S3VECTORS="http://127.0.0.1:1"
    )
    assert (done.returncode, done.stdout) == (255, "")
    assert done.stderr.strip() == (
        "An error occurred (NotFoundException) when calling the GetIndex operation: "
        "The specified index could not be found"
    )


def test_a_request_without_a_signature_is_refused(
    started: Callable[..., subprocess.CompletedProcess[str]], home: Place
) -> None:
    """`--no-sign-request` is for endpoints without auth."""
    done = started("s3vectors", "get-index", *address(home), "--no-sign-request")
    assert done.returncode == 255
    assert "(MissingAuthenticationTokenException)" in done.stderr


def test_vectors_come_from_a_file_and_a_query_from_the_command_line(
    aws: CliSdk, place: Place, tmp_path: Path
) -> None:
    """As JSON and in the CLI's shorthand."""
    file = tmp_path / "vectors.json"
    file.write_text(json.dumps([{"key": "far", "data": {"float32": [30, 40]}, "metadata": {"year": 2020}}]))
    assert aws.run("put-vectors", *address(place), "--vectors", f"file://{file}") == ""
    written = aws.run(
        "query-vectors",
        *address(place),
        *("--top-k", "1", "--query-vector", "float32=30,41", "--filter", '{"year": {"$gte": 2010}}'),
        *("--return-distance", "--return-metadata"),
    )
    found = {"key": "far", "distance": 1.0, "metadata": {"year": 2020}}
    assert json.loads(written) == {"vectors": [found], "distanceMetric": "euclidean"}


def test_pages_are_joined(aws: CliSdk, place: Place) -> None:
    """However small they are; what stays beyond `--max-items` starts with a token."""
    keys = ["--query", "sort(vectors[].key)", "--output", "json"]
    assert json.loads(aws.run("list-vectors", *address(place), "--page-size", "1", *keys)) == ["a", "b", "c"]
    first = json.loads(aws.run("list-vectors", *address(place), "--max-items", "2"))
    rest = json.loads(aws.run("list-vectors", *address(place), "--starting-token", first["NextToken"]))
    assert sorted(each["key"] for part in (first, rest) for each in part["vectors"]) == ["a", "b", "c"]


def test_tags_are_written_in_shorthand(aws: CliSdk, place: Place) -> None:
    """Values with blanks too."""
    aws.run("tag-resource", "--resource-arn", place.resource_arn, "--tags", "team=film,cost=4 2")
    aws.run("untag-resource", "--resource-arn", place.resource_arn, "--tag-keys", "team", "none")
    written = aws.run("list-tags-for-resource", "--resource-arn", place.resource_arn, "--output", "text")
    assert written.split("\n") == ["TAGS\t4 2", ""]
