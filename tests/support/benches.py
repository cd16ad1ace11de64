"""A repository with a package, and benchmarks of it that take no time."""

from __future__ import annotations

import subprocess
from pathlib import Path

BENCHMARKS = """
import pytest
import toy

@pytest.mark.benchmark(group="sum")
def test_ours(benchmark):
    benchmark.extra_info["vectors"] = 10
    benchmark(toy.total, 50)

@pytest.mark.benchmark(group="sum")
def test_the_peer(benchmark):
    benchmark.extra_info.update(baseline=True, vectors=10)
    benchmark(sum, range(50))
"""
QUICK = "def total(n):\n    return sum(range(n))\n"
SLOW = "def total(n):\n    return [sum(range(n)) for _ in range(30)][0]\n"
NEWER = "def more(n):\n    return n\n"
USES_NEWER = """
import pytest
from toy import more

@pytest.mark.benchmark(group="sum")
def test_more(benchmark):
    benchmark(more, 1)
"""
#: Tells its process in the file WAITING, and waits to be interrupted.
WAITS = """
import os
import signal
from pathlib import Path

def test_waits(benchmark):
    Path(os.environ["WAITING"]).write_text(str(os.getpid()))
    benchmark(signal.pause)
"""


class Repository:
    """A repository in *root*: `src/toy` and `bench`."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, root / "bench"
        self.folder.mkdir(parents=True)
        (root / "src" / "toy").mkdir(parents=True)
        (root / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
        (self.folder / "test_sum.py").write_text(BENCHMARKS)
        self.write(QUICK)
        self.git("init", "--quiet", "--initial-branch=main")

    def write(self, source: str) -> None:
        """Make *source* the package."""
        (self.root / "src" / "toy" / "__init__.py").write_text(source)

    def commit(self, message: str) -> str:
        """Commit all there is; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *words: str) -> str:
        """What git says to *words*."""
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        told = subprocess.run(
            ["git", "-C", str(self.root), *who, *words],  # noqa: S607 - whichever git is there
            capture_output=True,
            text=True,
            check=True,
        )
        return told.stdout
