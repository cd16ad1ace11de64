"""What the pages show is what it says it is: it parses, its options exist, and what is whole runs.

A block of Python is run where it leaves nothing out and takes no name from elsewhere but those of given.py; a
comment behind a `print` is what that prints, and tests are run by pytest. All of it goes to a local endpoint.
"""

from __future__ import annotations

import ast
import builtins
import json
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_lines import problems_of
from documents import ROOT, Block, Page, pages

from vecgate.load.lab.settings import OPTIONS as LOCUST_OPTIONS
from vecgate.testing.options import OPTIONS as PYTEST_OPTIONS

PAGES = pages()
GIVEN = (Path(__file__).parent / "given.py").read_text(encoding="utf-8")
PROMISED = re.compile(r"print\(.*\)  # (.+)$", re.MULTILINE)
IN_A_SCRIPT = re.compile(r"(?<!# )(?<![\w/])vecgate [a-z][^#]*(?!.*\bvecgate\b)")
OUR_OPTION = re.compile(r"--vecgate-([a-z-]*[a-z])")


def blocks_of(*languages: str) -> list[Block]:
    """All in one of *languages*."""
    return [block for page in PAGES for block in page.blocks if block.language in languages]


@pytest.mark.parametrize("block", blocks_of("toml"), ids=str)
def test_toml_parses(block: Block) -> None:
    """As it stands there."""
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("block", blocks_of("json"), ids=str)
def test_json_parses(block: Block) -> None:
    """As a whole, or a line each."""
    try:
        assert json.loads(block.text)
    except json.JSONDecodeError:
        assert [json.loads(line) for line in block.text.splitlines()]


@pytest.mark.parametrize("block", blocks_of("python"), ids=str)
def test_python_parses(block: Block) -> None:
    """`…` stands for what is left out."""
    assert tree_of(block).body


def tree_of(block: Block) -> ast.Module:
    """The block as Python reads it."""
    return ast.parse(textwrap.dedent(block.text).replace("…", "..."))


def is_run(block: Block) -> bool:
    """It leaves nothing out but bodies, and takes nothing from elsewhere but what readers have at hand."""
    nodes = list(ast.walk(tree_of(block)))
    bodies = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    gaps = [node for node in nodes if isinstance(node, ast.Constant) and node.value is ...]
    return all(id(node) in bodies for node in gaps) and taken_by(block) <= GIVEN_NAMES


def taken_by(block: Block) -> set[str]:
    """The names that it uses and does not make."""
    nodes = list(ast.walk(tree_of(block)))
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return used - set(_bound(nodes)) - set(dir(builtins))


def _bound(nodes: list[ast.AST]) -> Iterator[str]:
    """Every name that gets a value anywhere in *nodes*."""
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (each.asname or each.name.partition(".")[0] for each in names)
            case _:
                pass


GIVEN_NAMES = set(_bound(list(ast.walk(ast.parse(GIVEN)))))
RUN = [block for block in blocks_of("python") if is_run(block)]


@pytest.mark.parametrize("block", RUN, ids=str)
def test_python_that_is_whole_runs(block: Block, tmp_path: Path, at_the_endpoint: dict[str, str]) -> None:
    """In a process of its own; what it prints is what it says that it prints."""
    source = textwrap.dedent(block.text)
    (tmp_path / "test_shown.py").write_text(f"{GIVEN if taken_by(block) else ''}\n{source}", encoding="utf-8")
    shutil.copyfile(ROOT / "docs" / "runs" / "writes.jsonl", tmp_path / "run.jsonl")
    is_test = re.search(r"^def test_", source, re.MULTILINE)
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if is_test else []
    done = subprocess.run(
        [sys.executable, *words, "test_shown.py"],
        cwd=tmp_path,
        env=at_the_endpoint,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    promised = PROMISED.findall(source)
    assert not promised or done.stdout.splitlines() == promised


def commands_of(page: Page) -> Iterator[tuple[int, str]]:
    """Line and text of each command line of ours: at a prompt, in a script of CI, between backticks."""
    for line in page.lines:
        if line.language == "console" and line.text.startswith("$ "):
            yield line.number, line.text[2:]
        elif line.language in {"yaml", "sh", "bash"} and (
            found := re.search(r"\bvecgate [a-z].*", line.text)
        ):
            yield line.number, found[0]
    yield from ((number, text) for number, text in page.code if text.startswith("vecgate "))


COMMAND_LINES = [
    pytest.param(text, id=f"{page.name}:{number}")
    for page in PAGES
    for number, text in commands_of(page)
    if re.search(r"\bvecgate [a-z]", text)
]


@pytest.mark.parametrize("text", COMMAND_LINES)
def test_a_command_line_is_one(text: str) -> None:
    """Each of its options exists, and takes such a value. Nothing is run."""
    assert list(problems_of(text)) == []


def test_every_option_of_ours_that_is_named_exists() -> None:
    """Those of Locust and of pytest begin with our name."""
    known = {*LOCUST_OPTIONS, *PYTEST_OPTIONS}
    named = {(page.name, name) for page in PAGES for name in OUR_OPTION.findall(page.text)}
    assert sorted(each for each in named if each[1] not in known) == []


def test_something_runs() -> None:
    """Or the convention is broken, and nobody has noticed."""
    assert len(RUN) >= 9
