"""All that users can say is explained, in README.md or docs: commands, flags, codes, names, variables."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module

import click
import pytest
from documents import ROOT, Page, documentation

import vecgate
from vecgate import pytest_plugin
from vecgate.aws_lambda.asking import KINDS
from vecgate.cli.exit_codes import ExitCode
from vecgate.cli.main import COMMANDS
from vecgate.cli.options import index_options, output_options, run_options, target_options
from vecgate.load.lab.settings import OPTIONS as LOCUST_OPTIONS
from vecgate.testing.options import OPTIONS as PYTEST_OPTIONS

PAGES = documentation()
ALL = "\n".join(page.text for page in PAGES)
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.py")))
CODE_ROW = re.compile(r"^\| (\d+) \| ([^|]+) \|$", re.MULTILINE)
VARIABLE = re.compile(r"\bVECGATE_[A-Z_]*[A-Z]\b")
#: What users import that `vecgate` itself does not give.
DOORS = {
    "vecgate.aws_lambda": "handler",
    "vecgate.endpoint.inprocess": "install",
    "vecgate.endpoint.local": "LocalEndpoint",
    "vecgate.endpoint.moto": "install",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_explained(command: str) -> None:
    """On a page that shows it."""
    assert pages_of(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_explained(command: str) -> None:
    """In one of its spellings, on a page about its command."""
    text = "\n".join(page.text for page in pages_of(command))
    flags = flags_of(command_named(command)) - shared_flags()
    assert sorted(flag for flag in flags if not is_any_named(flag, text)) == []


def test_every_flag_that_commands_share_is_explained() -> None:
    """On any page."""
    assert sorted(flag for flag in shared_flags() if not is_any_named(flag, ALL)) == []


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_explained(code: ExitCode) -> None:
    """In a table, with what it means."""
    assert [meaning for number, meaning in CODE_ROW.findall(ALL) if int(number) == code]


def test_no_other_exit_code_is() -> None:
    """A table that begins with 0 and 1 has codes of ours alone."""
    tables = [CODE_ROW.findall(block) for page in PAGES for block in page.text.split("\n\n")]
    codes = [[int(number) for number, _ in table] for table in tables]
    assert [each for each in codes if each[:1] == [0] and not set(each) <= set(ExitCode)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_leaves_with_is_said_where_it_is_explained(command: str) -> None:
    """In a table of its page, or by a word and a link to one."""
    told = [page.text.lower() for page in pages_of(command)]
    assert any("exit code" in text or CODE_ROW.search(text) for text in told)


def test_every_public_name_is_explained() -> None:
    """As code."""
    missing = [name for name in vecgate.__all__ if not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", ALL)]
    assert missing == []


def test_every_other_door_is_explained() -> None:
    """By the words that import it."""
    missing = [
        f"{module}.{name}"
        for module, name in DOORS.items()
        if f"{module}.{name}" not in ALL and f"from {module} import {name}" not in ALL
    ]
    assert missing == []


def test_every_fixture_is_explained() -> None:
    """As a row of a table."""
    kind = type(pytest_plugin.vector_index)
    fixtures = [name for name, each in vars(pytest_plugin).items() if isinstance(each, kind)]
    assert "vector_bucket" in fixtures
    assert [name for name in fixtures if name[0] != "_" and f"| `{name}` |" not in ALL] == []


def test_every_option_of_pytest_is_explained() -> None:
    """With our prefix, or as the flag of `vecgate conform` that it is."""
    missing = [each for each in PYTEST_OPTIONS if not is_any_named((f"--vecgate-{each}", f"--{each}"), ALL)]
    assert missing == []


def test_every_option_of_locust_is_explained() -> None:
    """With our prefix."""
    assert [each for each in LOCUST_OPTIONS if not is_any_named((f"--vecgate-{each}",), ALL)] == []


@pytest.mark.parametrize("action", KINDS)
def test_every_action_of_the_function_is_explained(action: str) -> None:
    """And every member of its event."""
    about = "\n".join(page.text for page in PAGES if f"`{action}`" in page.text)
    missing = [name for name in KINDS[action].__struct_fields__ if f"`{name}`" not in about]
    assert (bool(about), missing) == (True, [])


def test_every_extra_is_explained() -> None:
    """By the words that install it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shown = set(re.findall(r"[\w-]+", " ".join(re.findall(r"vecgate\[([\w,]+)\]", ALL))))
    assert sorted(set(project["optional-dependencies"]) - shown) == []


def test_every_variable_that_is_named_is_read() -> None:
    """By the source, by Locust for us, or by a workflow that is shown."""
    shown = "\n".join(block.text for page in PAGES for block in page.blocks if block.language == "yaml")
    locusts = {f"VECGATE_{name.upper().replace('-', '_')}" for name in LOCUST_OPTIONS}
    named = set(VARIABLE.findall(ALL)) - locusts - set(VARIABLE.findall(shown))
    assert sorted(name for name in named if name not in SOURCE) == []


def test_every_variable_that_is_read_is_explained() -> None:
    """By its name."""
    assert sorted(name for name in set(VARIABLE.findall(SOURCE)) if name not in ALL) == []


def command_named(name: str) -> click.Command:
    """The command, imported."""
    command = getattr(import_module(f"vecgate.cli.{name}"), name)
    assert isinstance(command, click.Command)
    return command


def flags_of(command: click.Command) -> set[tuple[str, ...]]:
    """Every spelling of each of its flags."""
    return {
        (*parameter.opts, *parameter.secondary_opts)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
    }


def shared_flags() -> set[tuple[str, ...]]:
    """Those that arrive together at several commands."""

    @click.command()
    @target_options
    @index_options
    @run_options
    @output_options
    def anything() -> None: ...

    return flags_of(anything)


def pages_of(command: str) -> list[Page]:
    """The pages about *command*: with a heading that names it, else all that show it."""
    heading = re.compile(rf"^#+ .*`vecgate {command}\b", re.MULTILINE)
    about = [page for page in PAGES if heading.search(page.text)]
    return about or [page for page in PAGES if re.search(rf"vecgate {command}\b", page.text)]


def is_any_named(flags: tuple[str, ...], text: str) -> bool:
    """Whether one of *flags* stands in *text* as a word."""
    return any(re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", text) for flag in flags)
