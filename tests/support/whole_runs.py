"""Whole load runs in their own processes. Tests check counts and verdicts, never the speed of the machine."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
from child_processes import WITHIN_S, child_process

from vecgate.endpoint.local import LocalEndpoint
from vecgate.load.load_runner import LoadTest
from vecgate.load.web.page_requests import TOKEN_HEADER
from vecgate.results.load.load_records import LoadPlan
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import Stream
from vecgate.targets.target import TargetChoice

ADMIN = "/_vecgate/injection"


def load_test(endpoint: LocalEndpoint, scenario: str, folder: Path, **options: object) -> LoadTest:
    return LoadTest(scenario, TargetChoice(endpoint.url), folder / "run.jsonl", **options)  # type: ignore[arg-type]


def inject(endpoint: LocalEndpoint, plan: dict[str, object]) -> None:
    request = urllib.request.Request(  # noqa: S310 - the test's endpoint
        f"{endpoint.url}{ADMIN}", json.dumps(plan).encode(), endpoint.admin_headers, method="PUT"
    )
    urllib.request.urlopen(request, timeout=WITHIN_S).close()  # noqa: S310


@contextmanager
def start_run(test: LoadTest) -> Iterator[subprocess.Popen[Any]]:
    """Start the run in its own process, without a parent command that reports it."""
    command = [word for word in test.command() if word != "--vecgate-parent=yes"]
    with child_process(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield process


def count_seconds(path: Path) -> int:
    return path.read_bytes().count(b'"record":"second"') if path.exists() else 0


def is_accounted_for(stream: Stream) -> bool:
    """Return True if every scheduled request was due, and each is in one column: a result, or why it has none."""
    summary, plan = summarize(stream), stream.first(LoadPlan)
    assert plan is not None
    columns = summary.requests + summary.dropped + summary.lost + summary.unknown
    return columns == summary.due == plan.scheduled


def is_consistent(stream: Stream) -> bool:
    """Return True if no request of an interrupted run was counted twice. The last ones may be missing."""
    summary = summarize(stream)
    return 0 < summary.requests <= summary.started <= summary.due


def is_starved(stream: Stream) -> bool:
    """Return True if the run itself says that the machine was too slow for it."""
    return bool(summarize(stream).limited_by_generator)


def count_buckets(endpoint: LocalEndpoint) -> int:
    """Return the number of buckets of the endpoint."""
    client = boto3.client(
        "s3vectors",
        endpoint_url=endpoint.url,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    with closing(client):
        return len(client.list_vector_buckets()["vectorBuckets"])


def unused_port() -> int:
    """Return a port that no process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def web_token(url: str) -> str:
    """Return the token in the page of Locust's web interface at *url*."""
    with urllib.request.urlopen(url, timeout=WITHIN_S) as response:  # noqa: S310 - the test's own
        page = response.read().decode()
    found = re.search(rf'"{TOKEN_HEADER}", "([^"]+)"', page)
    assert found
    return found[1]
