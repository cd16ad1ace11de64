"""The pages about comparisons and benchmarks are complete."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from loadtests.bench.command import bench

from vecgate.cli.commands.compare import compare
from vecgate.gate.compare.changes import GRADES

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (command, max(each.opts, key=len))
        for command in (bench, compare)
        for each in command.params
        if isinstance(each, click.Option)
    ],
)
def test_every_option_is_explained(command: click.Command, option: str) -> None:
    """On the page of its command."""
    assert f"`{option}" in (DOCS / f"{command.name}.md").read_text()


@pytest.mark.parametrize("grade", GRADES)
def test_every_grade_is_explained(grade: str) -> None:
    """Each grade that is printed."""
    table = (DOCS / "compare.md").read_text().split("| grade | meaning |")[1].split("\n\n")[0]
    assert grade in table


@pytest.mark.parametrize("page", ["bench", "compare"])
def test_every_exit_code_of_the_command_is_explained(page: str) -> None:
    """Passed, failed, wrong usage, inconclusive."""
    text = (DOCS / f"{page}.md").read_text()
    assert all(f"| {code} |" in text for code in (0, 1, 2, 4))
