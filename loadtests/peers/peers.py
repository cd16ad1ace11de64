"""What users would pick, side by side on the same work: `make peers`, see README.md."""

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
from urllib.request import urlopen

import boto3
import numpy as np
from loadtests.peers.contenders import CONTENDERS, Contender, Work, rotated
from loadtests.peers.figures import Sample, Seen, problem, put_into, record_of, seen_in, table
from loadtests.peers.programs.job import Job
from setup_clients import HOME, client_named

from vecgate.endpoint.local import LocalEndpoint
from vecgate.results.benchmarks import PeerRun
from vecgate.results.provenance import environment, new_run, now, versions_of
from vecgate.results.records import Footer, Header
from vecgate.results.stream import StreamWriter, read_stream

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
RESULTS, README = FOLDER / "results" / "peers.jsonl", FOLDER / "README.md"
ROUNDS = 3
BUCKET = "peers"
REGION = "us-east-1"
RUN_WITHIN_S = 120
#: What clients put their own texts into, which may be long.
LONG_TEXTS = ("_page_content", "_node_content")
PACKAGES = ("vecgate", "boto3", "botocore", "numpy", "orjson", "uvicorn")


class Failed(Exception):
    """A client that did not do its work; the text says why."""


@dataclass(frozen=True, slots=True)
class Arena:
    """The endpoint that all clients write to, and where they find their rows."""

    endpoint: LocalEndpoint
    folder: Path
    client: Any

    def run(self, contender: Contender, work: Work) -> tuple[Sample, Seen]:
        """Let *contender* do *work* into a new index, in a process of its own. Raises Failed."""
        name = f"index-{time.monotonic_ns()}"
        with self._index(name, work.dimension):
            job = Job(
                bucket=BUCKET,
                index=name,
                rows_file=str(self._rows(work)),
                rows=work.rows,
                dimension=work.dimension,
                passes=contender.passes,
                per_request=work.per_request,
                in_flight=contender.in_flight,
            )
            before = self._seen()
            told = self._told_by(contender, json.dumps(asdict(job)))
            return Sample(**told), self._seen().since(before)

    def _told_by(self, contender: Contender, job: str) -> dict[str, Any]:
        done = subprocess.run(
            contender.command(HOME, shutil.which("node") or "node", job),
            env=self._variables(contender),
            capture_output=True,
            text=True,
            timeout=RUN_WITHIN_S,
            check=False,
        )
        if done.returncode:
            raise Failed((done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1])
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def _variables(self, contender: Contender) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "NODE_PATH": str(HOME / contender.environment / "node_modules"),
            "AWS_ENDPOINT_URL_S3VECTORS": self.endpoint.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.endpoint.access_key,
            "AWS_SECRET_ACCESS_KEY": self.endpoint.secret_key,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    @contextmanager
    def _index(self, name: str, dimension: int) -> Iterator[None]:
        address = {"vectorBucketName": BUCKET, "indexName": name}
        self.client.create_index(
            **address,
            dataType="float32",
            dimension=dimension,
            distanceMetric="cosine",
            metadataConfiguration={"nonFilterableMetadataKeys": list(LONG_TEXTS)},
        )
        try:
            yield
        finally:
            self.client.delete_index(**address)

    def _rows(self, work: Work) -> Path:
        path = self.folder / f"{work.rows}-{work.dimension}.f32"
        if not path.exists():
            rows = np.random.default_rng(1).standard_normal((work.rows, work.dimension), np.float32)
            (rows / np.linalg.norm(rows, axis=1, keepdims=True)).tofile(path)
        return path

    def _seen(self) -> Seen:
        with urlopen(f"{self.endpoint.url}/_vecgate/metrics", timeout=10) as page:  # noqa: S310 - our own
            return seen_in(page.read().decode())


@contextmanager
def arena() -> Iterator[Arena]:
    """An endpoint in its own process that checks signatures, and a bucket in it."""
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
            yield Arena(endpoint, Path(folder), client)


def missing(contender: Contender) -> str:
    """Why *contender* cannot be started here, empty where it can."""
    if not contender.environment:
        return ""
    known = client_named(contender.environment)
    if not known.is_runtime_here():
        return f"there is no {known.runtime} here"
    return "" if known.is_ready() else "its environment is not there: make clients"


def measure(rounds: int) -> list[PeerRun]:
    """One record for each client and work. Nothing runs beside anything but the endpoint."""
    samples: dict[tuple[Work, Contender], list[tuple[Sample, Seen]]] = defaultdict(list)
    problems = {entry: told for entry in rotated(0) if (told := missing(entry[1]))}
    with arena() as place:
        for round_ in range(rounds):
            for work, contender in rotated(round_):
                if (work, contender) in problems:
                    continue
                try:
                    samples[work, contender].append(place.run(contender, work))
                except (Failed, subprocess.TimeoutExpired) as failure:
                    problems[work, contender] = str(failure)
                _say(round_, work, contender, samples[work, contender])
    return [
        problem(contender, work, problems[work, contender])
        if (work, contender) in problems
        else record_of(contender, work, *zip(*samples[work, contender], strict=True))
        for work, contender in rotated(0)
    ]


def keep(records: list[PeerRun], header: Header, seconds: float) -> None:
    """Write the result stream, and the table into the README."""
    with StreamWriter(RESULTS) as stream:
        stream.write(header)
        for record in records:
            stream.write(record)
        stream.write(Footer(ended_at=now(), duration_s=round(seconds, 1)))
    page = README.read_text(encoding="utf-8")
    README.write_text(put_into(page, table(read_stream(RESULTS))), encoding="utf-8")


def _say(round_: int, work: Work, contender: Contender, samples: list[tuple[Sample, Seen]]) -> None:
    told = f"{samples[-1][0].wall_s:.2f} s" if samples else "no result"
    print(f"round {round_ + 1}  {work.name:<15}  {contender.name:<36}  {told}", file=sys.stderr, flush=True)


def main() -> int:
    """Measure, keep, and print the table; 1 where a client that is here has no numbers."""
    header = Header(
        kind="peers",
        run=new_run(),
        started_at=now(),
        target="local",
        region=REGION,
        versions=versions_of(PACKAGES),
        environment=environment(),
        options={"rounds": str(ROUNDS), "endpoint": "vecgate serve, in memory, signatures checked"},
    )
    began_s = time.monotonic()
    records = measure(ROUNDS)
    keep(records, header, time.monotonic() - began_s)
    print(table(read_stream(RESULTS)))
    absent = {contender.name for contender in CONTENDERS if missing(contender)}
    return int(any(record.problem for record in records if record.client not in absent))


if __name__ == "__main__":
    sys.exit(main())
