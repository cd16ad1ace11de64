"""Installs each foreign client in its own environment, `.clients/NAME`: `make clients`.

Each pins its own botocore, so they cannot be installed beside vecgate. An environment with the pinned
versions is left as it is. A client whose runtime is missing on this machine is reported and skipped, and so
are its tests.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".clients"
STAMP = "installed.json"
#: Installations at the same time, for two cores.
PARALLEL_INSTALLS = 2


@dataclass(frozen=True, slots=True)
class Client:
    """A client and the versions that it is tested with.

    name     of its folder
    runtime  `python` (the one that runs this) or `node`
    pins     package to version; dependencies of the packages are not pinned
    """

    name: str
    runtime: str
    pins: dict[str, str]

    def has_runtime(self) -> bool:
        return self.runtime == "python" or all(shutil.which(tool) for tool in ("node", "npm"))

    def stamp(self) -> str:
        """Return the content of the file that marks a complete environment. If it changes, the environment is
        created again.
        """
        is_python = self.runtime == "python"
        runtime = f"{self.runtime} {platform.python_version()}" if is_python else self.runtime
        return json.dumps({"runtime": runtime, "pins": self.pins}, indent=2) + "\n"

    def is_ready(self, root: Path = HOME) -> bool:
        stamp = root / self.name / STAMP
        return stamp.is_file() and stamp.read_text(encoding="utf-8") == self.stamp()


CLIENTS = (
    Client(
        "llama-index",
        "python",
        {"llama-index-vector-stores-s3": "0.4.0", "llama-index-core": "0.14.25", "boto3": "1.44.5"},
    ),
    Client(
        "langchain",
        "python",
        {"langchain-aws": "1.9.1", "langchain-core": "1.7.2", "boto3": "1.44.5"},
    ),
    Client("awscli", "python", {"awscli": "1.46.3"}),
    Client("aiobotocore", "python", {"aiobotocore": "3.10.0"}),
    Client("javascript", "node", {"@aws-sdk/client-s3vectors": "3.1137.0"}),
)


def find_client(name: str) -> Client:
    return next(client for client in CLIENTS if client.name == name)


class SetupFailed(Exception):
    """An installer failed; the message is its output."""


Run = Callable[[Sequence[str], Path], None]


def run(command: Sequence[str], folder: Path) -> None:
    """Run *command* in *folder*, without output unless it fails. Raises SetupFailed."""
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SetupFailed(
            f"{command[0]} ended with {result.returncode}:\n{result.stdout}{result.stderr}".strip()
        )


def install(client: Client, *, root: Path = HOME, run: Run = run) -> str:
    """Create the environment of *client* unless it exists, and return a line that reports the result."""
    if not client.has_runtime():
        return f"{client.name}: skipped, {client.runtime} and its package manager are not installed"
    if client.is_ready(root):
        return f"{client.name}: already installed"
    folder = root / client.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (_install_python if client.runtime == "python" else _install_node)(client, folder, run)
    (folder / STAMP).write_text(client.stamp(), encoding="utf-8")
    return f"{client.name}: installed {', '.join(f'{name} {pin}' for name, pin in client.pins.items())}"


def _install_python(client: Client, folder: Path, run: Run) -> None:
    run([sys.executable, "-m", "venv", "--without-pip", "."], folder)
    pip = [sys.executable, "-m", "pip", "--python", "bin/python", "--disable-pip-version-check", "--no-input"]
    # Not compiled, because most of the dependencies are never imported here.
    run(
        [
            *pip,
            "install",
            "--quiet",
            "--no-compile",
            *(f"{name}=={pin}" for name, pin in client.pins.items()),
        ],
        folder,
    )


def _install_node(client: Client, folder: Path, run: Run) -> None:
    package = {"name": "vecgate-client", "private": True, "dependencies": client.pins}
    (folder / "package.json").write_text(json.dumps(package, indent=2), encoding="utf-8")
    run(["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"], folder)


def main() -> int:
    """Install all clients. Returns 1 if one could not be installed."""
    failures = 0
    with ThreadPoolExecutor(PARALLEL_INSTALLS) as pool:
        for future in [pool.submit(install, client) for client in CLIENTS]:
            try:
                print(future.result(), flush=True)  # noqa: T201 - a command's output
            except SetupFailed as failure:
                failures += 1
                print(failure, file=sys.stderr)  # noqa: T201 - a command's output
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
