"""Options of every command that judges a run: what it leaves for CI."""

from __future__ import annotations

from pathlib import Path

import click

from vecgate.cli.options import FILE, arriving_as
from vecgate.reporting.files import look_at
from vecgate.reporting.outputs import OutputFiles


def _files(
    junit: Path | None, markdown: Path | None, ctrf: Path | None, badge: Path | None, annotations: bool
) -> OutputFiles:
    look_at(junit, markdown, ctrf, badge)
    return OutputFiles(junit, markdown, ctrf, badge, annotations)


#: As `files`, which can be written.
files_choice = arriving_as(
    "files",
    _files,
    click.option("--junit", type=FILE, default=None, help="Write JUnit XML here."),
    click.option("--markdown", type=FILE, default=None, help="Add a summary in Markdown to this file."),
    click.option("--ctrf", type=FILE, default=None, help="Write CTRF JSON here."),
    click.option("--badge", type=FILE, default=None, help="Write a status badge here, an SVG."),
    click.option(
        "--annotations",
        is_flag=True,
        help="For GitHub: what failed as annotations, and outputs for later steps.",
    ),
)
