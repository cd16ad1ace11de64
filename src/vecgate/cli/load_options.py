"""Options of the commands that run load scenarios."""

from __future__ import annotations

import click

from vecgate.cli.options import Completion, OptionDecorator, complete_from


def _scenario_names() -> list[str]:
    from vecgate.load.scenario.scenario_file import scenario_names

    return scenario_names()


#: The completion of a scenario: those that ship with vecgate, and files.
complete_scenario: Completion = complete_from(_scenario_names, suffix=".toml")

#: `--set`, as `settings`.
set_option: OptionDecorator = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Override a value of the scenario: vectors.dimension=128, or stages.rate=0.5 as a factor.",
)
#: `--threshold`, as `thresholds`.
threshold_option: OptionDecorator = click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="EXPR",
    help="Add a threshold to those of the scenario: 'p(99) < 500ms'.",
)
processes_option: OptionDecorator = click.option(
    "--processes",
    type=click.IntRange(0),
    default=0,
    help="Number of worker processes; by default one process is master and worker.",
)
