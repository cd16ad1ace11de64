"""A git repository with a package and benchmarks of it that take almost no time."""

from __future__ import annotations

import subprocess
from pathlib import Path

BENCHMARKS = """
import pytest
import toy

@pytest.mark.benchmark(group="sum")
def test_own(benchmark):
    benchmark.extra_info["vectors"] = 10
    benchmark(toy.total, 50)

@pytest.mark.benchmark(group="sum")
def test_peer(benchmark):
    benchmark.extra_info.update(baseline=True, vectors=10)
    benchmark(sum, range(50))
"""
FAST = "def total(n):\n    return sum(range(n))\n"
SLOW = "def total(n):\n    return [sum(range(n)) for _ in range(30)][0]\n"
ADDED_FUNCTION = "def more(n):\n    return n\n"
ADDED_BENCHMARK = """
import pytest
from toy import more

@pytest.mark.benchmark(group="sum")
def test_more(benchmark):
    benchmark(more, 1)
"""
#: Writes its process id to the file $PID_FILE, and waits for a signal.
BLOCKING_BENCHMARK = """
import os
import signal
from pathlib import Path

def test_blocking(benchmark):
    Path(os.environ["PID_FILE"]).write_text(str(os.getpid()))
    benchmark(signal.pause)
"""


class Repository:
    """A repository in *root* with the folders `src/toy` and `bench`."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, root / "bench"
        self.folder.mkdir(parents=True)
        (root / "src" / "toy").mkdir(parents=True)
        (root / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
        (self.folder / "test_sum.py").write_text(BENCHMARKS)
        self.write(FAST)
        self.git("init", "--quiet", "--initial-branch=main")

    def write(self, source: str) -> None:
        """Make *source* the content of the package."""
        (self.root / "src" / "toy" / "__init__.py").write_text(source)

    def commit(self, message: str) -> str:
        """Commit everything, and return the id of the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        """Run git and return its output."""
        author = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        finished = subprocess.run(
            ["git", "-C", str(self.root), *author, *arguments],  # noqa: S607 - any git will do
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return finished.stdout
