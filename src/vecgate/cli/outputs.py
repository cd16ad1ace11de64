"""Options of every command that judges a run: what it leaves for CI."""

from __future__ import annotations

from pathlib import Path

import click

from vecgate.cli.options import arriving_as
from vecgate.reporting.outputs import OutputFiles

FILE = click.Path(path_type=Path, dir_okay=False)

#: As `files`.
files_choice = arriving_as(
    "files",
    OutputFiles,
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
