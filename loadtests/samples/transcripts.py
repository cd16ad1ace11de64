"""Makes the transcripts of commands and the small runs that pages in docs show.

`python -m loadtests.samples.transcripts NAME FILE` makes one, `make samples` makes all. Paths and ports of
the machine are replaced by neutral ones.
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
#: Rows of the films with an invalid record: NaN, a zero vector, a title that is too long.
NAN_ROWS, ZERO_ROW, LONG_ROW = (100, 4_000), 200, 300
INTERRUPT_AFTER_S, TIMEOUT_S = 2.0, 300
PORT = re.compile(r"http://127\.0\.0\.1:\d+")
Maker = Callable[["Sandbox", Path], None]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """An empty working folder, and an endpoint that accepts any keys."""

    folder: Path
    url: str

    def vecgate(self, *arguments: str, interrupt: bool = False) -> str:
        """Run a command, and return its prompt line and its output."""
        with subprocess.Popen(
            [sys.executable, "-m", "vecgate", *arguments],
            cwd=self.folder,
            env=self.variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            if interrupt:
                time.sleep(INTERRUPT_AFTER_S)
                process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=TIMEOUT_S)
        return self._neutralize(f"$ vecgate {' '.join(arguments)}\n{output}")

    def variables(self) -> dict[str, str]:
        """Return the environment variables of a program in this sandbox."""
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

    def _neutralize(self, text: str) -> str:
        text = text.replace(str(self.folder / "state"), "/home/you/.local/state")
        return PORT.sub("http://127.0.0.1:7333", text)


def put(sandbox: Sandbox, file: Path) -> None:
    """Check a file of films, put it, interrupt the run, and resume it."""
    write_films(sandbox.folder / "films.parquet")
    target = ("--target", sandbox.url, "--bucket", "media", "--index", "films")
    command = ("put", "films.parquet", *target, "--rate", "20000")
    outputs = [
        sandbox.vecgate("put", "films.parquet", "--check"),
        sandbox.vecgate(*command, "--create", interrupt=True),
        sandbox.vecgate(*command, "--resume"),
    ]
    file.write_text("\n".join(outputs), encoding="utf-8")


def doctor(sandbox: Sandbox, file: Path) -> None:
    """Check an endpoint that allows everything."""
    file.write_text(sandbox.vecgate("doctor", "--target", sandbox.url), encoding="utf-8")


def demo(sandbox: Sandbox, file: Path) -> None:
    """Run the demo."""
    file.write_text(sandbox.vecgate("demo"), encoding="utf-8")


def invoke(sandbox: Sandbox, file: Path) -> None:
    """Invoke the Lambda function, and write the body of its response."""
    event = {"action": "test-batch-processing", "create": True, "dimension": 256, "vectors": 2_000}
    source = f"""
import json
from vecgate.aws_lambda import handler
class Context:
    aws_request_id = "req-1"
    get_remaining_time_in_millis = staticmethod(lambda: 60_000)
print(json.dumps(json.loads(handler({event!r}, Context())["body"]), indent=2))
"""
    finished = subprocess.run(
        [sys.executable, "-c", source],
        env={**sandbox.variables(), "VECGATE_TARGET": sandbox.url},
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    file.write_text(finished.stdout, encoding="utf-8")


def writes(sandbox: Sandbox, file: Path) -> None:
    """Run the scenario of docs/thresholds.md."""
    _ramp(sandbox, file)


def abort(sandbox: Sandbox, file: Path) -> None:
    """Run the scenario until its threshold with abort_on_fail ends the run."""
    thresholds = "in_flight_max = 32\n" + _read_example("abort_on_fail")
    scenario = _read_example("# writes.toml")
    stages = scenario[scenario.index("[vectors]") :]
    _ramp(sandbox, file, scenario=thresholds + stages, arguments=("--set", "local.latency=warm"))


def max_cost(sandbox: Sandbox, file: Path) -> None:
    """Run the scenario until it reaches its maximal cost."""
    _ramp(sandbox, file, arguments=("--max-cost", "0.002"))


MAKERS: Mapping[str, Maker] = {
    "put": put,
    "doctor": doctor,
    "demo": demo,
    "lambda": invoke,
    "writes": writes,
    "abort": abort,
    "max-cost": max_cost,
}


def write_films(path: Path) -> None:
    """Write a file of films with four invalid records."""
    random = np.random.default_rng(1)
    matrix = random.standard_normal((ROWS, DIMENSION), np.float32)
    matrix[list(NAN_ROWS)], matrix[ZERO_ROW] = np.nan, 0.0
    titles = [f"The film number {row:,}" for row in range(ROWS)]
    titles[LONG_ROW] = "A film that tells its whole story in its title. " * 58
    columns = {
        "id": [f"tt{row:07d}" for row in range(ROWS)],
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), DIMENSION),
        "title": titles,
        "year": [1930 + row % 97 for row in range(ROWS)],
    }
    pq.write_table(pa.table(columns), path)


def _ramp(sandbox: Sandbox, file: Path, scenario: str = "", arguments: Sequence[str] = ()) -> None:
    (sandbox.folder / "writes.toml").write_text(scenario or _read_example("# writes.toml"), encoding="utf-8")
    sandbox.vecgate("ramp", "writes.toml", "--target", "local", "-o", str(file.resolve()), *arguments)


def _read_example(text: str) -> str:
    """Return the block of docs/thresholds.md that contains *text*."""
    page = (ROOT / "docs" / "thresholds.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in page.split("```toml\n")[1:]]
    return next(block for block in blocks if text in block)


def main(name: str, file: str) -> None:
    """Make the transcript *name*."""
    with TemporaryDirectory(prefix="vecgate-transcript-") as folder, LocalEndpoint() as endpoint:
        MAKERS[name](Sandbox(Path(folder), endpoint.url), Path(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
