"""Who a `vecgate ramp` is: alone, a master of workers elsewhere, or such a worker; and what it is told."""

from __future__ import annotations

from collections.abc import Mapping

import click
from click.core import ParameterSource

from vecgate.errors import UsageError

#: All that a worker is told; the rest it hears from its master.
OF_WORKER = frozenset({"worker", "master_host", "master_port", "processes", "quiet"})
#: Parameter to the roles that it says something to.
OF_ROLES: Mapping[str, frozenset[str]] = {
    "master_host": frozenset({"worker"}),
    "master_port": frozenset({"worker", "master"}),
    "expect_workers": frozenset({"master"}),
}


def said_in(context: click.Context) -> dict[str, str]:
    """What the command line says: the names of parameters, as people know them."""
    return {
        each.name: each.human_readable_name if isinstance(each, click.Argument) else max(each.opts, key=len)
        for each in context.command.params
        if each.name and context.get_parameter_source(each.name) is ParameterSource.COMMANDLINE
    }


def check_roles(said: Mapping[str, str]) -> None:
    """See that all that was *said*, parameter to what people call it, has a meaning together.

    Raises UsageError: an option that would do nothing is a mistake.
    """
    if "worker" in said and (others := [told for name, told in said.items() if name not in OF_WORKER]):
        raise UsageError(
            f"--worker serves the run of a master, and takes no {', '.join(others)}",
            hint="Say that to the master.",
        )
    if "master" in said and "processes" in said:
        raise UsageError(
            "--master waits for workers elsewhere, and starts no --processes",
            hint="Leave one out; elsewhere, `vecgate ramp --worker --processes N` starts several.",
        )
    for name, roles in OF_ROLES.items():
        if name in said and not roles & said.keys():
            needed = " or ".join(f"--{role}" for role in sorted(roles))
            raise UsageError(f"{said[name]} says nothing without {needed}")
