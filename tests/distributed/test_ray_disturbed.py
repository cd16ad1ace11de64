"""Jobs on Ray whose processes, machines and service go away. Minutes each, so they run in `make test-deep`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import numpy as np
import psutil
import pytest
from botocore.exceptions import ClientError
from network_namespaces import network_hosts
from ray_clusters import STORE_BYTES, dataset_of, import_ray, ray_cluster, vectors_table

from vecgate.bulk.reader import BulkReader
from vecgate.distributed.write_outcome import WriteOutcome
from vecgate.endpoint.local import LocalEndpoint

ray = import_ray()
pytestmark = [pytest.mark.nightly, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]

from vecgate.distributed.ray import write_s3_vectors  # noqa: E402 - after the check for Ray

BUCKET, INDEX, DIMENSION = "bucket-a", "films", 64
KILLS = 10
OUTAGE_S = 30.0


def matrix_of(rows: int) -> Any:
    return np.random.default_rng(7).standard_normal((rows, DIMENSION), dtype=np.float32)


def keys_of(rows: int) -> list[str]:
    return [f"k{number}" for number in range(rows)]


def client_of(url: str) -> Any:
    return boto3.client(
        "s3vectors",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


def has_begun(url: str) -> bool:
    """Return true if the index has a vector."""
    try:
        page = client_of(url).list_vectors(vectorBucketName=BUCKET, indexName=INDEX, maxResults=1)
    except ClientError:
        return False
    return bool(page["vectors"])


def stored(url: str, index: str = INDEX) -> dict[str, bytes]:
    client = client_of(url)
    return {
        key: vector.tobytes()
        for page in BulkReader(client, bucket=BUCKET, index=index).scan(4, metadata=False)
        for key, vector in zip(page.keys, [] if page.vectors is None else page.vectors, strict=True)
    }


def write(endpoint: LocalEndpoint, rows: int, *, blocks: int = 24, **others: Any) -> WriteOutcome:
    table = vectors_table(matrix_of(rows), keys_of(rows))
    outcome: WriteOutcome = write_s3_vectors(
        dataset_of(table, blocks=blocks),
        bucket=BUCKET,
        index=INDEX,
        key_column="id",
        target=endpoint.url,
        create={"dimension": DIMENSION},
        ray_remote_args={"max_retries": -1},
        **others,
    )
    return outcome


def check_everything_is_stored(outcome: WriteOutcome, url: str, rows: int) -> None:
    """Nothing acknowledged is missing, and the counts are those of a scan."""
    found = stored(url)
    assert outcome.is_complete
    assert outcome.totals.acknowledged == len(found) == rows
    assert found == {key: row.tobytes() for key, row in zip(keys_of(rows), matrix_of(rows), strict=True)}


def writer_processes() -> list[psutil.Process]:
    """Return the processes of Ray that run a task of the write, and the one that owns the budgets."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            title = " ".join(process.cmdline())
            if title.startswith(("ray::Write", "ray::S3Vectors", "ray::BudgetActor", "ray::MapBatches")):
                found.append(process)
    return found


@contextmanager
def disturbed(disturb: Any, *, every_s: float, times: int) -> Iterator[list[str]]:
    """Call *disturb* on a thread, and yield what it has done."""
    done: list[str] = []
    is_over = threading.Event()

    def run() -> None:
        while len(done) < times and not is_over.wait(every_s):
            if what := disturb():
                done.append(what)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield done
    finally:
        is_over.set()
        thread.join(60)


def test_a_job_outlives_its_worker_processes() -> None:
    """Ten of them are killed, among them the owner of the budgets."""

    def kill_one() -> str:
        processes = writer_processes()
        if not processes:
            return ""
        victim = processes[int(time.monotonic() * 1_000) % len(processes)]
        title = " ".join(victim.cmdline())
        os.kill(victim.pid, signal.SIGKILL)
        return title

    rows = 60_000
    with (
        LocalEndpoint(options=["--quotas", "documented"]) as endpoint,
        ray_cluster(cpus=6),
        disturbed(kill_one, every_s=2.0, times=KILLS) as killed,
    ):
        outcome = write(endpoint, rows, concurrency=4)
        check_everything_is_stored(outcome, endpoint.url, rows)
        assert len(killed) == KILLS


