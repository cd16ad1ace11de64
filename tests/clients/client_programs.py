"""Client programs in their own environments, and whom they may speak to."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import pytest
from setup_clients import HOME, client_named

Json = dict[str, Any]
PROGRAMS = Path(__file__).parent / "programs"
ANSWER_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Keys:
    """What a client signs with; the token is that of temporary credentials."""

    access_key: str
    secret_key: str
    session_token: str = ""

    def environment(self) -> dict[str, str]:
        """Where every client looks for them first."""
        named = {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Access:
    """An endpoint, and the keys of one who may do everything there."""

    url: str
    region: str
    account: str
    keys: Keys

    def environment(self) -> dict[str, str]:
        """What a client reads; nothing of the user's own configuration comes into it."""
        return {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL_S3VECTORS": self.url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            **self.keys.environment(),
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


class Program:
    """A client program in its own process: a JSON line in, a JSON line out."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            bufsize=0,
        )
        try:
            self.first_line = self._line()
        except BaseException:
            self.close()
            raise

    @classmethod
    def of(cls, client: str, program: str, access: Access) -> Self:
        """*program* in the environment of *client*, at work for as long as it is asked."""
        return cls(*_started_by(client, program, access))

    def ask(self, request: Json) -> Json:
        """The line that answers *request*."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return self._line()

    def close(self) -> None:
        """Let it end: it does when there is nothing more to read."""
        with self._process, self._log:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(ANSWER_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _line(self) -> Json:
        out = self._process.stdout
        assert out is not None
        ready, _, _ = select.select([out], [], [], ANSWER_WITHIN_S)
        line = out.readline() if ready else b""
        if not line:
            self._log.seek(0)
            raise AssertionError(f"the client program gave no answer: {self._log.read().decode()}")
        answer: Json = json.loads(line)
        return answer


def output_of(client: str, program: str, access: Access, *arguments: str) -> Json:
    """What *program* prints, from start to end, in the environment of *client*."""
    command, environment = _started_by(client, program, access)
    done = subprocess.run(
        [*command, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=ANSWER_WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    output: Json = json.loads(done.stdout)
    return output


def environment_of(client: str) -> Path:
    """The folder of the environment of *client*. Skips the test where it is not there."""
    known = client_named(client)
    if not known.is_runtime_here():
        pytest.skip(f"there is no {known.runtime} here")
    if not known.is_ready():
        pytest.skip(f"the environment of {client} is not there: make clients")
    return HOME / client


def _started_by(client: str, program: str, access: Access) -> tuple[list[str], dict[str, str]]:
    home = environment_of(client)
    node = shutil.which("node") if client_named(client).runtime == "node" else None
    variables = {**access.environment(), "NODE_PATH": str(home / "node_modules")}
    return [node or str(home / "bin/python"), str(PROGRAMS / program)], variables
