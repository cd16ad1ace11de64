"""The endpoint in a process of its own, for as long as a `with` block lasts.

Nothing is left behind: the child stops when its stdin closes, and the system closes that with this process.
"""

from __future__ import annotations

import os
import secrets
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from vecgate.errors import TargetUnreachable, UsageError

DEFAULT_HOST = "127.0.0.1"
READY_WITHIN_S = 20.0
STOP_WITHIN_S = 8.0
#: What `vecgate serve` says on stdout, followed by its URL.
READY = "vecgate endpoint ready on "
#: How a key pair is handed over: command lines are for everyone to see.
ACCESS_KEY_VARIABLE, SECRET_KEY_VARIABLE = "VECGATE_ACCESS_KEY", "VECGATE_SECRET_KEY"


class LocalEndpoint:
    """`vecgate serve` in its own process, on a free port unless *port* names one.

    data_dir     where it keeps everything; in memory without
    auth         refuse what is not signed with `access_key` and `secret_key`, a pair made up for it
    options      further ones of `vecgate serve`, such as `--inject flaky`
    environment  variables to set in that process beside this one's

    `url` is where it answers. Raises TargetUnreachable where it does not come up in time, UsageError where it
    refuses to.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = DEFAULT_HOST,
        data_dir: Path | None = None,
        auth: bool = False,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        ready_within_s: float = READY_WITHIN_S,
    ) -> None:
        self.url = self.access_key = self.secret_key = ""
        self._command = [
            sys.executable,
            "-m",
            "vecgate",
            "serve",
            "--host",
            host,
            "--port",
            str(port),
            *options,
        ]
        if data_dir is not None:
            self._command += ["--data-dir", str(data_dir)]
        self._environment = {**os.environ, **(environment or {})}
        for variable in (ACCESS_KEY_VARIABLE, SECRET_KEY_VARIABLE):
            self._environment.pop(variable, None)
        if auth:
            self.access_key, self.secret_key = f"VECGATE{secrets.token_hex(6).upper()}", secrets.token_hex(20)
            self._environment |= {
                ACCESS_KEY_VARIABLE: self.access_key,
                SECRET_KEY_VARIABLE: self.secret_key,
            }
        elif not any(option.startswith(("--keys", "--access-key")) for option in options):
            self._command.append("--no-auth")
        self._ready_within_s = ready_within_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the process, 0 while there is none."""
        return self._process.pid if self._process else 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait until it answers."""
        with tempfile.TemporaryFile() as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [*self._command, "--until-stdin-closes"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment,
                process_group=0,  # Ctrl-C is for us: what is in flight here still needs its answer
            )
            try:
                self.url = self._ready_url(self._process, log)
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Stop the process: gracefully, then by force. Does nothing where there is none."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:  # which closes its pipes and waits for it
            process.terminate()
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()

    def _ready_url(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
        assert process.stdout is not None
        try:
            line = _line_within(process.stdout, self._ready_within_s).decode()
        except TimeoutError:
            wait_s = self._ready_within_s
            raise TargetUnreachable(f"the local endpoint did not come up within {wait_s:g} s") from None
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
        process.wait(STOP_WITHIN_S)
        log.seek(0)
        raise UsageError(f"the local endpoint did not start: {_first_line(log)}")


def _line_within(stream: IO[bytes], wait_s: float) -> bytes:
    """A line, or what there is of one when the other side closes. Raises TimeoutError."""
    deadline, line = time.monotonic() + wait_s, b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        piece = os.read(stream.fileno(), 1024)
        if not piece:
            break
        line += piece
    return line


def _first_line(log: IO[bytes]) -> str:
    return log.readline().decode(errors="replace").strip() or "it said nothing"
