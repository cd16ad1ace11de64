"""The exports of `vecgate serve`: shell commands that point every client of a shell at the endpoint."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vecgate.endpoint.local import ADMIN_TOKEN_VARIABLE, READY
from vecgate.errors import UsageError
from vecgate.process import ServerProcess

if TYPE_CHECKING:
    from vecgate.endpoint.auth.principals import Principal

#: The process to end: `kill $VECGATE_SERVE_PID`.
PID_VARIABLE = "VECGATE_SERVE_PID"
#: Options of the process that starts another one in the background, with the number of their values.
_OWN_OPTIONS = {"--background": 0, "--env": 0, "--env-file": 1}


def export_lines(
    url: str, region: str, generated: Principal | None, token: str, *, signed: bool
) -> list[str]:
    """Return the exports of the endpoint at *url*. The pair and the *token* are those made for this run."""
    lines = [f"export AWS_ENDPOINT_URL_S3VECTORS={shlex.quote(url)}"]
    if signed:
        lines.append(f"export AWS_REGION={region} AWS_DEFAULT_REGION={region}")
    if generated:
        pair = generated.key_pair
        lines.append(f"export AWS_ACCESS_KEY_ID={pair.access_key} AWS_SECRET_ACCESS_KEY={pair.secret_key}")
    if token:
        lines.append(f"export {ADMIN_TOKEN_VARIABLE}={token}")
    return lines


def write_exports(path: Path, lines: Sequence[str]) -> None:
    """Write *lines* to *path*, which only its owner can read. Raises UsageError.

    A session token of other credentials would make every request wrong, so the exports remove it.
    """
    content = "\n".join([*lines, "unset AWS_SESSION_TOKEN", ""]).encode()
    try:
        # A file that others can read is not reused, and no reader sees half of the new one.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            os.write(handle, content)
        finally:
            os.close(handle)
        Path(name).replace(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None


def serve_in_background(arguments: Sequence[str], *, is_env: bool, env_file: Path | None) -> None:
    """Start `vecgate serve` with *arguments* in another process, and return when it is ready.

    Prints its ready line, and on stderr the exports; with *is_env* only the exports, on stdout for `eval`.
    Raises UsageError if it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="vecgate-serve-") as folder:
        exports = Path(folder) / "exports"
        server = ServerProcess(
            [sys.executable, "-m", "vecgate", "serve", *_of_child(arguments), "--env-file", str(exports)],
            name="the endpoint",
            ready_prefix=READY,
        )
        url = server.start()
        lines = [*exports.read_text(encoding="utf-8").splitlines(), f"export {PID_VARIABLE}={server.pid}"]
    if env_file:
        write_exports(env_file, lines)
    click.echo("\n".join(lines) if is_env else f"{READY}{url}")
    if not is_env:
        shown = [f"`. {env_file}` in a shell connects its clients"] if env_file else lines
        click.echo("\n".join([*shown, f"`kill {server.pid}` stops the endpoint"]), err=True)


def _of_child(arguments: Sequence[str]) -> list[str]:
    """Return *arguments* without those of the process that starts the child."""
    kept: list[str] = []
    skipped = 0
    for each in arguments:
        name = each.partition("=")[0]
        if skipped:
            skipped -= 1
        elif name in _OWN_OPTIONS:
            skipped = 0 if "=" in each else _OWN_OPTIONS[name]
        else:
            kept.append(each)
    return kept
