"""The pages about conformance name all that there is."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from vecgate.cli.conform import conform
from vecgate.cli.exit_codes import ExitCode
from vecgate.targets.capabilities import CAPABILITIES
from vecgate.targets.deviations import read_deviations
from vecgate.targets.url import Description
from vecgate.testing.requirements import EVIDENCE, LEVELS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "conform.md").read_text()
README = (ROOT / "conformance" / "README.md").read_text()
#: Explained with every command, not here.
COMMON = {"--target", "--region", "--profile", "--ca-bundle", "--no-verify", "--quiet", "-q"}


@pytest.mark.parametrize(
    "option", sorted({option for each in conform.params for option in each.opts} - COMMON)
)
def test_every_option_is_explained(option: str) -> None:
    """In `docs/conform.md`, with its long form."""
    longest = next(max(each.opts, key=len) for each in conform.params if option in each.opts)
    assert longest in PAGE


def test_every_exit_code_is_explained() -> None:
    """With its number."""
    assert all(f"| {int(code)} |" in PAGE for code in ExitCode)


def test_the_file_of_a_target_is_shown_with_every_member() -> None:
    """And what is shown can be read."""
    shown = PAGE.split("```toml\n")[1].split("```")[0]
    told = msgspec.toml.decode(shown.encode(), type=Description)
    assert all(f"\n{field.name} = " in f"\n{shown}" for field in msgspec.structs.fields(Description))
    assert told.capabilities == ("query", "tags")


def test_the_list_of_deviations_that_is_shown_can_be_read(tmp_path: Path) -> None:
    """Reason, evidence and all."""
    path = tmp_path / "shown.toml"
    path.write_text(README.split("```toml\n")[1].split("```")[0])
    assert read_deviations(path).lacks.keys() == {"query"}


def test_every_word_of_a_requirement_is_explained() -> None:
    """Levels, grades of evidence, capabilities."""
    assert all(f"| {word} |" in README for word in (*LEVELS, *EVIDENCE))
    assert all(f"`{name}`" in README for name in CAPABILITIES)
