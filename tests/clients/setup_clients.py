"""Give each foreign client an environment of its own, `.clients/NAME`: `make clients`.

They cannot live in ours: each pins the botocore that it likes. What is there with the pinned versions is left
alone. A runtime that this machine lacks is said and passed over; the tests of its client are skipped then.
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
#: Two cores can unpack two at a time.
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Client:
    """A client and the versions it is tested with.

    name     of its folder
    runtime  `python` (the one that runs this) or `node`
    pins     package to version; what they depend on is left to their own requirements
    """

    name: str
    runtime: str
    pins: dict[str, str]

    def is_runtime_here(self) -> bool:
        return self.runtime == "python" or all(shutil.which(tool) for tool in ("node", "npm"))

    def stamp(self) -> str:
        """What a finished environment is marked with: it changes when the environment must be made anew."""
        by = f"{self.runtime} {platform.python_version()}" if self.runtime == "python" else self.runtime
        return json.dumps({"runtime": by, "pins": self.pins}, indent=2) + "\n"

    def is_ready(self, home: Path = HOME) -> bool:
        stamp = home / self.name / STAMP
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


def client_named(name: str) -> Client:
    return next(client for client in CLIENTS if client.name == name)


class SetupFailed(Exception):
    """An installer ended with an error; the text is what it said."""


Run = Callable[[Sequence[str], Path], None]


def run(command: Sequence[str], folder: Path) -> None:
    """Run *command* in *folder*, quietly unless it fails. Raises SetupFailed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupFailed(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}".strip())


def install(client: Client, *, home: Path = HOME, run: Run = run) -> str:
    """Bring the environment of *client* about where it is not there; a line that says what was done."""
    if not client.is_runtime_here():
        return f"{client.name}: passed over, there is no {client.runtime} with its package manager here"
    if client.is_ready(home):
        return f"{client.name}: is there"
    folder = home / client.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (_install_python if client.runtime == "python" else _install_node)(client, folder, run)
    (folder / STAMP).write_text(client.stamp(), encoding="utf-8")
    return f"{client.name}: installed {', '.join(f'{name} {pin}' for name, pin in client.pins.items())}"


def _install_python(client: Client, folder: Path, run: Run) -> None:
    run([sys.executable, "-m", "venv", "--without-pip", "."], folder)
    pip = [sys.executable, "-m", "pip", "--python", "bin/python", "--disable-pip-version-check", "--no-input"]
    # Not compiled: most of what comes with them is never imported here.
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
    """Install all; 1 where one could not be installed."""
    failures = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for future in [pool.submit(install, client) for client in CLIENTS]:
            try:
                print(future.result(), flush=True)  # noqa: T201 - a command's output
            except SetupFailed as failure:
                failures += 1
                print(failure, file=sys.stderr)  # noqa: T201 - a command's output
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
