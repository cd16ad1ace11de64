"""Options of all commands that judge a run: the files to write for CI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vecgate.cli.options import OUTPUT_FILE, OptionDecorator, option_group
from vecgate.reporting.output_files import check_writable

if TYPE_CHECKING:
    from vecgate.reporting.ci.ci_outputs import CiOutputs


def _writable_outputs(
    junit: Path | None,
    markdown: Path | None,
    ctrf: Path | None,
    badge: Path | None,
    trend: Path | None,
    annotations: bool,
) -> CiOutputs:
    from vecgate.reporting.ci.ci_outputs import CiOutputs

    check_writable(junit, markdown, ctrf, badge, trend)
    return CiOutputs(junit, markdown, ctrf, badge, trend, annotations)


#: The command receives them as the argument `files`, a CiOutputs whose files can be written.
ci_options: OptionDecorator = option_group(
    "files",
    _writable_outputs,
    click.option("--junit", type=OUTPUT_FILE, default=None, help="Write JUnit XML to this file."),
    click.option(
        "--markdown", type=OUTPUT_FILE, default=None, help="Append a Markdown summary to this file."
    ),
    click.option("--ctrf", type=OUTPUT_FILE, default=None, help="Write CTRF JSON to this file."),
    click.option("--badge", type=OUTPUT_FILE, default=None, help="Write a status badge (SVG) to this file."),
    click.option(
        "--trend",
        type=OUTPUT_FILE,
        default=None,
        help="Write figures for github-action-benchmark to this file.",
    ),
    click.option(
        "--annotations",
        is_flag=True,
        help="For GitHub: print failures as annotations and set outputs for later steps.",
    ),
)
