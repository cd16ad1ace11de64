"""Fingerprints of tests: evidence counts only for the test that recorded it.

A fingerprint covers the test and what it uses of the suite: helpers, constants, classes and fixtures, and
what these use in turn, also from other files. Not covered are the root `conftest.py`, which sends the
requests of all tests alike, and everything outside the suite.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest

from vecgate.conformance_kit.requirements import MARK

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
#: A name that a file defines at its top level; an empty name stands for the whole file.
Place: TypeAlias = tuple[Path, str]
CONFTEST = "conftest.py"
#: A file in the root folder of the suite alone.
ROOT_FILE = "pytest.ini"


@dataclass(frozen=True, slots=True)
class Code:
    """The code behind a name at the top level of a file.

    text   normalised: without comments, docstrings and the grade of a requirement
    names  that it reads
    """

    text: str
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The names at the top level of a file of the suite.

    code      of what the file defines, by name
    imported  names that it imports from other files of the suite
    """

    code: Mapping[str, Code]
    imported: Mapping[str, Place]


def fingerprint_of(item: pytest.Item) -> str:
    """Return a text that changes with the code of the test *item*, with what it uses, and with its case.

    It does not change with comments, docstrings, the format of the code and the grade of the requirement.
    Empty if the test has no source.
    """
    function = getattr(item, "originalname", None) or item.name
    if function not in _read(item.path).code:
        return ""
    fixtures: Sequence[str] = getattr(item, "fixturenames", ())
    places = [(item.path, function), *_fixtures(item.path, fixtures)]
    case = getattr(getattr(item, "callspec", None), "id", "")
    return hashlib.sha256(repr([*sorted(set(_reach(places))), case]).encode()).hexdigest()[:16]


def _reach(places: Iterable[Place]) -> Iterator[str]:
    """Yield the code of *places* and of everything in the suite that they use."""
    pending = list(places)
    seen: set[Place] = set()
    while pending:
        path, name = place = pending.pop()
        if place in seen:
            continue
        seen.add(place)
        file = _read(path)
        if not name:
            pending += [(path, each) for each in file.code]
        elif name in file.code:
            code = file.code[name]
            yield code.text
            pending += [(path, each) for each in code.names]
        elif name in file.imported:
            pending.append(file.imported[name])


def _fixtures(path: Path, names: Iterable[str]) -> Iterator[Place]:
    """Yield where the fixtures *names* of a test in *path* are defined, as pytest finds them."""
    files = [path, *_conftests(path.parent)]
    for name in names:
        found = next((each for each in files if name in _read(each).code), None)
        if found is not None:
            yield found, name


def _conftests(folder: Path) -> Iterator[Path]:
    """Yield the conftest of *folder* and of those around it, except the one at the root of the suite."""
    while folder != folder.parent and not (folder / ROOT_FILE).exists():
        yield folder / CONFTEST
        folder = folder.parent


def _read(path: Path) -> SourceFile:
    return _parse(path, path.stat().st_mtime_ns) if path.exists() else SourceFile({}, {})


@cache
def _parse(path: Path, changed_at: int) -> SourceFile:
    """Return the names of the file at *path*; none if it cannot be parsed."""
    del changed_at  # part of the key
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return SourceFile({}, {})
    code: dict[str, Code] = {}
    imported: dict[str, Place] = {}
    for node in tree.body:
        if isinstance(node, Definition):
            _add(code, node.name, node)
        else:
            for name in _stored_names(node):
                _add(code, name, node)
    for each in ast.walk(tree):
        if isinstance(each, ast.ImportFrom) and each.level:
            imported.update(_imported(each, path))
    return SourceFile(code, imported)


def _add(code: dict[str, Code], name: str, node: ast.stmt) -> None:
    """Add a statement that defines *name*. A name may be defined by several."""
    before = code.get(name, Code("", frozenset()))
    text = ast.unparse(_normalised(node))
    code[name] = Code(f"{before.text}\n{text}".lstrip("\n"), before.names | _loaded_names(node))


def _imported(node: ast.ImportFrom, path: Path) -> Iterator[tuple[str, Place]]:
    """Yield the names that *node* imports, with the file and the name that each stands for."""
    folder = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
    for alias in node.names:
        module = folder / f"{alias.name}.py"
        place = (module, "") if module.exists() else (folder.with_suffix(".py"), alias.name)
        yield alias.asname or alias.name, place


def _normalised(node: ast.stmt) -> ast.stmt:
    for each in ast.walk(node):
        if isinstance(each, Definition):
            each.decorator_list = [mark for mark in each.decorator_list if not _is_requirement(mark)]
            if ast.get_docstring(each, clean=False) is not None:
                each.body = each.body[1:] or [ast.Pass()]
    return node


def _is_requirement(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == MARK


def _stored_names(node: ast.stmt) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id
        elif isinstance(each, Definition):
            yield each.name


def _loaded_names(node: ast.stmt) -> frozenset[str]:
    return frozenset(
        each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    )
