"""The endpoint in a child process, for the duration of a `with` block.

The child never outlives this process: it stops when its stdin closes, and the operating system closes that
when this process exits.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from vecgate.process import START_TIMEOUT_S, ServerProcess

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7333
#: The line that `vecgate serve` prints on stdout begins with this, followed by its URL.
READY = "vecgate endpoint ready on "
#: A key pair is passed in environment variables, because every user of the machine can read command lines.
ACCESS_KEY_VARIABLE, SECRET_KEY_VARIABLE = "VECGATE_ACCESS_KEY", "VECGATE_SECRET_KEY"
#: So is the token of the admin API.
ADMIN_TOKEN_VARIABLE = "VECGATE_ADMIN_TOKEN"  # noqa: S105 - the name of a variable
#: Empty, so that the child ignores a `vecgate.toml` of the user, which is for endpoints that the user starts.
CONFIG_VARIABLE = "VECGATE_CONFIG"


class LocalEndpoint:
    """`vecgate serve` in a child process, on a free port unless *port* is given.

    data_dir         where it keeps its data; in memory without
    auth             require signatures with a random key pair, `access_key` and `secret_key`
    options          further options of `vecgate serve`, such as `--inject flaky`
    environment      additional environment variables of the child
    start_timeout_s  how long to wait until it is ready

    `url` is its address, `admin_headers` the headers of requests to its admin API. Raises TargetUnreachable
    if it is not ready in time, UsageError if it exits instead.
    """

    url: str
    access_key: str
    secret_key: str
    admin_token: str

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = DEFAULT_HOST,
        data_dir: Path | None = None,
        auth: bool = False,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        start_timeout_s: float = START_TIMEOUT_S,
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
        self.admin_token = secrets.token_urlsafe(24)
        self._environment = {
            **os.environ,
            **(environment or {}),
            ADMIN_TOKEN_VARIABLE: self.admin_token,
            CONFIG_VARIABLE: "",
        }
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
        self._start_timeout_s = start_timeout_s
        self._server: ServerProcess | None = None

    @property
    def admin_headers(self) -> dict[str, str]:
        """The headers of a request to the admin API."""
        return {"Authorization": f"Bearer {self.admin_token}"}

    @property
    def pid(self) -> int:
        """The process id; 0 if it is not running."""
        return self._server.pid if self._server else 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        self._server = ServerProcess(
            [*self._command, "--until-stdin-closes"],
            name="the local endpoint",
            ready_prefix=READY,
            start_timeout_s=self._start_timeout_s,
            environment=self._environment,
        )
        self.url = self._server.start()

    def stop(self) -> None:
        """Stop the process: gracefully, then by force. No effect if it is not running."""
        if self._server is not None:
            self._server.stop()
