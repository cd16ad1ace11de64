"""The sources of a git revision, in a folder of their own. Repository and work tree are not touched."""

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

#: Below the root of a repository, what goes before the installed packages.
SOURCES = "src"
FETCH = (
    "CI clones one commit alone: fetch-depth: 0 in actions/checkout brings all; "
    "`git fetch origin BRANCH` brings one, as FETCH_HEAD."
)


def repository_of(folder: Path) -> Path:
    """The root of the repository that *folder* is in. Raises UsageError."""
    return Path(_git(folder, "rev-parse", "--show-toplevel").decode().strip())


def commit_of(folder: Path) -> str:
    """The commit that *folder* stands at, with a mark where files have changed since; empty without git."""
    try:
        return _git(folder, "describe", "--always", "--dirty").decode().strip()
    except UsageError:
        return ""


@contextmanager
def sources_of(repository: Path, revision: str) -> Iterator[Path]:
    """The folder `src` of *revision*, in a folder that is removed at the end. Raises UsageError."""
    try:
        commit = _git(repository, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    except UsageError:
        raise UsageError(f"{revision!r} is no revision of {repository}", hint=FETCH) from None
    archive = _git(repository, "archive", commit.decode().strip(), SOURCES)
    with tempfile.TemporaryDirectory(prefix="vecgate-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        yield Path(folder) / SOURCES


def _git(folder: Path, *words: str) -> bytes:
    program = which("git")
    if program is None:
        raise UsageError("git is not installed")
    ended = subprocess.run(  # noqa: S603 - words of ours, and a revision that git itself looks up
        [program, "-C", str(folder), *words], capture_output=True, check=False
    )
    if ended.returncode:
        told = ended.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(f"git {words[0]}: {told[0] if told else 'failed'}")
    return ended.stdout
