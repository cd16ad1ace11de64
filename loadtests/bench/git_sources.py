"""Extracts the sources of a git revision into a temporary folder. Repository and work tree stay untouched."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from vecgate.errors import UsageError

#: Folder of the packages, from the root of a repository.
SOURCES = "src"
FETCH_HINT = (
    "A clone of CI has one commit: `fetch-depth: 0` of actions/checkout fetches all of them; "
    "`git fetch origin BRANCH` fetches one branch as FETCH_HEAD."
)


def find_repository(folder: Path) -> Path:
    """Return the root of the repository around *folder*. Raises UsageError outside of a repository."""
    return Path(_git(folder, "rev-parse", "--show-toplevel").decode().strip())


def describe_commit(folder: Path) -> str:
    """Return the commit of *folder*, marked `-dirty` if files have changed since; empty without git."""
    try:
        return _git(folder, "describe", "--always", "--dirty").decode().strip()
    except UsageError:
        return ""


@contextmanager
def extract_sources(repository: Path, revision: str) -> Iterator[Path]:
    """Extract the folder `src` of *revision*, and remove it at the end. Raises UsageError."""
    try:
        commit = _git(repository, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    except UsageError:
        raise UsageError(f"{revision!r} is not a revision of {repository}", hint=FETCH_HINT) from None
    archive = _git(repository, "archive", commit.decode().strip(), SOURCES)
    with tempfile.TemporaryDirectory(prefix="vecgate-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        yield Path(folder) / SOURCES


def _git(folder: Path, *arguments: str) -> bytes:
    program = which("git")
    if program is None:
        raise UsageError("git is not installed")
    finished = subprocess.run([program, "-C", str(folder), *arguments], capture_output=True, check=False)
    if finished.returncode:
        messages = finished.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(f"git {arguments[0]}: {messages[0] if messages else 'failed'}")
    return finished.stdout
