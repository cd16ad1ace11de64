"""The clients that are compared, and their workloads."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True, slots=True)
class Workload:
    """The work of each client: *rows* vectors of *dimension*, *per_request* in a request."""

    rows: int
    dimension: int
    per_request: int

    @property
    def name(self) -> str:
        """Such as `put 500 x 1,024`."""
        return f"put {self.per_request} x {self.dimension:,}"


@dataclass(frozen=True, slots=True)
class PeerClient:
    """A client in typical use.

    name          in the table
    program       drives the client, with further *arguments*
    environment   its folder in `.clients`; empty for the environment of vecgate
    in_flight     concurrent requests
    passes        how often it puts the rows, each time under new keys; fast clients repeat to be measurable
    puts_singles  whether it is also measured with one vector per request
    """

    name: str
    program: str
    arguments: tuple[str, ...] = ()
    environment: str = ""
    in_flight: int = 1
    passes: int = 1
    puts_singles: bool = True

    def command(self, home: Path, node: str, job: str) -> list[str]:
        """Return the command that runs *job*; *home* is the folder of the environments."""
        if self.program.endswith(".cjs"):
            interpreter = node
        else:
            interpreter = str(home / self.environment / "bin/python") if self.environment else sys.executable
        return [interpreter, str(PROGRAMS / self.program), job, *self.arguments]


BASELINE = "boto3"
BATCHES = Workload(rows=2_000, dimension=1_024, per_request=500)
SINGLES = Workload(rows=500, dimension=1_024, per_request=1)
CLIENTS = (
    PeerClient(BASELINE, "boto3_put.py", ("one",)),
    PeerClient("boto3, 5 threads", "boto3_put.py", ("threads",), in_flight=5),
    PeerClient("langchain-aws", "langchain_put.py", environment="langchain", puts_singles=False),
    PeerClient("llama-index", "llama_index_put.py", environment="llama-index", puts_singles=False),
    PeerClient("aiobotocore, 5 in flight", "aiobotocore_put.py", environment="aiobotocore", in_flight=5),
    PeerClient(
        "AWS SDK for JavaScript, 5 in flight",
        "javascript_put.cjs",
        environment="javascript",
        in_flight=5,
        passes=2,
    ),
    PeerClient("boto3, accelerated by vecgate", "boto3_put.py", ("accelerated",), passes=5),
    PeerClient("vecgate BulkWriter, 5 in flight", "bulk_put.py", in_flight=5, passes=5),
)


def list_entries() -> list[tuple[Workload, PeerClient]]:
    """Return everything that one round measures, in order."""
    batches = [(BATCHES, client) for client in CLIENTS]
    return batches + [(SINGLES, client) for client in CLIENTS if client.puts_singles]


def rotate_entries(round_: int) -> list[tuple[Workload, PeerClient]]:
    """Return the entries in the order of a round; each round begins with another one."""
    entries = list_entries()
    first = round_ * (len(entries) // 3) % len(entries)
    return entries[first:] + entries[:first]
