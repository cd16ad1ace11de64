"""A program that interrupts runs of the batch client at random moments, and checks what they leave.

    python interrupted_runs.py OPERATION RUNS SEED

OPERATION is put, delete, scale or scan, or one of them with `-in-thread`. The program ends with 1 and a
traceback of all threads if a run does not end after the interrupt, and if a batch that the service
acknowledged is not in the journal.
"""

from __future__ import annotations

import ctypes
import faulthandler
import itertools
import json
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.writer import BulkWriter
from vecgate.load.experiments.scaling_measurement import stop_after

#: A run that has not ended this long after it began hangs.
HANGS_AFTER_S = 15.0
INTERRUPT_AFTER_MAX_S = 0.08
#: Some library code ignores an exception. Then the next interrupt counts.
REPEAT_AFTER_S = 2.0


class AcknowledgingService:
    """A `Sender` that takes any vectors, and remembers the keys that it acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: set[str] = set()
        self._tokens = itertools.count()

    def send(self, operation: str, body: Body) -> bytes:
        """Answer one request."""
        members = json.loads(body.data)
        if operation == "GetIndex":
            return b'{"index": {"dimension": 2, "distanceMetric": "euclidean"}}'
        time.sleep(0.0005)
        if operation == "ListVectors":
            page = next(self._tokens)
            names = [f"k{members['segmentIndex']}-{page}-{number}" for number in range(20)]
            vectors = [{"key": name, "data": {"float32": [1.0, 2.0]}} for name in names]
            return json.dumps({"vectors": vectors, "nextToken": f"more-{page}"}).encode()
        if operation == "GetVectors":
            return b'{"vectors": []}'
        self.acknowledged.update(members.get("keys") or [vector["key"] for vector in members["vectors"]])
        return b"{}"

    def close(self) -> None:
        """Do nothing."""


def records() -> Iterator[dict[str, Any]]:
    """Yield records without an end."""
    for number in itertools.count():
        yield {"key": f"k{number}", "vector": [float(number), 1.0]}


def write(operation: str, service: AcknowledgingService, folder: Path, in_flight: int) -> None:
    """Put or delete until the interrupt."""
    config = BulkConfig(
        batch_vectors=5,
        in_flight=in_flight,
        vectors_per_s=1e9,
        requests_per_s=1e9,
        retry=RetryPolicy(base_s=0.001, cap_s=0.001),
    )
    writer = BulkWriter(service, bucket="media", index="films", config=config)
    journal, rejects = folder / "journal", folder / "rejects"
    if operation == "delete":
        writer.delete(records(), journal=journal, rejects=rejects, stable_order=True)
    elif operation == "put":
        writer.put(records(), journal=journal, rejects=rejects, stable_order=True)
    else:
        with stop_after(writer, 600):
            writer.put(records(), journal=journal, rejects=rejects, stable_order=True)


def scan(service: AcknowledgingService, segments: int) -> None:
    """Read until the interrupt."""
    reader = BulkReader(service, bucket="media", index="films", parallel=segments)
    for _ in reader.scan(segments):
        reader.get([f"k{number}" for number in range(500)])


def journaled(path: Path) -> set[str]:
    """Return the keys of the positions in the journal."""
    if not path.exists():
        return set()
    with closing(sqlite3.connect(path)) as database, suppress(sqlite3.OperationalError):
        rows = database.execute("SELECT start, stop FROM settled").fetchall()
        return {f"k{number}" for start, stop in rows for number in range(start, stop)}
    return set()


def interrupt_here(run: Callable[[], None], after_s: float) -> None:
    """Call *run* in this thread, and interrupt it as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    with suppress(KeyboardInterrupt):
        try:
            signal.setitimer(signal.ITIMER_REAL, after_s, REPEAT_AFTER_S)
            run()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    # Again, because the interrupt may have come just before.
    signal.setitimer(signal.ITIMER_REAL, 0)


def interrupt_in_thread(run: Callable[[], None], after_s: float) -> None:
    """Call *run* in another thread, and interrupt it as a notebook does."""

    def call() -> None:
        with suppress(KeyboardInterrupt):
            run()

    thread = threading.Thread(target=call)
    thread.start()
    time.sleep(after_s)
    while thread.is_alive():
        assert thread.ident is not None
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(KeyboardInterrupt)
        )
        thread.join(REPEAT_AFTER_S)


def main() -> None:
    """Interrupt RUNS runs."""
    operation, runs, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chosen = random.Random(seed)  # noqa: S311 - only moments
    name = operation.removesuffix("-in-thread")
    interrupt = interrupt_here if name == operation else interrupt_in_thread
    written = 0
    for _ in range(runs):
        faulthandler.dump_traceback_later(HANGS_AFTER_S, exit=True)
        in_flight = chosen.randint(1, 8)
        service = AcknowledgingService()
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            run: Callable[[], None] = (
                (lambda: scan(service, in_flight))  # noqa: B023 - called in this turn
                if name == "scan"
                else (lambda: write(name, service, folder, in_flight))  # noqa: B023 - as above
            )
            interrupt(run, chosen.random() * INTERRUPT_AFTER_MAX_S)
            while any(thread.name.startswith("vecgate") for thread in threading.enumerate()):
                time.sleep(0.001)
            missing = service.acknowledged - journaled(folder / "journal")
        if missing:
            sys.exit(f"{len(missing)} acknowledged records are not in the journal")
        written += len(service.acknowledged)
    faulthandler.cancel_dump_traceback_later()
    sys.stdout.write(json.dumps({"runs": runs, "written": written}) + "\n")


if __name__ == "__main__":
    main()
