"""Child processes: a program that runs to its end, a server that runs beside this process, a group of
workers.

Every wait has a deadline, and no child outlives this process.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import current_thread, main_thread
from typing import IO

from vecgate.errors import NotReadyInTime, UsageError, VecgateError

POLL_EVERY_S = 0.2
#: A child may run this long. The longest schedule of a load run is shorter.
RUN_TIMEOUT_S = 7 * 24 * 3_600.0
#: A child that runs to its end gets this long to clean up after the signal to stop.
STOP_TIMEOUT_S = 60.0
#: A server gets this long: it has nothing to clean up.
SERVER_STOP_TIMEOUT_S = 8.0
START_TIMEOUT_S = 20.0
#: The system ends a killed process within this time.
KILL_TIMEOUT_S = 10.0
OUTPUT_CHARACTERS_MAX = 20_000


@dataclass(frozen=True, slots=True)
class ChildExit:
    """The end of a child.

    code    its exit code
    output  the end of what it printed
    """

    code: int
    output: str


def run_child(
    command: Sequence[str],
    *,
    on_poll: Callable[[], None] = lambda: None,
    environment: Mapping[str, str] | None = None,
    is_shown: bool = False,
    stop_signal: signal.Signals = signal.SIGINT,
    timeout_s: float = RUN_TIMEOUT_S,
) -> ChildExit:
    """Run *command* to its end.

    on_poll   is called every POLL_EVERY_S seconds, and once more after the end
    is_shown  the output goes to this terminal and is not kept

    If this process is interrupted, or *on_poll* raises, the child receives *stop_signal* once and gets time
    to remove its resources. A second interrupt kills it. Raises VecgateError if the child runs for
    *timeout_s*.
    """
    with tempfile.TemporaryFile() as output:
        with _enabled_interrupts():
            child = subprocess.Popen(  # noqa: S603 - a program that the caller chose
                command,
                stdin=subprocess.DEVNULL,
                stdout=None if is_shown else output,
                stderr=None if is_shown else output,
                env=environment,
                process_group=0,  # Ctrl-C reaches this process only, which passes it on once
            )
        try:
            code = _poll_until_end(child, on_poll, timeout_s)
        except BaseException:
            _stop(child, stop_signal, STOP_TIMEOUT_S)
            raise
        finally:
            # Also ends what the child has started, in case the child was killed and could not do that.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        return ChildExit(code, _read_end(output))


def run_workers(
    command: Sequence[str],
    number: int,
    *,
    on_started: Callable[[], None],
    environment: Mapping[str, str] | None = None,
) -> list[int]:
    """Run *number* processes of *command* on this terminal, and return their exit codes when all have ended.

    If this process is interrupted, each of them receives SIGTERM and gets time to finish its requests.
    """
    workers: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(number):
            # Ctrl-C reaches this process only, which passes it on once, as SIGTERM.
            worker = subprocess.Popen(  # noqa: S603 - vecgate itself
                command, stdin=subprocess.DEVNULL, env=environment, process_group=0
            )
            workers.append(worker)
        on_started()
        return [worker.wait(RUN_TIMEOUT_S) for worker in workers]
    except BaseException:
        for worker in workers:
            worker.terminate()
        deadline_s = time.monotonic() + STOP_TIMEOUT_S
        for worker in workers:
            _wait_or_kill(worker, deadline_s - time.monotonic())
        raise


class ServerProcess:
    """A server in a child process. It prints one line when it is ready, and ends when its stdin closes.

    The system closes that pipe when this process ends, however it ends.

    name          of the server, for messages
    ready_prefix  start of the line that says that it is ready; the rest of the line is its URL
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        ready_prefix: str,
        start_timeout_s: float = START_TIMEOUT_S,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command, self._environment = command, environment
        self._name, self._ready_prefix, self._start_timeout_s = name, ready_prefix.encode(), start_timeout_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the process; 0 if none is running."""
        return self._process.pid if self._process else 0

    def start(self) -> str:
        """Start the server and return its URL.

        Raises NotReadyInTime if it is not ready in time, UsageError with its output if it ends instead.
        """
        with tempfile.TemporaryFile() as log:
            self._process = subprocess.Popen(  # noqa: S603 - a program that the caller chose
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment,
                # Ctrl-C reaches this process only: its requests in flight still need answers.
                process_group=0,
            )
            try:
                return self._wait_until_ready(self._process, log)
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Stop the server with SIGTERM, or kill it if that is not enough. Does nothing if none is running."""
        process, self._process = self._process, None
        if process is None:
            return
        _stop(process, signal.SIGTERM, SERVER_STOP_TIMEOUT_S)
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
        assert process.stdout is not None
        try:
            line = _read_line(process.stdout, self._start_timeout_s)
        except TimeoutError:
            message = f"{self._name} was not ready within {self._start_timeout_s:g} s"
            raise NotReadyInTime(message) from None
        if line.startswith(self._ready_prefix):
            return line.removeprefix(self._ready_prefix).decode().strip()
        with suppress(subprocess.TimeoutExpired):
            process.wait(SERVER_STOP_TIMEOUT_S)
        log.seek(0)
        reason = log.readline().decode(errors="replace").strip() or "it printed no message"
        raise UsageError(f"{self._name} did not start: {reason}")


@contextmanager
def _enabled_interrupts() -> Iterator[None]:
    """Let a child that is started in this context receive SIGINT, even if this process ignores it.

    A background job of a shell script ignores SIGINT. A child inherits that a signal is ignored, but not a
    handler.
    """
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN or current_thread() is not main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _poll_until_end(child: subprocess.Popen[bytes], on_poll: Callable[[], None], timeout_s: float) -> int:
    deadline_s = time.monotonic() + timeout_s
    while True:
        try:
            code = child.wait(POLL_EVERY_S)
        except subprocess.TimeoutExpired:
            code = None
        on_poll()
        if code is not None:
            return code
        if time.monotonic() >= deadline_s:
            raise VecgateError(f"the process did not end within {timeout_s:g} s and was stopped")


def _stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals, timeout_s: float) -> None:
    process.send_signal(stop_signal)
    _wait_or_kill(process, timeout_s)


def _wait_or_kill(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    # A process that does not end must not hide the error for which it is stopped.
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(timeout_s, 0.0))
    finally:
        process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(KILL_TIMEOUT_S)


def _read_line(stream: IO[bytes], timeout_s: float) -> bytes:
    """Return the first line, or an incomplete one if the stream ends. Raises TimeoutError."""
    deadline_s, line = time.monotonic() + timeout_s, b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([stream], [], [], max(0.0, deadline_s - time.monotonic()))
        if not ready:
            raise TimeoutError
        piece = os.read(stream.fileno(), 1024)
        if not piece:
            break
        line += piece
    return line


def _read_end(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read().decode(errors="replace")[-OUTPUT_CHARACTERS_MAX:].strip()
