"""Who is compared, and on what work."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
#: Where a client lives: ours, or its own folder in `.clients`.
OURS = ""


@dataclass(frozen=True, slots=True)
class Work:
    """What each client does: *rows* of *dimension*, *per_request* in a request."""

    rows: int
    dimension: int
    per_request: int

    @property
    def name(self) -> str:
        """Such as `put 500 x 1,024`."""
        return f"put {self.per_request} x {self.dimension:,}"


@dataclass(frozen=True, slots=True)
class Contender:
    """A client, as one would use it.

    name         for the table
    program      that drives it, and further *words* for that
    environment  the folder of its own in `.clients`, empty for ours
    in_flight    requests at once
    passes       how often it puts the rows of a work, each time under new keys: the quick ones more often,
                 so that there is something to measure
    does_single  it is also measured with one vector in a request
    """

    name: str
    program: str
    words: tuple[str, ...] = ()
    environment: str = OURS
    in_flight: int = 1
    passes: int = 1
    does_single: bool = True

    def command(self, home: Path, node: str, job: str) -> list[str]:
        """How to start it on *job*; *home* holds the environments."""
        if self.program.endswith(".cjs"):
            runtime = node
        else:
            runtime = str(home / self.environment / "bin/python") if self.environment else sys.executable
        return [runtime, str(PROGRAMS / self.program), job, *self.words]


BASELINE = "boto3"
BATCHES = Work(rows=2_000, dimension=1_024, per_request=500)
SINGLES = Work(rows=500, dimension=1_024, per_request=1)
CONTENDERS = (
    Contender(BASELINE, "boto3_put.py", ("one",)),
    Contender("boto3, 5 threads", "boto3_put.py", ("threads",), in_flight=5),
    Contender("langchain-aws", "langchain_put.py", environment="langchain", does_single=False),
    Contender("llama-index", "llama_index_put.py", environment="llama-index", does_single=False),
    Contender("aiobotocore, 5 in flight", "aiobotocore_put.py", environment="aiobotocore", in_flight=5),
    Contender(
        "AWS SDK for JavaScript, 5 in flight",
        "javascript_put.cjs",
        environment="javascript",
        in_flight=5,
        passes=2,
    ),
    Contender("boto3, accelerated by vecgate", "boto3_put.py", ("accelerated",), passes=5),
    Contender("vecgate BulkWriter, 5 in flight", "bulk_put.py", in_flight=5, passes=5),
)


def entries() -> list[tuple[Work, Contender]]:
    """All that is measured in a round, in order."""
    batches = [(BATCHES, contender) for contender in CONTENDERS]
    return batches + [(SINGLES, contender) for contender in CONTENDERS if contender.does_single]


def rotated(round_: int) -> list[tuple[Work, Contender]]:
    """The same in another order: whoever comes first in one round comes later in the next."""
    everyone = entries()
    at = round_ * (len(everyone) // 3) % len(everyone)
    return everyone[at:] + everyone[:at]
