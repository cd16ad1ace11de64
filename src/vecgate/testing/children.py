"""A run as a child process: started, followed by its result stream, and stopped with us."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import current_thread, main_thread
from typing import IO, Self

import msgspec

from vecgate.results.records import Record

LOOK_EVERY_S = 0.2
STOP_WITHIN_S = 60.0
SAID_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Ended:
    """How the process ended.

    code  its exit code
    said  the end of what it printed
    """

    code: int
    said: str


def run_child(
    command: Sequence[str],
    results: Path,
    on_record: Callable[[Record], None],
    *,
    environment: Mapping[str, str] | None = None,
    is_shown: bool = False,
    stop_with: signal.Signals = signal.SIGINT,
) -> Ended:
    """Run *command*, and tell *on_record* each record that comes to *results*.

    When we are interrupted so is it, once and with *stop_with*, and it is given time to remove what it made;
    a second interrupt ends it at once. What it prints is kept, or is on our own terminal where *is_shown*.
    """
    with tempfile.TemporaryFile() as said:
        with _heeding_interrupts():
            process = subprocess.Popen(  # noqa: S603 - the caller's own program
                command,
                stdin=subprocess.DEVNULL,
                stdout=None if is_shown else said,
                stderr=None if is_shown else said,
                env=environment,
                process_group=0,  # Ctrl-C comes to us, and goes on to it once
            )
        try:
            code = _followed(process, results, on_record)
        except BaseException:
            _stopped(process, stop_with)
            raise
        finally:
            # Whatever it has started ends with it, also where it was killed and could not see to that.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return Ended(code, _end_of(said))


@contextmanager
def _heeding_interrupts() -> Iterator[None]:
    """What is started within heeds SIGINT, also where we do not, as a job in the background of a script.

    A process inherits that a signal is ignored, and not that it has a handler.
    """
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN or current_thread() is not main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _followed(process: subprocess.Popen[bytes], results: Path, on_record: Callable[[Record], None]) -> int:
    with Follower(results) as follower:
        while True:
            try:
                code = process.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                code = None
            for record in follower.news():
                on_record(record)
            if code is not None:
                return code


def _stopped(process: subprocess.Popen[bytes], stop_with: signal.Signals) -> None:
    process.send_signal(stop_with)
    try:
        # One that does not end must not hide why it was to.
        with suppress(subprocess.TimeoutExpired):
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

    def news(self) -> list[Record]:
        """The records that came since the last time."""
        if self._file is None:
            if not self._path.exists():
                return []
            self._file = self._path.open("rb")
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        return [msgspec.json.decode(line, type=Record) for line in lines if line]


def _end_of(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read().decode(errors="replace")[-SAID_CHARACTERS:].strip()