def test_a_job_outlives_a_node() -> None:
    """Two of four nodes are killed midway, with the tasks that run on them."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - Ray may be absent

    rows = 40_000
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False},
    )
    try:
        nodes = [cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES) for _ in range(3)]
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
        ray.data.DataContext.get_current().enable_progress_bars = False

        def kill_node() -> str:
            if not writer_processes():
                return ""
            cluster.remove_node(nodes.pop(), allow_graceful=False)
            return "node"

        with (
            LocalEndpoint(options=["--quotas", "documented"]) as endpoint,
            disturbed(kill_node, every_s=5.0, times=2) as killed,
        ):
            outcome = write(endpoint, rows, concurrency=4)
            check_everything_is_stored(outcome, endpoint.url, rows)
            assert len(killed) == 2
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_a_job_outlives_an_outage() -> None:
    """The service answers nothing but 503 for half a minute, also to tasks that begin in this time."""
    rows = 25_000

    def admin(method: str, endpoint: LocalEndpoint, content: object = None) -> None:
        request = urllib.request.Request(  # noqa: S310 - the endpoint's own URL
            f"{endpoint.url}/_vecgate/injection",
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers=endpoint.admin_headers,
        )
        with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - as above
            pass

    with LocalEndpoint(options=["--quotas", "documented"]) as endpoint, ray_cluster(cpus=4):

        def break_it() -> str:
            if not has_begun(endpoint.url):
                return ""
            admin("PUT", endpoint, {"fault": [{"kind": "unavailable", "rate": 1}]})
            time.sleep(OUTAGE_S)
            admin("DELETE", endpoint)
            return "outage"

        with disturbed(break_it, every_s=1.0, times=1) as broken:
            outcome = write(endpoint, rows, concurrency=3)
            check_everything_is_stored(outcome, endpoint.url, rows)
            assert broken
            assert outcome.totals.retries > 0


def test_exactly_the_bad_rows_are_listed(tmp_path: Path) -> None:
    """Five in a hundred: NaN, a wrong length, metadata beyond the limit."""
    rows = 10_000
    vectors = [list(map(float, row)) for row in matrix_of(rows)]
    texts = ["short"] * rows
    bad = set(range(0, rows, 20))
    for number in bad:
        kind = number // 20 % 3
        if kind == 0:
            vectors[number][3] = float("nan")
        elif kind == 1:
            vectors[number].pop()
        else:
            texts[number] = "x" * 5_000
    table = vectors_table(matrix_of(rows), keys_of(rows), text=texts)
    table = table.set_column(1, "embedding", [vectors])
    with LocalEndpoint() as endpoint, ray_cluster(cpus=4):
        outcome = write_s3_vectors(
            dataset_of(table, blocks=8),
            bucket=BUCKET,
            index=INDEX,
            key_column="id",
            vector_column="embedding",
            target=endpoint.url,
            create={"dimension": DIMENSION},
            on_reject="collect",
            rejects=str(tmp_path),
            vectors_per_s=5_000,
        )
        assert set(stored(endpoint.url)) == {f"k{number}" for number in range(rows) if number not in bad}
    lines = [json.loads(line) for path in tmp_path.iterdir() for line in path.read_bytes().splitlines()]
    assert sorted(line["key"] for line in lines) == sorted(f"k{number}" for number in bad)
    assert (outcome.totals.acknowledged, outcome.totals.rejected) == (rows - len(bad), len(bad))


def test_every_index_has_its_own_rate() -> None:
    """Twenty of them, each at a hundred vectors per second, all at the same time."""
    rows, indexes, rate = 20_000, 20, 100
    names = [f"index-{number % indexes}" for number in range(rows)]
    table = vectors_table(matrix_of(rows), keys_of(rows), place=names)
    with LocalEndpoint() as endpoint, ray_cluster(cpus=4):
        outcome = write_s3_vectors(
            dataset_of(table, blocks=4),
            bucket=BUCKET,
            index_column="place",
            key_column="id",
            target=endpoint.url,
            create={"dimension": DIMENSION},
            concurrency=4,
            vectors_per_s=rate,
        )
        assert len(stored(endpoint.url, "index-7")) == rows / indexes
    assert outcome.is_complete
    assert len(outcome.indexes) == indexes
    for totals in outcome.indexes.values():
        assert totals.acknowledged == rows / indexes
        # Requests take different times to be answered.
        assert totals.vectors_per_s <= rate * 1.1
    spans = [each.last_s - each.first_s for each in outcome.indexes.values()]
    total_s = max(each.last_s for each in outcome.indexes.values()) - min(
        each.first_s for each in outcome.indexes.values()
    )
    assert total_s < 2 * max(spans)


def test_the_rate_is_used_and_not_exceeded(tmp_path: Path) -> None:
    """Eight tasks, 200,000 vectors of 384 dimensions: at least 97 % of the rate, and next to nothing throttled."""
    output = tmp_path / "rate.json"
    subprocess.run(
        [sys.executable, "-m", "loadtests.distributed", "-o", str(output)], check=True, timeout=550
    )
    shared = json.loads(output.read_text())["cases"]["shared budget"]
    assert shared["is_bit_exact"]
    assert shared["steady_vectors_per_s"] >= 0.97 * 2_500
    assert shared["throttled_percent"] < 0.5


JOB = """
import sys, numpy as np, ray
from vecgate.distributed.ray import write_s3_vectors
ray.init(address=sys.argv[1], _node_ip_address=sys.argv[1].split(":")[0], log_to_driver=False)
def with_vectors(batch):
    rng = np.random.default_rng(int(batch["id"][0]))
    return {
        "key": np.array([f"k{each}" for each in batch["id"]]),
        "vector": rng.standard_normal((len(batch["id"]), 16), dtype=np.float32),
        "node": np.array([ray.util.get_node_ip_address()] * len(batch["id"])),
    }
