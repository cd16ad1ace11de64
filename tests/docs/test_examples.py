"""Examples on the pages parse, use options that exist, and run if they are complete.

A block of Python is complete if it leaves nothing out and defines every name it uses, except those of
example_prelude.py. A comment behind a `print` states what is printed; tests run under pytest. Everything runs
against a local endpoint.
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
from command_lines import find_problems
from markdown_pages import ROOT, Block, Page, read_pages

from vecgate.conformance_kit.plugin_options import OPTIONS as PYTEST_OPTIONS
from vecgate.load.runtime.runtime_options import OPTIONS as LOCUST_OPTIONS

PAGES = read_pages()
PRELUDE = (Path(__file__).parent / "example_prelude.py").read_text(encoding="utf-8")
STATED_OUTPUT = re.compile(r"print\(.*\)  # (.+)$", re.MULTILINE)
PLUGIN_OPTION = re.compile(r"--vecgate-([a-z-]*[a-z])")


def blocks_in(language: str) -> list[Block]:
    """Return all blocks in *language*."""
    return [block for page in PAGES for block in page.blocks if block.language == language]


@pytest.mark.parametrize("block", blocks_in("toml"), ids=str)
def test_toml_parses(block: Block) -> None:
    """Without changes."""
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("block", blocks_in("json"), ids=str)
def test_json_parses(block: Block) -> None:
    """As one document, or as one per line."""
    try:
        assert json.loads(block.text)
    except json.JSONDecodeError:
        assert [json.loads(line) for line in block.text.splitlines()]


@pytest.mark.parametrize("block", blocks_in("python"), ids=str)
def test_python_parses(block: Block) -> None:
    """`…` stands for code that is left out."""
    assert parse_python(block).body


def parse_python(block: Block) -> ast.Module:
    """Parse the block."""
    return ast.parse(textwrap.dedent(block.text).replace("…", "..."))


def is_complete(block: Block) -> bool:
    """Return whether the block leaves out nothing but bodies and needs no names beyond the prelude."""
    nodes = list(ast.walk(parse_python(block)))
    bodies = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    ellipses = [node for node in nodes if isinstance(node, ast.Constant) and node.value is ...]
    return all(id(node) in bodies for node in ellipses) and undefined_names(block) <= PRELUDE_NAMES


def undefined_names(block: Block) -> set[str]:
    """Return the names that the block uses and does not define."""
    nodes = list(ast.walk(parse_python(block)))
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return used - set(_defined_names(nodes)) - set(dir(builtins))


def _defined_names(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
            case _:
                pass


PRELUDE_NAMES = set(_defined_names(list(ast.walk(ast.parse(PRELUDE)))))
#: test_locustfile.py runs these under Locust.
LOCUSTFILE = re.compile(r"^(?:from|import) (?:locust|vecgate\.locust|vecgate\.load\.runtime)\b", re.MULTILINE)
COMPLETE = [
    block
    for block in blocks_in("python")
    if is_complete(block) and not LOCUSTFILE.search(textwrap.dedent(block.text))
]


@pytest.mark.parametrize("block", COMPLETE, ids=str)
def test_a_complete_example_runs(block: Block, tmp_path: Path, endpoint_environment: dict[str, str]) -> None:
    """In a new process; it prints what its comments state."""
    source = textwrap.dedent(block.text)
    prelude = PRELUDE if undefined_names(block) else ""
    (tmp_path / "test_example.py").write_text(f"{prelude}\n{source}", encoding="utf-8")
    shutil.copyfile(ROOT / "docs" / "runs" / "writes.jsonl", tmp_path / "run.jsonl")
    is_test = re.search(r"^def test_", source, re.MULTILINE)
    options = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if is_test else []
    finished = subprocess.run(
        [sys.executable, *options, "test_example.py"],
        cwd=tmp_path,
        env=endpoint_environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    stated = STATED_OUTPUT.findall(source)
    assert not stated or finished.stdout.splitlines() == stated


def find_commands(page: Page) -> Iterator[tuple[int, str]]:
    """Yield line and text of each vecgate command: at a prompt, in a script of CI, in backticks."""
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
    for number, text in find_commands(page)
    if re.search(r"\bvecgate [a-z]", text)
]


@pytest.mark.parametrize("text", COMMAND_LINES)
def test_a_command_line_is_valid(text: str) -> None:
    """Its options exist and take such values. Nothing is run."""
    assert list(find_problems(text)) == []


def test_every_named_plugin_option_exists() -> None:
    """Vecgate's options of Locust and pytest begin with its name."""
    known = {*LOCUST_OPTIONS, *PYTEST_OPTIONS}
    named = {(page.name, name) for page in PAGES for name in PLUGIN_OPTION.findall(page.text)}
    assert sorted(option for option in named if option[1] not in known) == []


def test_the_pages_have_complete_examples() -> None:
    """Fails if a broken convention makes every example count as incomplete."""
    assert len(COMPLETE) >= 9
