"""Measures vecgate beside other clients on the same work: `make peers`, see README.md."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

import boto3
import numpy as np
from loadtests.peers.peer_clients import CLIENTS, PeerClient, Workload, rotate_entries
from loadtests.peers.peer_records import (
    EndpointCounts,
    Measurement,
    build_failed_record,
    build_record,
    format_table,
    parse_metrics,
    replace_table,
)
from loadtests.peers.programs.job import Job
from setup_clients import HOME, find_client

from vecgate.endpoint.local import LocalEndpoint
from vecgate.results.benchmark_records import PeerRun
from vecgate.results.provenance import describe_machine, installed_versions, new_run_id, utc_now
from vecgate.results.records import Footer, Header
from vecgate.results.result_stream import StreamWriter, read_stream

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
RESULTS, README = FOLDER / "results" / "peers.jsonl", FOLDER / "README.md"
ROUNDS = 3
BUCKET = "peers"
REGION = "us-east-1"
TIMEOUT_S = 120
#: Metadata keys in which some clients store texts, which may be long.
TEXT_KEYS = ("_page_content", "_node_content")
PACKAGES = ("vecgate", "boto3", "botocore", "numpy", "orjson", "uvicorn")


class ClientError(Exception):
    """A client did not do its work; the text says why."""


@dataclass(frozen=True, slots=True)
class Testbed:
    """The endpoint that all clients write to, and the folder of their rows."""

    endpoint: LocalEndpoint
    folder: Path
    client: Any

    def run(self, client: PeerClient, workload: Workload) -> tuple[Measurement, EndpointCounts]:
        """Run *client* on *workload*, into a new index and in a new process. Raises ClientError."""
        name = f"index-{time.monotonic_ns()}"
        with self._create_index(name, workload.dimension):
            job = Job(
                bucket=BUCKET,
                index=name,
                rows_file=str(self._write_rows(workload)),
                rows=workload.rows,
                dimension=workload.dimension,
                passes=client.passes,
                per_request=workload.per_request,
                in_flight=client.in_flight,
            )
            before = self._read_counts()
            output = self._run_program(client, json.dumps(asdict(job)))
            return Measurement(**output), self._read_counts().since(before)

    def _run_program(self, client: PeerClient, job: str) -> dict[str, Any]:
        finished = subprocess.run(
            client.command(HOME, shutil.which("node") or "node", job),
            env=self._environment(client),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if finished.returncode:
            lines = finished.stderr.strip().splitlines()
            raise ClientError(lines[-1] if lines else f"exit code {finished.returncode}")
        output: dict[str, Any] = json.loads(finished.stdout)
        return output

    def _environment(self, client: PeerClient) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "NODE_PATH": str(HOME / client.environment / "node_modules"),
            "AWS_ENDPOINT_URL_S3VECTORS": self.endpoint.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.endpoint.access_key,
            "AWS_SECRET_ACCESS_KEY": self.endpoint.secret_key,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    @contextmanager
    def _create_index(self, name: str, dimension: int) -> Iterator[None]:
        address = {"vectorBucketName": BUCKET, "indexName": name}
        self.client.create_index(
            **address,
            dataType="float32",
            dimension=dimension,
            distanceMetric="cosine",
            metadataConfiguration={"nonFilterableMetadataKeys": list(TEXT_KEYS)},
        )
        try:
            yield
        finally:
            self.client.delete_index(**address)

    def _write_rows(self, workload: Workload) -> Path:
        path = self.folder / f"{workload.rows}-{workload.dimension}.f32"
        if not path.exists():
            shape = (workload.rows, workload.dimension)
            rows = np.random.default_rng(1).standard_normal(shape, np.float32)
            (rows / np.linalg.norm(rows, axis=1, keepdims=True)).tofile(path)
        return path

    def _read_counts(self) -> EndpointCounts:
        url = f"{self.endpoint.url}/_vecgate/metrics"
        request = Request(url, headers=self.endpoint.admin_headers)  # noqa: S310 - local
        with urlopen(request, timeout=10) as response:  # noqa: S310 - local
            return parse_metrics(response.read().decode())


@contextmanager
def open_testbed() -> Iterator[Testbed]:
    """Start an endpoint in another process that checks signatures, and create a bucket."""
    with LocalEndpoint(auth=True) as endpoint, TemporaryDirectory() as folder:
        client = boto3.client(
            "s3vectors",
            region_name=REGION,
            endpoint_url=endpoint.url,
            aws_access_key_id=endpoint.access_key,
            aws_secret_access_key=endpoint.secret_key,
        )
        with closing(client):
            client.create_vector_bucket(vectorBucketName=BUCKET)
            yield Testbed(endpoint, Path(folder), client)


def find_obstacle(client: PeerClient) -> str:
    """Return why *client* cannot run on this machine; empty if it can."""
    if not client.environment:
        return ""
    known = find_client(client.environment)
    if not known.has_runtime():
        return f"there is no {known.runtime} here"
    return "" if known.is_ready() else "its environment is missing: run make clients"


def measure(rounds: int) -> list[PeerRun]:
    """Return one record per client and workload. The endpoint alone runs at the same time."""
    results: dict[tuple[Workload, PeerClient], list[tuple[Measurement, EndpointCounts]]] = defaultdict(list)
    problems = {entry: obstacle for entry in rotate_entries(0) if (obstacle := find_obstacle(entry[1]))}
    with open_testbed() as testbed:
        for round_ in range(rounds):
            for workload, client in rotate_entries(round_):
                if (workload, client) in problems:
                    continue
                try:
                    results[workload, client].append(testbed.run(client, workload))
                    outcome = f"{results[workload, client][-1][0].wall_s:.2f} s"
                except (ClientError, subprocess.TimeoutExpired) as error:
                    problems[workload, client] = outcome = str(error)
                line = f"round {round_ + 1}  {workload.name:<15}  {client.name:<36}  {outcome}"
                print(line, file=sys.stderr, flush=True)
    return [
        build_failed_record(client, workload, problems[workload, client])
        if (workload, client) in problems
        else build_record(client, workload, *zip(*results[workload, client], strict=True))
        for workload, client in rotate_entries(0)
    ]


def write_results(records: list[PeerRun], header: Header, duration_s: float) -> None:
    """Write the result stream, and the table into the README."""
    with StreamWriter(RESULTS) as stream:
        stream.write(header)
        for record in records:
            stream.write(record)
        stream.write(Footer(ended_at=utc_now(), duration_s=round(duration_s, 1)))
    page = README.read_text(encoding="utf-8")
    README.write_text(replace_table(page, format_table(read_stream(RESULTS))), encoding="utf-8")


def main() -> int:
    """Measure, write and print the table; return 1 if an installed client has no numbers."""
    header = Header(
        kind="peers",
        run=new_run_id(),
        started_at=utc_now(),
        target="local",
        region=REGION,
        versions=installed_versions(PACKAGES),
        environment=describe_machine(),
        options={"rounds": str(ROUNDS), "endpoint": "vecgate serve, in memory, signatures checked"},
    )
    started_s = time.monotonic()
    records = measure(ROUNDS)
    write_results(records, header, time.monotonic() - started_s)
    print(format_table(read_stream(RESULTS)))
    absent = {client.name for client in CLIENTS if find_obstacle(client)}
    return int(any(record.problem for record in records if record.client not in absent))
