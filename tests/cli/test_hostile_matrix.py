"""Every command against every misbehaviour of a server: it ends in time, with an error or a failed verdict."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import boto3
import pytest
from commands import Vecgate
from hostile_server import ALL_OPERATIONS, MISBEHAVIOURS, HostileServer, hostile_server

from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.transport.response_limits import ResponseLimits
from vecgate.resources.cleanup import open_cleanup_client

#: Time limit of a request in these tests.
TIMEOUT_S = 0.4
#: Time limit of a command: a machine with much other load needs seconds to start a process.
WITHIN_S = 100.0
ADDRESS = {"vectorBucketName": "hostile-bucket", "indexName": "index"}
INDEX = ("--bucket", ADDRESS["vectorBucketName"], "--index", ADDRESS["indexName"])
#: The options of each command, and the operations that do not misbehave: without them it would end at once.
COMMANDS = {
    "put": ((*INDEX, "in.jsonl", "--retry-for", "1s"), ("GetIndex",)),
    "delete": ((*INDEX, "in.jsonl", "--yes", "--retry-for", "1s"), ("GetIndex",)),
    "scan": ((*INDEX, "-o", "out.jsonl"), ("GetIndex",)),
    "query": ((*INDEX, "--key", "k0"), ("GetIndex",)),
    "doctor": (INDEX, ()),
    "conform": (("--timeout", str(TIMEOUT_S), "-k", "delete-vectors.deletes"), ()),
    "ramp": (("smoke", "--set", "stages.duration=0.1"), ("ListVectorBuckets",)),
    "clean": (("--older-than", "0h", "--yes"), ()),
}
#: These answers are lists that the service could give: of no vector, of another one, of no bucket.
LISTS = {
    ("scan", "far-time"),
    ("clean", "far-time"),
    ("clean", "other-keys"),
}
EVERY = [(command, how) for command in COMMANDS for how in MISBEHAVIOURS]
#: In the default run each misbehaviour has one command, and each command several misbehaviours.
QUICK = [command for command in COMMANDS if command not in {"conform", "ramp"}]
DEFAULT = {
    *((QUICK[number % len(QUICK)], how) for number, how in enumerate(MISBEHAVIOURS)),
    ("conform", "drip"),
    ("ramp", "html"),
    ("scan", "endless-pages"),
}


@pytest.fixture(scope="module")
def hostile(endpoint: str) -> Iterator[HostileServer]:
    """A server with an index of eight vectors."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    vectors = [{"key": f"k{number}", "data": {"float32": [1, 2, 3, number]}} for number in range(8)]
    with closing(boto3.client("s3vectors", region_name="us-east-1", endpoint_url=endpoint, **keys)) as client:
        client.create_vector_bucket(vectorBucketName=ADDRESS["vectorBucketName"])
        client.create_index(**ADDRESS, dimension=4, distanceMetric="cosine", dataType="float32")
        client.put_vectors(**ADDRESS, vectors=vectors)
    with hostile_server(endpoint) as running:
        yield running


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the limits of a request, of a list and of retries."""
    monkeypatch.setattr("vecgate.bulk.reader.EMPTY_PAGES_MAX", 5)
    monkeypatch.setattr(RetryPolicy.__init__, "__defaults__", (10, 0.01, 0.05, 2.0, 0.1))
    monkeypatch.setattr("vecgate.targets.target.READ_TIMEOUT_S", TIMEOUT_S)
    monkeypatch.setattr(ResponseLimits.__init__, "__defaults__", (1_000_000, TIMEOUT_S))
    monkeypatch.setitem(open_cleanup_client.__wrapped__.__kwdefaults__, "timeout_s", TIMEOUT_S)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize(
    ("command", "how"),
    [pytest.param(*each, marks=() if each in DEFAULT else pytest.mark.nightly) for each in EVERY],
)
def test_a_hostile_server_can_neither_hold_nor_convince_a_command(
    vecgate: Vecgate, hostile: HostileServer, command: str, how: str
) -> None:
    """Exit code 1, 2 or 3, never 4, and 0 only for an answer that the service could give."""
    Path("in.jsonl").write_text("".join(f'{{"key":"k{n}","vector":[1,2,3,{n}]}}\n' for n in range(8)))
    options, is_good = COMMANDS[command]
    hostile.misbehaves = {ALL_OPERATIONS: how, **dict.fromkeys(is_good, "")}
    started_s = time.monotonic()
    result = vecgate(command, "--target", hostile.url, "--region", "us-east-1", *options)
    elapsed_s = time.monotonic() - started_s
    is_convinced = (command, how) in LISTS
    assert result.code in ({0} if is_convinced else {1, 2, 3}), result.out + result.err
    assert is_convinced or "PASS" not in result.out
    assert elapsed_s < WITHIN_S
