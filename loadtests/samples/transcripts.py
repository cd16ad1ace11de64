"""What the pages in docs show of commands that leave no result stream, or of runs made for one page.

`python -m loadtests.samples.transcripts NAME FILE` makes one, `make samples` all. Paths and ports of
the machine are told as anybody's.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vecgate.endpoint.local import LocalEndpoint

ROOT = Path(__file__).parents[2]
ROWS, DIMENSION = 60_000, 64
#: Rows of the films whose records are refused.
NO_NUMBERS, ZERO, LONG = (100, 4_000), 200, 300
INTERRUPT_AFTER_S, WITHIN_S = 2.0, 120
PORT = re.compile(r"http://127\.0\.0\.1:\d+")
FILES = Mapping[str, Callable[["Place", Path], None]]


@dataclass(frozen=True, slots=True)
class Place:
    """An empty folder to work in, and an endpoint that any keys open."""

    folder: Path
    url: str

    def vecgate(self, *words: str, interrupt: bool = False) -> str:
        """Run a command: its prompt, and what it said on stdout and stderr."""
        with subprocess.Popen(
            [sys.executable, "-m", "vecgate", *words],
            cwd=self.folder,
            env=self.variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            if interrupt:
                time.sleep(INTERRUPT_AFTER_S)
                process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=WITHIN_S)
        return self._anybodys(f"$ vecgate {' '.join(words)}\n{said}")

    def variables(self) -> dict[str, str]:
        """The environment of a program in this place."""
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "VECGATEEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_EC2_METADATA_DISABLED": "true",
            "COLUMNS": "140",
        }

    def _anybodys(self, text: str) -> str:
        mine = text.replace(str(self.folder / "state"), "/home/you/.local/state")
        return PORT.sub("http://127.0.0.1:7333", mine)


def put(place: Place, file: Path) -> None:
    """Judge a file of films, put it, interrupt that, and go on."""
    write_films(place.folder / "films.parquet")
    where = ("--target", place.url, "--bucket", "media", "--index", "films")
    to = ("put", "films.parquet", *where, "--rate", "20000")
    said = [
        place.vecgate("put", "films.parquet", "--check"),
        place.vecgate(*to, "--create", interrupt=True),
        place.vecgate(*to, "--resume"),
    ]
    file.write_text("\n".join(said), encoding="utf-8")


def doctor(place: Place, file: Path) -> None:
    """Look at an endpoint where everything is allowed."""
    file.write_text(place.vecgate("doctor", "--target", place.url), encoding="utf-8")


def demo(place: Place, file: Path) -> None:
    """Tell the whole story."""
    file.write_text(place.vecgate("demo"), encoding="utf-8")


def invoke(place: Place, file: Path) -> None:
    """Write as the Lambda function does: the body of its answer."""
    event = {"action": "test-batch-processing", "create": True, "dimension": 256, "vectors": 2_000}
    source = f"""
import json
from vecgate.aws_lambda import handler
class Context:
    aws_request_id = "req-1"
    get_remaining_time_in_millis = staticmethod(lambda: 60_000)
print(json.dumps(json.loads(handler({event!r}, Context())["body"]), indent=2))
"""
    said = subprocess.run(
        [sys.executable, "-c", source],
        env={**place.variables(), "VECGATE_TARGET": place.url},
        stdout=subprocess.PIPE,
        text=True,
        timeout=WITHIN_S,
        check=True,
    )
    file.write_text(said.stdout, encoding="utf-8")


def writes(place: Place, file: Path) -> None:
    """Run the scenario of docs/thresholds.md."""
    _ramp(place, file)


def abort(place: Place, file: Path) -> None:
    """Run it until the threshold ends it that the page shows for that."""
    head = "in_flight_max = 32\n" + _shown("abort_on_fail")
    rest = _shown("# writes.toml")
    _ramp(place, file, scenario=head + rest[rest.index("[vectors]") :], words=("--set", "local.latency=warm"))


def max_cost(place: Place, file: Path) -> None:
    """Run it until it has cost what it may."""
    _ramp(place, file, words=("--max-cost", "0.002"))


MADE: FILES = {
    "put": put,
    "doctor": doctor,
    "demo": demo,
    "lambda": invoke,
    "writes": writes,
    "abort": abort,
    "max-cost": max_cost,
}


def write_films(path: Path) -> None:
    """A file with four records that are refused."""
    random = np.random.default_rng(1)
    matrix = random.standard_normal((ROWS, DIMENSION), np.float32)
    matrix[list(NO_NUMBERS)], matrix[ZERO] = np.nan, 0.0
    titles = [f"The film number {row:,}" for row in range(ROWS)]
    titles[LONG] = "A film that tells its whole story in its title. " * 58
    columns = {
        "id": [f"tt{row:07d}" for row in range(ROWS)],
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), DIMENSION),
        "title": titles,
        "year": [1930 + row % 97 for row in range(ROWS)],
    }
    pq.write_table(pa.table(columns), path)


def _ramp(place: Place, file: Path, scenario: str = "", words: Sequence[str] = ()) -> None:
    (place.folder / "writes.toml").write_text(scenario or _shown("# writes.toml"), encoding="utf-8")
    place.vecgate("ramp", "writes.toml", "--target", "local", "-o", str(file.resolve()), *words)


def _shown(begin: str) -> str:
    """The block of docs/thresholds.md that has *begin* in it."""
    page = (ROOT / "docs" / "thresholds.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in page.split("```toml\n")[1:]]
    return next(block for block in blocks if begin in block)


def main(name: str, file: str) -> None:
    """Make the transcript of that name."""
    with TemporaryDirectory(prefix="vecgate-transcript-") as folder, LocalEndpoint() as endpoint:
        MADE[name](Place(Path(folder), endpoint.url), Path(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
