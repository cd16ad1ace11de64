"""Options of the commands that run load scenarios."""

from __future__ import annotations

import click

#: `--set`, as `settings`.
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Override a value of the scenario: vectors.dimension=128, or stages.rate=0.5 as a factor.",
)
#: `--threshold`, as `thresholds`.
threshold_option = click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="EXPR",
    help="Add a threshold to those of the scenario: 'p(99) < 500ms'.",
)
processes_option = click.option(
    "--processes",
    type=click.IntRange(0),
    default=0,
    help="Number of worker processes; by default one process is master and worker.",
)
