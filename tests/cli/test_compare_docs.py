"""The pages about comparing and benchmarking name all that there is."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from vecgate.cli.bench import bench
from vecgate.cli.compare import compare
from vecgate.gate.changes import GRADES

DOCS = Path(__file__).parents[2] / "docs"


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
    """A word that is shown means something."""
    table = (DOCS / "compare.md").read_text().split("| grade | means |")[1].split("\n\n")[0]
    assert grade in table


@pytest.mark.parametrize("page", ["bench", "compare"])
def test_every_exit_code_that_it_may_leave_with_is_explained(page: str) -> None:
    """Passed, failed, wrong usage, not judged."""
    text = (DOCS / f"{page}.md").read_text()
    assert all(f"| {code} |" in text for code in (0, 1, 2, 4))
