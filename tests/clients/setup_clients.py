"""Installs each foreign client in its own environment, `.clients/NAME`: `make clients`.

Those in Python pin their own botocore, so they cannot be installed beside vecgate. Those in Java, Go and Rust
are compiled, which takes minutes: `--compiled` installs them too. An environment with the pinned versions and
the same program is left as it is. A client whose runtime is missing on this machine is reported and skipped,
and so are its tests.
"""

from __future__ import annotations

import hashlib
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
PROGRAMS = Path(__file__).parent / "programs"
STAMP = "installed.json"
#: Installations at the same time, for two cores.
PARALLEL_INSTALLS = 2
TIMEOUT_S = 1_200

#: The tools that a client of each runtime needs.
TOOLS = {"node": ("node", "npm"), "java": ("java", "javac", "mvn"), "go": ("go",), "rust": ("cargo",)}
#: Versions of the languages, as low as the packages allow.
GO_VERSION, RUST_EDITION = "1.24", "2024"
#: The features of Rust packages. The endpoint is reached without TLS, whose library is most of the build.
RUST_FEATURES = {
    "aws-sdk-s3vectors": ["rt-tokio"],
    "aws-smithy-http-client": ["default-client"],
    "tokio": ["macros", "rt"],
}


@dataclass(frozen=True, slots=True)
class Client:
    """A client and the versions that it is tested with.

    name     of its folder
    runtime  `python` (the one that runs this), or a key of TOOLS
    pins     package to version; dependencies of the packages are not pinned
    program  file in `programs` that is compiled with the packages; empty for none
    """

    name: str
    runtime: str
    pins: dict[str, str]
    program: str = ""

    def has_runtime(self) -> bool:
        return all(shutil.which(tool) for tool in TOOLS.get(self.runtime, ()))

    def stamp(self) -> str:
        """Return the content of the file that marks a complete environment. If it changes, the environment is
        created again.
        """
        is_python = self.runtime == "python"
        runtime = f"{self.runtime} {platform.python_version()}" if is_python else self.runtime
        stamp: dict[str, object] = {"runtime": runtime, "pins": self.pins}
        if self.program:
            stamp["program"] = hashlib.sha256((PROGRAMS / self.program).read_bytes()).hexdigest()
        return json.dumps(stamp, indent=2) + "\n"

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
    Client("aiobotocore", "python", {"aiobotocore": "3.10.0", "boto3": "1.43.117"}),
    Client(
        "accelerated-aiobotocore",
        "python",
        {"aiobotocore": "3.10.0", "msgspec": "0.23.0", "numpy": "2.4.6", "orjson": "3.13.0"},
    ),
    Client("javascript", "node", {"@aws-sdk/client-s3vectors": "3.1137.0"}),
    Client("java", "java", {"software.amazon.awssdk:s3vectors": "2.50.2"}, "JavaLines.java"),
    Client(
        "go",
        "go",
        {
            "github.com/aws/aws-sdk-go-v2/service/s3vectors": "1.7.2",
            "github.com/aws/aws-sdk-go-v2/credentials": "1.21.0",
        },
        "go_lines.go",
    ),
    Client(
        "rust",
        "rust",
        {
            "aws-sdk-s3vectors": "1.47.0",
            "aws-smithy-http-client": "1.5.2",
            "aws-smithy-types": "1.9.3",
            "serde_json": "1.0.154",
            "tokio": "1.54.1",
        },
        "rust_lines.rs",
    ),
)


def find_client(name: str) -> Client:
    return next(client for client in CLIENTS if client.name == name)


class SetupFailed(Exception):
    """An installer failed; the message is its output."""


Run = Callable[[Sequence[str], Path], None]


def run(command: Sequence[str], folder: Path) -> None:
    """Run *command* in *folder*, without output unless it fails. Raises SetupFailed."""
    try:
        result = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise SetupFailed(f"{command[0]} did not end within {TIMEOUT_S:,} s") from None
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
    INSTALLERS[client.runtime](client, folder, run)
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


def _install_java(client: Client, folder: Path, run: Run) -> None:
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{pin}</version>"
        "</dependency>"
        for (group, _, artifact), pin in ((name.partition(":"), pin) for name, pin in client.pins.items())
    )
    (folder / "pom.xml").write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>vecgate</groupId><artifactId>client"
        f"</artifactId><version>1</version><dependencies>{dependencies}</dependencies></project>",
        encoding="utf-8",
    )
    run(["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"], folder)
    run(["javac", "-cp", "lib/*", "-d", "classes", str(PROGRAMS / client.program)], folder)


def _install_go(client: Client, folder: Path, run: Run) -> None:
    (folder / "go.mod").write_text(f"module vecgate.test/client\n\ngo {GO_VERSION}\n", encoding="utf-8")
    shutil.copy(PROGRAMS / client.program, folder / "main.go")
    run(["go", "get", *(f"{name}@v{pin}" for name, pin in client.pins.items())], folder)
    run(["go", "build", "-o", "client", "."], folder)


def _install_rust(client: Client, folder: Path, run: Run) -> None:
    dependencies = "".join(
        f'{name} = {{ version = "={pin}", default-features = {json.dumps(name not in RUST_FEATURES)}, '
        f"features = {json.dumps(RUST_FEATURES.get(name, []))} }}\n"
        for name, pin in client.pins.items()
    )
    (folder / "Cargo.toml").write_text(
        f'[package]\nname = "client"\nversion = "0.0.0"\nedition = "{RUST_EDITION}"\n\n'
        f"[profile.dev]\ndebug = false\n\n[dependencies]\n{dependencies}",
        encoding="utf-8",
    )
    (folder / "src").mkdir()
    shutil.copy(PROGRAMS / client.program, folder / "src/main.rs")
    run(["cargo", "build", "--quiet"], folder)
    shutil.move(folder / "target/debug/client", folder / "client")
    shutil.rmtree(folder / "target")


INSTALLERS: dict[str, Callable[[Client, Path, Run], None]] = {
    "python": _install_python,
    "node": _install_node,
    "java": _install_java,
    "go": _install_go,
    "rust": _install_rust,
}


def main(arguments: Sequence[str] = ()) -> int:
    """Install the clients; with `--compiled` among *arguments*, also those that are compiled.

    Return 1 if one could not be installed.
    """
    selected = [client for client in CLIENTS if "--compiled" in arguments or not client.program]
    failures = 0
    with ThreadPoolExecutor(PARALLEL_INSTALLS) as pool:
        for future in [pool.submit(install, client) for client in selected]:
            try:
                print(future.result(), flush=True)  # noqa: T201 - a command's output
            except SetupFailed as failure:
                failures += 1
                print(failure, file=sys.stderr)  # noqa: T201 - a command's output
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
