"""The microbenchmarks as child processes: each visit measures all of them once, on sources that it is told.

pytest-benchmark measures. What it measured is taken from its JSON, which is forgotten.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vecgate.errors import UsageError, VecgateError
from vecgate.testing.children import Ended, run_child
from vecgate.testing.running import gist_of
from vecgate.testing.timings import Visit, timings_of

#: pytest's: all passed, some failed, none collected.
MEASURED, NONE_COLLECTED = frozenset({0, 1}), 5
USAGE = 4
FAILED_LINES = ("FAILED ", "ERROR ")
ORIGIN = "import sys, importlib.util; print(importlib.util.find_spec(sys.argv[1]).origin)"


@dataclass(frozen=True, slots=True)
class Suite:
    """What to measure.

    folder      of the benchmarks
    expression  as pytest's -k has it; empty for all
    seconds     how long each benchmark is repeated in a visit
    """

    folder: Path
    expression: str = ""
    seconds: float = 0.5


def benchmarks_folder() -> Path:
    """Where the benchmarks are in a checkout. Raises UsageError."""
    folder = Path(__file__).parents[3] / "loadtests" / "micro"
    if folder.is_dir():
        return folder
    raise UsageError(
        "the microbenchmarks are in a checkout of vecgate, not in what is installed",
        hint="--folder names a folder of benchmarks.",
    )


def visit(suite: Suite, sources: Path | None, nodes: Sequence[str] = ()) -> Visit:
    """Measure *suite*, or *nodes* of it, with the packages in the folder *sources* before any installed.

    Raises UsageError where there is nothing to measure, VecgateError where pytest did not run.
    """
    missing = [name for name in ("pytest", "pytest_benchmark") if find_spec(name) is None]
    if missing:
        raise UsageError(f"{' and '.join(missing)} must be installed", hint="pip install pytest-benchmark")
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.json"
        ended = run_child(
            _command(suite, found, nodes), Path(folder) / "none", lambda _: None, environment=_with(sources)
        )
        _check(ended, suite)
        timings = timings_of(found.read_bytes()) if found.exists() else ()
    failed = [_failed(line, suite) for line in ended.said.splitlines() if line.startswith(FAILED_LINES)]
    if not (timings or failed):
        # Where warnings are errors pytest-benchmark fails for what pytest has a code for.
        raise _nothing_in(suite, hint=gist_of(ended.said))
    return Visit(timings, tuple(dict.fromkeys(failed)))


def _command(suite: Suite, found: Path, nodes: Sequence[str]) -> list[str]:
    where = [f"{suite.folder}/{node}" for node in nodes] or [str(suite.folder)]
    select = ["-k", suite.expression] if suite.expression and not nodes else []
    return [
        *(sys.executable, "-m", "pytest", *where, *select),
        # One file that cannot be read stops no other.
        *("--quiet", "-rfE", "-p", "pytest_benchmark.plugin", "--continue-on-collection-errors"),
        f"--rootdir={suite.folder}",
        *("--benchmark-quiet", f"--benchmark-max-time={suite.seconds}", f"--benchmark-json={found}"),
    ]


def _failed(line: str, suite: Suite) -> str:
    """*line* of pytest's summary, its path as seen from the folder of *suite*."""
    word, _, rest = line.strip().partition(" ")
    path, colons, what = rest.partition("::")
    return f"{word} {os.path.relpath(path, suite.folder)}{colons}{what}"


def _with(sources: Path | None) -> dict[str, str]:
    # Plugins that happen to be installed take time, and have no part in this.
    plain = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    if sources is None:
        return plain
    paths = [str(sources), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**plain, "PYTHONPATH": os.pathsep.join(paths)}


def check_sources(sources: Path) -> None:
    """See that the packages in *sources* are what a visit imports. Raises VecgateError."""
    for package in sorted(each.parent.name for each in sources.glob("*/__init__.py")):
        told = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", ORIGIN, package],
            env=_with(sources),
            capture_output=True,
            text=True,
            check=True,
        )
        if not Path(told.stdout.strip()).is_relative_to(sources):
            raise VecgateError(f"{package} is imported from {told.stdout.strip()}, and not from {sources}")


def _nothing_in(suite: Suite, *, hint: str = "") -> UsageError:
    what = f" matches {suite.expression!r}" if suite.expression else ""
    return UsageError(f"no benchmark in {suite.folder}{what}", hint=hint)


def _check(ended: Ended, suite: Suite) -> None:
    if ended.code == NONE_COLLECTED:
        raise _nothing_in(suite)
    if ended.code == USAGE:
        raise UsageError(gist_of(ended.said))
    if ended.code not in MEASURED:
        raise VecgateError(
            f"the benchmarks did not run (pytest's code {ended.code})", hint=gist_of(ended.said)
        )
