"""The roles of a `vecgate ramp` process: single machine, master, or worker; and the options of each role."""

from __future__ import annotations

from collections.abc import Mapping

import click
from click.core import ParameterSource

from vecgate.errors import UsageError

#: Parameters of a worker; it receives everything else from its master.
WORKER_PARAMETERS = frozenset({"worker", "master_host", "master_port", "processes", "quiet", "secret_file"})
#: Roles in which a parameter has a meaning.
ROLES_OF_PARAMETER: Mapping[str, frozenset[str]] = {
    "master_host": frozenset({"worker"}),
    "master_port": frozenset({"worker", "master"}),
    "secret_file": frozenset({"worker", "master"}),
    "expect_workers": frozenset({"master"}),
}


def given_parameters(context: click.Context) -> dict[str, str]:
    """Return the parameters on the command line, and the name of each as users know it."""
    return {
        each.name: each.human_readable_name if isinstance(each, click.Argument) else max(each.opts, key=len)
        for each in context.command.params
        if each.name and context.get_parameter_source(each.name) is ParameterSource.COMMANDLINE
    }


def check_roles(given: Mapping[str, str]) -> None:
    """Check the *given* parameters. Raises UsageError if one has no effect in this role."""
    others = [label for name, label in given.items() if name not in WORKER_PARAMETERS]
    if "worker" in given and others:
        raise UsageError(
            f"--worker cannot be combined with {', '.join(others)}", hint="Pass them to the master instead."
        )
    if "master" in given and "processes" in given:
        raise UsageError(
            "--master cannot be combined with --processes",
            hint="Use one of them; `vecgate ramp --worker --processes N` starts workers on another machine.",
        )
    for name, roles in ROLES_OF_PARAMETER.items():
        if name in given and not roles & given.keys():
            needed = " or ".join(f"--{role}" for role in sorted(roles))
            raise UsageError(f"{given[name]} needs {needed}")
