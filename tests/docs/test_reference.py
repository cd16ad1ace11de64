"""README.md and docs explain everything that users can write: commands, flags, exit codes, names, variables."""

from __future__ import annotations

import re
import tomllib

import click
import pytest
from markdown_pages import ROOT, Page, read_user_guide

import vecgate
from vecgate import pytest_plugin
from vecgate.aws_lambda.event_parsing import REQUEST_TYPES
from vecgate.cli.main import COMMANDS, import_command
from vecgate.cli.options import index_options, output_options, run_file_options, target_options
from vecgate.conformance_kit.plugin_options import OPTIONS as PYTEST_OPTIONS
from vecgate.exit_codes import ExitCode
from vecgate.load.runtime.runtime_options import OPTIONS as LOCUST_OPTIONS

PAGES = read_user_guide()
ALL = "\n".join(page.text for page in PAGES)
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.py")))
CODE_ROW = re.compile(r"^\| (\d+) \| ([^|]+) \|$", re.MULTILINE)
VARIABLE = re.compile(r"\bVECGATE_[A-Z_]*[A-Z]\b")
#: Public names outside of `vecgate` itself.
PUBLIC_IMPORTS = {
    "vecgate.aws_lambda": "handler",
    "vecgate.endpoint.in_process": "install",
    "vecgate.endpoint.local": "LocalEndpoint",
    "vecgate.endpoint.moto": "install",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_explained(command: str) -> None:
    """On a page that shows it."""
    assert pages_about(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_explained(command: str) -> None:
    """In one of its spellings, on a page about its command."""
    text = "\n".join(page.text for page in pages_about(command))
    flags = get_flags(import_command(command)) - get_shared_flags()
    assert sorted(flag for flag in flags if not mentions_any(flag, text)) == []


def test_every_shared_flag_is_explained() -> None:
    """On any page."""
    assert sorted(flag for flag in get_shared_flags() if not mentions_any(flag, ALL)) == []


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_explained(code: ExitCode) -> None:
    """In a table, with its meaning."""
    assert [meaning for number, meaning in CODE_ROW.findall(ALL) if int(number) == code]


def test_no_unknown_exit_code_is_explained() -> None:
    """A table that begins with 0 lists vecgate's codes only."""
    tables = [CODE_ROW.findall(block) for page in PAGES for block in page.text.split("\n\n")]
    codes = [[int(number) for number, _ in table] for table in tables]
    assert [each for each in codes if each[:1] == [0] and not set(each) <= set(ExitCode)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_of_a_command_mentions_exit_codes(command: str) -> None:
    """In a table, or in words with a link to one."""
    texts = [page.text.lower() for page in pages_about(command)]
    assert any("exit code" in text or CODE_ROW.search(text) for text in texts)


def test_every_public_name_is_explained() -> None:
    """As code."""
    missing = [name for name in vecgate.__all__ if not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", ALL)]
    assert missing == []


def test_every_public_import_is_explained() -> None:
    """By its import statement or its full name."""
    missing = [
        f"{module}.{name}"
        for module, name in PUBLIC_IMPORTS.items()
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
    """With its prefix, or as the flag of `vecgate conform` that sets it."""
    missing = [each for each in PYTEST_OPTIONS if not mentions_any((f"--vecgate-{each}", f"--{each}"), ALL)]
    assert missing == []


def test_every_option_of_locust_is_explained() -> None:
    """With its prefix."""
    assert [each for each in LOCUST_OPTIONS if not mentions_any((f"--vecgate-{each}",), ALL)] == []


@pytest.mark.parametrize("action", REQUEST_TYPES)
def test_every_lambda_action_is_explained(action: str) -> None:
    """Together with every member of its event."""
    about = "\n".join(page.text for page in PAGES if f"`{action}`" in page.text)
    missing = [name for name in REQUEST_TYPES[action].__struct_fields__ if f"`{name}`" not in about]
    assert (bool(about), missing) == (True, [])


def test_every_extra_is_explained() -> None:
    """By the command that installs it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shown = set(re.findall(r"[\w-]+", " ".join(re.findall(r"vecgate\[([\w,]+)\]", ALL))))
    assert sorted(set(project["optional-dependencies"]) - shown) == []


def test_every_named_variable_exists() -> None:
    """The source, Locust's option parser, or a workflow on a page reads it."""
    shown = "\n".join(block.text for page in PAGES for block in page.blocks if block.language == "yaml")
    locust_names = {f"VECGATE_{name.upper().replace('-', '_')}" for name in LOCUST_OPTIONS}
    named = set(VARIABLE.findall(ALL)) - locust_names - set(VARIABLE.findall(shown))
    assert sorted(name for name in named if name not in SOURCE) == []


def test_every_variable_is_explained() -> None:
    """By its name."""
    assert sorted(name for name in set(VARIABLE.findall(SOURCE)) if name not in ALL) == []


def get_flags(command: click.Command) -> set[tuple[str, ...]]:
    """Return every spelling of each visible flag, also of the commands in a group."""
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    own = {
        (*parameter.opts, *parameter.secondary_opts)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
    }
    return own.union(*map(get_flags, inner))


def get_shared_flags() -> set[tuple[str, ...]]:
    """Return the flags that several commands share."""

    @click.command()
    @target_options
    @index_options
    @run_file_options
    @output_options
    def any_command() -> None: ...

    return get_flags(any_command)


def pages_about(command: str) -> list[Page]:
    """Return the pages with a heading that names *command*, or else all that mention it."""
    heading = re.compile(rf"^#+ .*`vecgate {command}\b", re.MULTILINE)
    about = [page for page in PAGES if heading.search(page.text)]
    return about or [page for page in PAGES if re.search(rf"vecgate {command}\b", page.text)]


def mentions_any(flags: tuple[str, ...], text: str) -> bool:
    """Return whether *text* has one of *flags* as a word."""
    return any(re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", text) for flag in flags)
