"""The exports of `vecgate serve`, and an endpoint in the background."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import Vecgate

from vecgate.cli.serve_exports import _of_child, export_lines, write_exports
from vecgate.endpoint.auth.principals import create_principal
from vecgate.errors import UsageError


def test_exports_are_commands_of_a_shell() -> None:
    """What is not needed or not made for this run is not exported."""
    principal = create_principal("KEY", "secret")
    assert export_lines("http://h:1", "eu-west-1", principal, "token", signed=True) == [
        "export AWS_ENDPOINT_URL_S3VECTORS=http://h:1",
        "export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1",
        "export AWS_ACCESS_KEY_ID=KEY AWS_SECRET_ACCESS_KEY=secret",
        "export VECGATE_ADMIN_TOKEN=token",
    ]
    assert len(export_lines("http://h:1", "eu-west-1", None, "", signed=False)) == 1


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """Also if a file that everybody may read had its name. A stale session token is removed from the shell."""
    file = tmp_path / "env"
    file.touch(mode=0o644)
    write_exports(file, ["export A=1"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == "export A=1\nunset AWS_SESSION_TOKEN\n"
    assert [path.name for path in tmp_path.iterdir()] == ["env"]
    with pytest.raises(UsageError, match="cannot write"):
        write_exports(tmp_path / "none" / "env", [])


def test_the_child_gets_the_other_options() -> None:
    """In both forms of an option with a value."""
    given = ["--port", "0", "--background", "--env", "--env-file", "x", "--env-file=y", "--no-auth"]
    assert _of_child(given) == ["--port", "0", "--no-auth"]


def test_exports_for_eval_need_the_background(vecgate: Vecgate) -> None:
    """`eval` would wait for the end of the endpoint."""
    result = vecgate("serve", "--env")
    assert (result.code, "--env needs --background" in result.err) == (2, True)


def test_an_endpoint_that_cannot_start_in_the_background_says_why(vecgate: Vecgate, tmp_path: Path) -> None:
    """With the message and the exit code of wrong usage."""
    result = vecgate("serve", "--background", "--keys", tmp_path / "none.toml")
    assert (result.code, "the endpoint did not start: error: " in result.err) == (2, True), result.err


def test_eval_connects_a_shell_to_an_endpoint_in_the_background(tmp_path: Path) -> None:
    """The line of the documentation, then a command without any option, then the end of the endpoint."""
    script = f"""
    set -euo pipefail
    export AWS_SESSION_TOKEN=of-something-else
    eval "$({sys.executable} -m vecgate serve --background --env --port 0 --env-file env)"
    {sys.executable} -m vecgate bucket create --bucket of-the-shell --quiet --json
    echo "$VECGATE_SERVE_PID"
    """
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ended = subprocess.run(
        ["bash", "-c", script],  # noqa: S607 - the first on the path
        cwd=tmp_path,
        env={**environ, "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert ended.returncode == 0, ended.stderr
    pid = int(ended.stdout.split()[-1])
    try:
        assert '"ok":true' in ended.stdout
        exports = (tmp_path / "env").read_text()
        assert f"export VECGATE_SERVE_PID={pid}\n" in exports
        assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600
    finally:
        os.kill(pid, signal.SIGTERM)
    deadline_s = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and _state_of(pid) != "Z":
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def _state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
