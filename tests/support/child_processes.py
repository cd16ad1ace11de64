"""Child processes of tests. None outlives its test, and every wait has a deadline."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

#: Time for anything that a child does, on a machine with other load; less than the time limit of a test.
WITHIN_S = 90.0


@contextmanager
def child_process(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Start *command* in a process group, and kill the whole group when the context ends.

    `subprocess.Popen` as a context manager would wait for a child forever if the test fails.
    """
    process = subprocess.Popen(command, process_group=0, **options)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(WITHIN_S)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()


def wait_until(holds: Callable[[], object], process: subprocess.Popen[Any] | None = None) -> None:
    """Poll until *holds* returns something true. Fail if *process* ends before, or after WITHIN_S."""
    deadline_s = time.monotonic() + WITHIN_S
    while not holds():
        assert process is None or process.poll() is None, f"the process ended with {process.returncode}"
        assert time.monotonic() < deadline_s, f"nothing happened within {WITHIN_S:g} s"
        time.sleep(0.05)
