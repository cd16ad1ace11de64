"""The suite as a child process: started, followed by its result stream, and stopped with us."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Self

import msgspec

from vecgate.errors import UsageError
from vecgate.results.records import Record, Result

LOOK_EVERY_S = 0.2
STOP_WITHIN_S = 60.0
SAID_CHARACTERS = 20_000
#: How pytest begins a line that says what went wrong; no more of them than this are told.
ERROR_LINES = ("E ", "ERROR:", "INTERNALERROR> E ", "UsageError")
TOLD_LINES = 5


@dataclass(frozen=True, slots=True)
class Ended:
    """How the process ended.

    code  pytest's exit code
    said  the end of what it printed
    """

    code: int
    said: str


def suite_folder() -> Path:
    """Where the suite is: in the wheel, or beside `src` in a checkout. Raises UsageError."""
    package = Path(__file__).parents[1]
    for folder in (package / "conformance", package.parents[1] / "conformance"):
        if (folder / "conftest.py").is_file():
            return folder
    raise UsageError("the conformance suite is not installed", hint="pip install 'vecgate[conformance]'")


def run_suite(arguments: Sequence[str], results: Path, on_result: Callable[[Result], None]) -> Ended:
    """Run pytest on the suite with *arguments*, and tell *on_result* each result that comes to *results*.

    When we are interrupted so is it, once, and it is given time to remove what it made; a second interrupt
    ends it at once.
    """
    missing = [name for name in ("pytest", "hypothesis") if find_spec(name) is None]
    if missing:
        are, hint = "is" if len(missing) == 1 else "are", "pip install 'vecgate[conformance]'"
        raise UsageError(f"{' and '.join(missing)} {are} not installed", hint=hint)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603 - our own suite
            [sys.executable, "-m", "pytest", str(suite_folder()), *arguments],
            stdout=said,
            stderr=said,
            process_group=0,  # Ctrl-C comes to us, and goes on to it once
        )
        try:
            code = _followed(process, results, on_result)
        except BaseException:
            _stopped(process)
            raise
        return Ended(code, _end_of(said))


def _followed(process: subprocess.Popen[bytes], results: Path, on_result: Callable[[Result], None]) -> int:
    with Follower(results) as follower:
        while True:
            try:
                code = process.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                code = None
            for result in follower.news():
                on_result(result)
            if code is not None:
                return code


def _stopped(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_WITHIN_S)
    finally:
        process.kill()
        process.wait()


class Follower:
    """Reads a result stream while it is written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def news(self) -> list[Result]:
        """The results that came since the last time."""
        if self._file is None:
            if not self._path.exists():
                return []
            self._file = self._path.open("rb")
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        records = [msgspec.json.decode(line, type=Record) for line in lines if line]
        return [record for record in records if isinstance(record, Result)]


def _end_of(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read().decode(errors="replace")[-SAID_CHARACTERS:].strip()


def gist_of(said: str) -> str:
    """The lines of what pytest *said* that tell what went wrong; its last line where none does."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(ERROR_LINES)]
    told = [line.split(maxsplit=1)[-1] for line in errors] or lines[-1:]
    return "; ".join(dict.fromkeys(told[:TOLD_LINES]))
