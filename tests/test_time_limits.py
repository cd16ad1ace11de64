"""Child processes of the tests end: two test runs hung on one that nobody had given a time limit."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FILES = sorted(TESTS.rglob("*.py"))
RUNS = frozenset({"subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output"})


def unlimited_waits(source: str) -> Iterator[str]:
    """Yield what in *source* may wait for a child process forever."""
    if "subprocess." not in source:
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.With):
            # The end of the block waits for the child, also if its body has failed.
            managers = [ast.unparse(item.context_expr) for item in node.items]
            yield from (
                f"line {node.lineno}: with Popen" for each in managers if each.startswith("subprocess.Popen(")
            )
        if isinstance(node, ast.Call) and ast.unparse(node.func) in RUNS:
            given = {keyword.arg for keyword in node.keywords}
            if not given & {"timeout", None}:  # None is `**options`
                yield f"line {node.lineno}: {ast.unparse(node.func)} without a timeout"


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("with subprocess.Popen(x) as p:\n    pass", 1),
        ("subprocess.run(x, check=True)", 1),
        ("subprocess.run(x, timeout=9)", 0),
        ("with child_process(x) as p:\n    p.wait(9)", 0),
    ],
)
def test_unlimited_waits_are_found(source: str, number: int) -> None:
    """Use `child_processes.child_process`, or pass a timeout."""
    assert len(list(unlimited_waits(source))) == number


def test_every_child_process_has_a_time_limit() -> None:
    """In all files of the tests."""
    found = {
        str(path.relative_to(TESTS)): waits
        for path in FILES
        if (waits := list(unlimited_waits(path.read_text(encoding="utf-8"))))
    }
    assert found == {}
