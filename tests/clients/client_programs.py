"""Client programs that run in their own environments, and the credentials that they get."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import pytest
from setup_clients import HOME, PROGRAMS, find_client

Json = dict[str, Any]
RESPONSE_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a client; the token is empty unless they are temporary."""

    access_key: str
    secret_key: str
    session_token: str = ""

    def environment(self) -> dict[str, str]:
        """Return the environment variables that every client reads first."""
        named = {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Access:
    """An endpoint, and keys with full access to it."""

    url: str
    region: str
    account: str
    keys: Keys

    def environment(self) -> dict[str, str]:
        """Return a client's environment, without any of the user's own configuration."""
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
    """A client program in a child process: it reads JSON lines and answers each with one."""

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
            self.first_line = self._read_line()
        except BaseException:
            self.close()
            raise

    @classmethod
    def start(cls, client: str, program: str, access: Access) -> Self:
        """Start *program* in the environment of *client*."""
        return cls(*_command_for(client, program, access))

    def send(self, request: Json) -> Json:
        """Return the line that answers *request*."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return self._read_line()

    def close(self) -> None:
        """Close its stdin, which ends the program."""
        with self._process, self._log:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(RESPONSE_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _read_line(self) -> Json:
        out = self._process.stdout
        assert out is not None
        ready, _, _ = select.select([out], [], [], RESPONSE_TIMEOUT_S)
        line = out.readline() if ready else b""
        if not line:
            self._log.seek(0)
            raise AssertionError(f"the client program printed no response: {self._log.read().decode()}")
        response: Json = json.loads(line)
        return response


def run_program(
    client: str, program: str, access: Access, *arguments: str, within_s: float = RESPONSE_TIMEOUT_S
) -> Json:
    """Run *program* to its end in the environment of *client*, and return the JSON that it prints."""
    command, environment = _command_for(client, program, access)
    result = subprocess.run(
        [*command, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    output: Json = json.loads(result.stdout)
    return output


def find_environment(client: str) -> Path:
    """Return the folder of the environment of *client*. Skips the test if it is missing."""
    installed = find_client(client)
    if not installed.has_runtime():
        pytest.skip(f"{installed.runtime} is not installed")
    if not installed.is_ready():
        pytest.skip(f"the environment of {client} is missing: run make clients")
    return HOME / client


def _command_for(client: str, program: str, access: Access) -> tuple[list[str], dict[str, str]]:
    root = find_environment(client)
    variables = {**access.environment(), "NODE_PATH": str(root / "node_modules")}
    match find_client(client).runtime:
        case "node":
            return ["node", str(PROGRAMS / program)], variables
        case "java":
            # Starts faster without the second compiler.
            options = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{root}/classes:{root}/lib/*"]
            return ["java", *options, program], variables
        case "go" | "rust":
            return [str(root / "client")], variables
        case _:
            return [str(root / "bin/python"), str(PROGRAMS / program)], variables
