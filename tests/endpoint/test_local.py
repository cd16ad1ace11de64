from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError
from child_processes import child_process
from slowness import slowness

from vecgate import process
from vecgate.cli import config_file
from vecgate.endpoint.local import CONFIG_VARIABLE, LocalEndpoint
from vecgate.errors import TargetUnreachable, UsageError

DEADLINE_S = 20.0
ORPHAN = """
import sys, time
from vecgate.endpoint.local import LocalEndpoint
endpoint = LocalEndpoint()
endpoint.start()
print(endpoint.url, flush=True)
sys.stdin.read()
"""


def answers(url: str) -> bool:
    try:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        finally:
            connection.close()
    except OSError:
        return False


def stops_answering(url: str) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while answers(url):
        if time.monotonic() > deadline:
            return False
    return True


def test_a_configuration_of_the_user_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run on `--target local`, or a test suite, must not get the faults of somebody's `vecgate serve`."""
    assert CONFIG_VARIABLE == config_file.CONFIG_VARIABLE
    (tmp_path / "vecgate.toml").write_text('[serve]\nno-such-option = "x"\n')
    monkeypatch.chdir(tmp_path)
    with LocalEndpoint() as endpoint:
        assert answers(endpoint.url)


def test_an_endpoint_runs_only_within_the_block() -> None:
    """It runs in a child process, which has ended after the block."""
    endpoint = LocalEndpoint()
    assert endpoint.pid == 0
    with endpoint:
        assert endpoint.url.startswith("http://127.0.0.1:")
        assert endpoint.pid not in {0, os.getpid()}
        assert answers(endpoint.url)
    assert endpoint.pid == 0
    assert not answers(endpoint.url)
    endpoint.stop()


def test_an_exception_in_the_block_stops_the_endpoint() -> None:
    """The exception propagates."""
    endpoint = LocalEndpoint()
    with pytest.raises(KeyError), endpoint:
        raise KeyError
    assert not answers(endpoint.url)


def test_two_endpoints_can_run_at_the_same_time() -> None:
    """Each on a free port."""
    with LocalEndpoint() as one, LocalEndpoint() as other:
        assert one.url != other.url
        assert answers(one.url)
        assert answers(other.url)


def test_an_endpoint_ends_with_the_process_that_started_it() -> None:
    """Even if that process is killed."""
    with child_process(
        [sys.executable, "-c", ORPHAN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert answers(url)
        parent.kill()
    assert stops_answering(url)


def test_ctrl_c_does_not_reach_the_endpoint() -> None:
    """It has its own process group, so that requests in flight here still get a response."""
    with LocalEndpoint() as endpoint:
        assert os.getpgid(endpoint.pid) != os.getpgid(0)


def test_a_port_in_use_is_reported() -> None:
    """The message quotes that of the child process."""
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        endpoint = LocalEndpoint(port=occupied.getsockname()[1])
        with pytest.raises(UsageError, match="the local endpoint did not start: error: cannot listen on"):
            endpoint.start()
    assert endpoint.pid == 0


def test_an_endpoint_that_is_not_ready_in_time_is_stopped() -> None:
    """No process remains."""
    endpoint = LocalEndpoint(start_timeout_s=0)
    with pytest.raises(TargetUnreachable, match="was not ready within 0 s"):
        endpoint.start()
    assert endpoint.pid == 0


def test_a_process_that_exits_without_a_message_is_reported() -> None:
    """The error says so."""
    endpoint = LocalEndpoint()
    endpoint._command = [sys.executable, "-c", "pass"]
    with pytest.raises(UsageError, match="it printed no message"):
        endpoint.start()


def test_an_endpoint_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is suspended does not handle SIGTERM."""
    monkeypatch.setattr(process, "SERVER_STOP_TIMEOUT_S", 0.1)
    endpoint = LocalEndpoint()
    endpoint.start()
    os.kill(endpoint.pid, signal.SIGSTOP)
    endpoint.stop()
    assert not answers(endpoint.url)


def test_an_endpoint_gets_the_given_environment() -> None:
    """In addition to that of this process."""
    with LocalEndpoint(environment={"VECGATE_JSON": "msgspec"}) as endpoint:
        assert answers(endpoint.url)


def buckets(endpoint: LocalEndpoint, access_key: str, secret_key: str) -> list[object]:
    client = boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url=endpoint.url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
    )
    try:
        found: list[object] = client.list_vector_buckets()["vectorBuckets"]
        return found
    finally:
        client.close()


def test_an_endpoint_accepts_any_credentials_by_default() -> None:
    """It has no keys, even if the environment contains some."""
    with LocalEndpoint(environment={"VECGATE_ACCESS_KEY": "A", "VECGATE_SECRET_KEY": "b"}) as endpoint:
        assert (endpoint.access_key, endpoint.secret_key) == ("", "")
        assert buckets(endpoint, "any", "thing") == []


def test_an_endpoint_with_auth_accepts_only_its_own_keys() -> None:
    """They are not on its command line, which every user of the machine can read."""
    with LocalEndpoint(auth=True) as endpoint:
        assert buckets(endpoint, endpoint.access_key, endpoint.secret_key) == []
        with pytest.raises(ClientError, match="InvalidSignatureException"):
            buckets(endpoint, endpoint.access_key, "guess")
        command = Path(f"/proc/{endpoint.pid}/cmdline")
        if command.exists():
            assert endpoint.secret_key not in command.read_text()


def test_an_endpoint_accepts_the_options_of_serve(tmp_path: Path) -> None:
    """Such as faults and keys."""
    with LocalEndpoint(options=["--inject", "off", "--access-key", "A", "--secret-key", "b"]) as endpoint:
        assert buckets(endpoint, "A", "b") == []
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            buckets(endpoint, "B", "b")


@pytest.mark.serial
def test_starting_an_endpoint_takes_less_than_a_second() -> None:
    """CPU time from start to end, first response included. CPU time is independent of other load, and the
    best of a few runs counts.
    """
    took: list[float] = []
    while not took or (min(took) >= slowness() and len(took) < 5):
        before = children_s()
        with LocalEndpoint(auth=True) as endpoint:
            assert buckets(endpoint, endpoint.access_key, endpoint.secret_key) == []
        took.append(children_s() - before)
    assert 0 < min(took) < slowness()


def children_s() -> float:
    """Return the CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
