"""The pages about conformance are complete."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from vecgate.cli.commands.conform import conform
from vecgate.conformance_kit.grades import EVIDENCE, LEVELS
from vecgate.exit_codes import ExitCode
from vecgate.targets.capabilities import CAPABILITIES
from vecgate.targets.deviations import read_deviations
from vecgate.targets.url_target import TargetFile

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "conform.md").read_text()
README = (ROOT / "conformance" / "README.md").read_text()
#: Options of every command are explained elsewhere.
COMMON = {"--target", "--region", "--profile", "--ca-bundle", "--no-verify", "--quiet", "-q"}


@pytest.mark.parametrize(
    "option", sorted({option for each in conform.params for option in each.opts} - COMMON)
)
def test_every_option_is_explained(option: str) -> None:
    """`docs/conform.md` has the long form of each option."""
    longest = next(max(each.opts, key=len) for each in conform.params if option in each.opts)
    assert longest in PAGE


def test_every_exit_code_is_explained() -> None:
    """The page has the number of each exit code."""
    assert all(f"| {int(code)} |" in PAGE for code in ExitCode)


def test_the_file_of_a_target_is_shown_with_every_member() -> None:
    """The example has every member, and can be read."""
    shown = PAGE.split("```toml\n")[1].split("```")[0]
    description = msgspec.toml.decode(shown.encode(), type=TargetFile)
    assert all(f"\n{field.name} = " in f"\n{shown}" for field in msgspec.structs.fields(TargetFile))
    assert description.capabilities == ("query", "tags")


def test_the_example_of_deviations_can_be_read(tmp_path: Path) -> None:
    """The example has a reason and evidence for each entry."""
    path = tmp_path / "shown.toml"
    path.write_text(README.split("```toml\n")[1].split("```")[0])
    assert read_deviations(path).unsupported.keys() == {"query"}


def test_every_level_and_capability_is_explained() -> None:
    """The README explains levels, grades of evidence and capabilities."""
    assert all(f"| {word} |" in README for word in (*LEVELS, *EVIDENCE))
    assert all(f"`{name}`" in README for name in CAPABILITIES)
