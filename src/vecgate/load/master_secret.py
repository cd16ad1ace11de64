"""The secret that a master and its workers share, and the command line of a worker.

It is passed in the environment or in a file, because other users of a machine see its command lines.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from secrets import token_urlsafe

from vecgate.errors import UsageError

SECRET_VARIABLE = "VECGATE_MASTER_SECRET"  # noqa: S105 - its name
#: A shorter secret could be guessed from one message.
SECRET_CHARACTERS_MIN = 16
SECRET_HINT = f"Copy the command that the master has printed, or set {SECRET_VARIABLE}."


def given_secret(environ: Mapping[str, str], file: Path | None = None) -> str:
    """Return the secret in *file*, or else in SECRET_VARIABLE of *environ*; empty without one.

    Raises UsageError if it is too short, or if others can read the file.
    """
    secret = environ.get(SECRET_VARIABLE, "") if file is None else _read(file)
    if secret and len(secret) < SECRET_CHARACTERS_MIN:
        raise UsageError(
            f"a master's secret has {len(secret)} characters; allowed are {SECRET_CHARACTERS_MIN} or more",
            hint="Leave it out, and the master generates one.",
        )
    return secret


def new_secret() -> str:
    """Return a new secret."""
    return token_urlsafe(24)


def worker_command(port: int, secret: str) -> str:
    """Return the command line of a worker for the master on this machine at *port*.

    Without a *secret* the worker gets it in the way that the master did.
    """
    assignment = f"{SECRET_VARIABLE}={secret} " if secret else ""
    return f"{assignment}vecgate ramp --worker --master-host {socket.gethostname()} --master-port {port}"


def master_lines(port: int, workers: int, *, secret: str) -> list[str]:
    """Return what a master on this machine at *port* prints: its address, whom it waits for, what they need.

    secret  shown in the command of a worker; empty if the worker gets it in the way that the master did
    """
    processes = "1 worker process" if workers == 1 else f"{workers:,} worker processes"
    return [
        f"master at {socket.gethostname()}:{port}, waits for {processes}; a machine may run several",
        f"a worker needs a way to port {port}, the secret and a clock that is right to some minutes",
        "and, if the master has AWS credentials, some of its own",
        f"start workers with  {worker_command(port, secret)}",
    ]


def _read(file: Path) -> str:
    try:
        if os.name == "posix" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(f"{file} is readable by others", hint=f"chmod 600 {file}")
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: {getattr(error, 'strerror', None) or 'is not text'}") from error
    if not secret:
        raise UsageError(f"{file} is empty", hint=SECRET_HINT)
    return secret
