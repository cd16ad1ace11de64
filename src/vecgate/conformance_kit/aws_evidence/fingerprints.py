"""Fingerprints of tests: evidence counts only for the test that recorded it."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

import pytest

from vecgate.conformance_kit.requirements import MARK

Definition = ast.FunctionDef | ast.AsyncFunctionDef


def fingerprint_of(item: pytest.Item) -> str:
    """Return a text that changes with the code of the test *item* and with its parameters.

    It does not change with comments, the docstring, the format of the code and the grade of the requirement.
    Empty if the test has no source.
    """
    function = getattr(item, "originalname", None) or item.name
    source = _sources(item.path, _changed_at(item.path)).get(function, "")
    case = getattr(getattr(item, "callspec", None), "id", "")
    return hashlib.sha256(f"{source}\n{case}".encode()).hexdigest()[:16] if source else ""


def _changed_at(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


@cache
def _sources(path: Path, changed_at: int) -> dict[str, str]:
    """Return the code of each function in the file at *path*, normalised."""
    del changed_at  # part of the key
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return {}
    found = (node for node in ast.walk(tree) if isinstance(node, Definition))
    return {node.name: _normalise(node) for node in found}


def _normalise(node: Definition) -> str:
    node.decorator_list = [each for each in node.decorator_list if not _is_requirement(each)]
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:]
    return ast.unparse(node)


def _is_requirement(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == MARK
