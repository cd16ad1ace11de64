"""The fingerprint of a test changes with all code of the suite that it uses, and with nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from vecgate.conformance_kit.aws_evidence.fingerprints import fingerprint_of

FILES: Mapping[str, str] = {
    "pytest.ini": "",
    "conftest.py": "def client():\n    return 1\n",
    "helpers.py": (
        "from .numbers import BASE\nLIMIT = BASE + 1\nOTHER = 3\n"
        "def longest():\n    'Docs.'\n    return LIMIT\n"
        "def unused():\n    return OTHER\n"
    ),
    "numbers.py": "BASE = 1\nBASE += 1\n",
    "text/conftest.py": "import pytest\nTEXT = 'a'\n@pytest.fixture\ndef index(client):\n    return TEXT\n",
    "text/test_few.py": (
        "import pytest\nfrom .. import numbers\nfrom ..helpers import longest as most\n"
        "CASES = [1]\n"
        "def check(value):\n    assert value <= most()\n"
        "@pytest.mark.parametrize('case', CASES)\n"
        "@requirement('a.b', kind='effect')\n"
        "def test_one(index, case):\n    'Claim.'\n    check(case)\n"
        "def test_two(client):\n    assert client\n"
    ),
}


class Item:
    """A test in `text/test_few.py`, as pytest describes it."""

    def __init__(self, folder: Path, name: str, fixturenames: tuple[str, ...]) -> None:
        self.path, self.name, self.fixturenames = folder / "text" / "test_few.py", name, fixturenames


def fingerprint(folder: Path, changes: Mapping[str, tuple[str, str]], name: str = "test_one") -> str:
    """Return the fingerprint of a test in a suite with *changes*: by file, a text and its replacement."""
    folder.mkdir()
    for path, content in FILES.items():
        old, new = changes.get(path, ("", ""))
        assert old in content
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(content.replace(old, new) if old else content)
    fixtures = ("index", "client", "case") if name == "test_one" else ("client",)
    found = fingerprint_of(Item(folder, name, fixtures))  # type: ignore[arg-type]  # what it reads of an item
    assert found
    return found


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("text/test_few.py", "check(case)", "check(case + 1)"),
        ("text/test_few.py", "CASES = [1]", "CASES = [2]"),
        ("text/test_few.py", "value <=", "value <"),
        ("helpers.py", "return LIMIT", "return LIMIT + 1"),
        ("helpers.py", "BASE + 1", "BASE + 2"),
        ("numbers.py", "BASE = 1", "BASE = 2"),
        ("numbers.py", "BASE += 1", "BASE += 2"),
        ("text/conftest.py", "return TEXT", "return TEXT + TEXT"),
        ("text/conftest.py", "'a'", "'b'"),
    ],
)
def test_what_the_test_uses_changes_it(tmp_path: Path, path: str, old: str, new: str) -> None:
    """Its code, its cases, helpers, constants behind constants, and fixtures."""
    assert fingerprint(tmp_path / "a", {}) != fingerprint(tmp_path / "b", {path: (old, new)})


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("text/test_few.py", "'Claim.'", "'Better claim.'  # a comment"),
        ("text/test_few.py", "kind='effect'", "kind='guard'"),
        ("text/test_few.py", "assert client", "assert not client"),
        ("helpers.py", "'Docs.'", "'Other docs.'"),
        ("helpers.py", "OTHER = 3", "OTHER = 4"),
        ("conftest.py", "return 1", "return 2"),
    ],
)
def test_nothing_else_changes_it(tmp_path: Path, path: str, old: str, new: str) -> None:
    """Neither words, nor the grade, nor code that it does not use, nor the folder of the suite."""
    assert fingerprint(tmp_path / "a", {}) == fingerprint(tmp_path / "b", {path: (old, new)})


def test_a_module_that_is_imported_as_a_whole_is_covered_as_a_whole(tmp_path: Path) -> None:
    """Which of its names are used is not known."""
    use = ("return 1", "return 1"), ("assert client", "assert client <= numbers.BASE")
    changes = dict(zip(("conftest.py", "text/test_few.py"), use, strict=True))
    before = fingerprint(tmp_path / "a", changes, "test_two")
    after = fingerprint(tmp_path / "b", {**changes, "numbers.py": ("BASE = 1", "BASE = 2")}, "test_two")
    assert before != after


def test_a_test_without_source_has_none(tmp_path: Path) -> None:
    """So no evidence counts for it."""
    fingerprint(tmp_path / "a", {})
    item = Item(tmp_path / "a", "test_three", ())
    assert fingerprint_of(item) == ""  # type: ignore[arg-type]  # as above
    (tmp_path / "a" / "text" / "test_few.py").write_text("def test_three(:")
    assert fingerprint_of(item) == ""  # type: ignore[arg-type]  # as above
    (tmp_path / "a" / "text" / "test_few.py").unlink()
    assert fingerprint_of(item) == ""  # type: ignore[arg-type]  # as above
