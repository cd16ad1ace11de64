"""The suite as a child process, followed by its result stream."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from vecgate.errors import UsageError
from vecgate.results.records import Result
from vecgate.testing.children import Ended, run_child

#: How pytest begins a line that says what went wrong; no more of them than this are told.
ERROR_LINES = ("E ", "ERROR:", "INTERNALERROR> E ", "UsageError")
TOLD_LINES = 5


def suite_folder() -> Path:
    """Where the suite is: in the wheel, or beside `src` in a checkout. Raises UsageError."""
    package = Path(__file__).parents[1]
    for folder in (package / "conformance", package.parents[1] / "conformance"):
        if (folder / "conftest.py").is_file():
            return folder
    raise UsageError("the conformance suite is not installed", hint="pip install 'vecgate[conformance]'")


def run_suite(arguments: Sequence[str], results: Path, on_result: Callable[[Result], None]) -> Ended:
    """Run pytest on the suite with *arguments*, and tell *on_result* each result that comes to *results*.

    When we are interrupted so is it, once, and it is given time to remove what it made; a second interrupt
    ends it at once.
    """
    missing = [name for name in ("pytest", "hypothesis") if find_spec(name) is None]
    if missing:
        are, hint = "is" if len(missing) == 1 else "are", "pip install 'vecgate[conformance]'"
        raise UsageError(f"{' and '.join(missing)} {are} not installed", hint=hint)
    command = [sys.executable, "-m", "pytest", str(suite_folder()), *arguments]
    return run_child(
        command, results, lambda record: on_result(record) if isinstance(record, Result) else None
    )


def gist_of(said: str) -> str:
    """The lines of what pytest *said* that tell what went wrong; its last line where none does."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(ERROR_LINES)]
    told = [line.split(maxsplit=1)[-1] for line in errors] or lines[-1:]
    return "; ".join(dict.fromkeys(told[:TOLD_LINES]))
