"""The request to a running endpoint for a backup of its data."""

from __future__ import annotations

import json
import ssl
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

from vecgate.endpoint.http.admin import ADMIN_PREFIX, BACKUP
from vecgate.errors import TargetError, TargetUnreachable, UsageError

#: Longest time without an answer: a backup copies and reads everything.
TIMEOUT_S = 3600.0


def request_backup(host: str, port: int, token: str, file: Path, *, certfile: Path | None = None) -> int:
    """Ask the endpoint at *host* and *port* to write a backup to *file*, and return its bytes.

    *certfile* is its certificate, if it speaks TLS.
    Raises UsageError if it refuses, TargetUnreachable if nothing answers, TargetError if it is no endpoint.
    """
    body = json.dumps({"file": str(file.absolute())})
    try:
        with closing(_connection(host, port, certfile)) as connection:
            connection.request("POST", f"{ADMIN_PREFIX}{BACKUP}", body, {"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            content = response.read()
    except (OSError, HTTPException) as error:
        raise TargetUnreachable(
            f"no endpoint answers at {host}:{port}: {error}",
            hint="Give the --port of the running endpoint, or the --data-dir of a stopped one.",
        ) from None
    try:
        answer = json.loads(content)
        if response.status == 200:  # noqa: PLR2004
            return int(answer["bytes"])
        message = str(answer["message"])
    except (ValueError, TypeError, LookupError):
        raise TargetError(
            f"{host}:{port} answers with status {response.status}, but is not a vecgate endpoint"
        ) from None
    raise UsageError(f"the endpoint at {host}:{port} refuses the backup: {message}")


def _connection(host: str, port: int, certfile: Path | None) -> HTTPConnection:
    if certfile is None:
        return HTTPConnection(host, port, timeout=TIMEOUT_S)
    return HTTPSConnection(
        host, port, timeout=TIMEOUT_S, context=ssl.create_default_context(cafile=str(certfile))
    )