rows = ray.data.range(8_000, override_num_blocks=16).map_batches(with_vectors, batch_size=None)
outcome = write_s3_vectors(
    rows, bucket="bucket-a", index="films", target=sys.argv[2], create={"dimension": 16}, concurrency=4
)
print(outcome.totals.acknowledged)
"""


def test_two_hosts_write_to_an_endpoint_on_a_third() -> None:
    """Over a network: a cluster of two machines, and tasks on both of them."""
    # The path of a socket may have 107 bytes.
    with TemporaryDirectory(prefix="vg") as folder, network_hosts(3) as (head, second, third):
        serve = third.start(
            sys.executable,
            "-m",
            "vecgate",
            "serve",
            "--host",
            third.address,
            "--port",
            "7333",
            "--no-auth",
        )
        environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
        node = ("--block", "--num-cpus", "2", "--object-store-memory", str(STORE_BYTES), "--temp-dir")
        start = (sys.executable, "-m", "ray.scripts.scripts", "start", "--disable-usage-stats")
        address = f"{head.address}:6379"
        with (
            serve,
            head.start(
                *(*start, "--head", "--port", "6379", "--node-ip-address", head.address),
                *("--include-dashboard", "false", *node, folder),
                env=environment,
            ),
        ):
            job = [
                *head.command(sys.executable, "-c", JOB, address, f"http://{third.address}:7333"),
            ]
            _wait_for(lambda: _connects(head, address))
            with second.start(
                *(*start, "--address", address, "--node-ip-address", second.address),
                *("--block", "--num-cpus", "2", "--object-store-memory", str(STORE_BYTES)),
                env=environment,
            ):
                _wait_for(lambda: _nodes(head, address) == 2)
                done = subprocess.run(
                    job, capture_output=True, text=True, timeout=300, env=environment, check=False
                )
                assert done.stdout.split()[-1:] == ["8000"], done.stderr[-3_000:]


def _wait_for(condition: Any, *, within_s: float = 90.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.5)


def _connects(host: Any, address: str) -> bool:
    name, port = address.split(":")
    code = f"import socket; socket.create_connection(({name!r}, {port}), 2)"
    done = subprocess.run(
        host.command(sys.executable, "-c", code), capture_output=True, timeout=30, check=False
    )
    return done.returncode == 0


def _nodes(host: Any, address: str) -> int:
    # The hosts have no route to the internet, over which Ray would find its own address.
    name, _ = address.split(":")
    code = f"import ray; ray.init(address={address!r}, _node_ip_address={name!r}, log_to_driver=False); print(sum(n['Alive'] for n in ray.nodes()))"
    done = subprocess.run(
        host.command(sys.executable, "-c", code),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "RAY_AUTH_MODE": "disabled"},
    )
    words = done.stdout.split()
    return int(words[-1]) if words and words[-1].isdigit() else 0
