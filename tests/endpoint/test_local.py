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
from slowness import slowness

from vecgate.endpoint import local
from vecgate.endpoint.local import LocalEndpoint
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


def gone_in_time(url: str) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while answers(url):
        if time.monotonic() > deadline:
            return False
    return True


def test_an_endpoint_is_there_within_the_block_and_gone_after_it() -> None:
    """In a process of its own, which is waited for."""
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
    """And goes on its way."""
    endpoint = LocalEndpoint()
    with pytest.raises(KeyError), endpoint:
        raise KeyError
    assert not answers(endpoint.url)


def test_two_endpoints_live_side_by_side() -> None:
    """Each on a free port."""
    with LocalEndpoint() as one, LocalEndpoint() as other:
        assert one.url != other.url
        assert answers(one.url)
        assert answers(other.url)


def test_an_endpoint_ends_with_the_process_that_started_it() -> None:
    """Even when that one is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert answers(url)
        parent.kill()
    assert gone_in_time(url)


def test_ctrl_c_does_not_reach_the_endpoint() -> None:
    """It is in a process group of its own: requests in flight here still get their answers."""
    with LocalEndpoint() as endpoint:
        assert os.getpgid(endpoint.pid) != os.getpgid(0)


def test_a_port_in_use_is_told() -> None:
    """With what the process said."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = LocalEndpoint(port=taken.getsockname()[1])
        with pytest.raises(UsageError, match="the local endpoint did not start: error: cannot listen on"):
            endpoint.start()
    assert endpoint.pid == 0


def test_an_endpoint_that_does_not_come_up_in_time_is_given_up() -> None:
    """And no process is left."""
    endpoint = LocalEndpoint(ready_within_s=0)
    with pytest.raises(TargetUnreachable, match="did not come up within 0 s"):
        endpoint.start()
    assert endpoint.pid == 0


def test_a_process_that_dies_without_a_word_is_told() -> None:
    """There is nothing to quote."""
    endpoint = LocalEndpoint()
    endpoint._command = [sys.executable, "-c", "pass"]
    with pytest.raises(UsageError, match="it said nothing"):
        endpoint.start()


def test_an_endpoint_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped process takes no SIGTERM."""
    monkeypatch.setattr(local, "STOP_WITHIN_S", 0.1)
    endpoint = LocalEndpoint()
    endpoint.start()
    os.kill(endpoint.pid, signal.SIGSTOP)
    endpoint.stop()
    assert not answers(endpoint.url)


def test_an_endpoint_has_the_environment_that_it_is_given() -> None:
    """Beside that of this process."""
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


def test_an_endpoint_takes_anything_unless_asked_otherwise() -> None:
    """And has no keys to tell, whatever the environment holds."""
    with LocalEndpoint(environment={"VECGATE_ACCESS_KEY": "A", "VECGATE_SECRET_KEY": "b"}) as endpoint:
        assert (endpoint.access_key, endpoint.secret_key) == ("", "")
        assert buckets(endpoint, "any", "thing") == []


def test_an_endpoint_with_auth_tells_its_keys_and_takes_no_others() -> None:
    """They are not on its command line, which is for everyone to see."""
    with LocalEndpoint(auth=True) as endpoint:
        assert buckets(endpoint, endpoint.access_key, endpoint.secret_key) == []
        with pytest.raises(ClientError, match="InvalidSignatureException"):
            buckets(endpoint, endpoint.access_key, "guess")
        command = Path(f"/proc/{endpoint.pid}/cmdline")
        if command.exists():
            assert endpoint.secret_key not in command.read_text()


def test_an_endpoint_takes_the_options_of_serve(tmp_path: Path) -> None:
    """Such as faults, and principals."""
    with LocalEndpoint(options=["--inject", "off", "--access-key", "A", "--secret-key", "b"]) as endpoint:
        assert buckets(endpoint, "A", "b") == []
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            buckets(endpoint, "B", "b")


def test_an_endpoint_takes_less_than_a_second() -> None:
    """From nothing to its first answer and its end: of a processor, so that others on this machine do not
    count, and the best of a few.
    """
    took: list[float] = []
    while not took or (min(took) >= slowness() and len(took) < 5):
        before = children_s()
        with LocalEndpoint(auth=True) as endpoint:
            assert buckets(endpoint, endpoint.access_key, endpoint.secret_key) == []
        took.append(children_s() - before)
    assert 0 < min(took) < slowness()


def children_s() -> float:
    """Seconds that the children which have ended have used of a processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
