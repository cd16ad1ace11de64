"""The suite as a child process whose result stream is followed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from vecgate.errors import UsageError, VecgateError
from vecgate.process import ChildExit, run_child
from vecgate.results.records import Record, Result
from vecgate.results.stream_follower import StreamFollower

#: Prefixes of the lines in which pytest reports an error.
ERROR_PREFIXES = ("E ", "ERROR:", "INTERNALERROR> E ", "UsageError")
ERROR_LINES_MAX = 5
#: A suite that ends no test in this time hangs. The slowest requirement takes minutes on the slowest servers.
STALL_TIMEOUT_S = 1_800.0


def suite_folder() -> Path:
    """Return the folder of the suite, in the wheel or in a checkout. Raises UsageError if it is missing."""
    package = Path(__file__).parents[1]
    for folder in (package / "conformance", package.parents[1] / "conformance"):
        if (folder / "conftest.py").is_file():
            return folder
    raise UsageError("the conformance suite is not installed", hint="pip install 'vecgate[conformance]'")


def run_suite(arguments: Sequence[str], results: Path, on_result: Callable[[Result], None]) -> ChildExit:
    """Run pytest on the suite with *arguments*, and pass each result in the stream *results* to *on_result*.

    An interrupt of this process is passed on once, and the suite gets time to remove its resources. A second
    interrupt ends it at once. Raises UsageError if pytest or Hypothesis is not installed, and VecgateError if
    the suite hangs.
    """
    missing = [name for name in ("pytest", "hypothesis") if find_spec(name) is None]
    if missing:
        verb, hint = "is" if len(missing) == 1 else "are", "pip install 'vecgate[conformance]'"
        raise UsageError(f"{' and '.join(missing)} {verb} not installed", hint=hint)
    command = [sys.executable, "-m", "pytest", str(suite_folder()), *arguments]

    def on_record(record: Record) -> None:
        if isinstance(record, Result):
            on_result(record)

    with TemporaryDirectory() as folder, StreamFollower(results, on_record) as follower:
        # Otherwise Hypothesis keeps constants of the suite in the current folder, such as forged signatures.
        environment = {"HYPOTHESIS_STORAGE_DIRECTORY": folder, **os.environ}
        watch = StallWatch(results)

        def on_poll() -> None:
            follower.poll()
            watch.check(time.monotonic())

        return run_child(command, on_poll=on_poll, environment=environment)


class StallWatch:
    """Raises VecgateError if *path* does not grow for *timeout_s*: for example, its writer is stopped."""

    def __init__(self, path: Path, *, timeout_s: float = STALL_TIMEOUT_S) -> None:
        self._path, self._timeout_s = path, timeout_s
        self._size, self._grown_at_s = -1, 0.0

    def check(self, now_s: float) -> None:
        """Look at the file at the monotonic time *now_s*."""
        size = self._path.stat().st_size if self._path.exists() else 0
        if size != self._size:
            self._size, self._grown_at_s = size, now_s
        elif now_s - self._grown_at_s >= self._timeout_s:
            raise VecgateError(f"the suite ended no test in {self._timeout_s:g} s and was stopped")


def summarize_errors(output: str) -> str:
    """Return the error lines in the *output* of pytest, else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.split(maxsplit=1)[-1] for line in lines if line.startswith(ERROR_PREFIXES)]
    return "; ".join(dict.fromkeys((errors or lines[-1:])[:ERROR_LINES_MAX]))
