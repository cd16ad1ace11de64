"""Find the target that the user or the environment names, and open it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from vecgate.errors import UsageError
from vecgate.servers.server_registry import is_server_name
from vecgate.targets.target import Target, TargetChoice

#: Environment variables that name a target, in order of precedence. An option precedes all of them.
TARGET_VARIABLES = ("VECGATE_TARGET", "AWS_ENDPOINT_URL_S3VECTORS", "AWS_ENDPOINT_URL")


@contextmanager
def open_target(
    choice: TargetChoice, environment: Mapping[str, str], *, auth: bool = False, serve: Sequence[str] = ()
) -> Iterator[Target]:
    """Yield the target of *choice*; a server that vecgate starts runs as long as the context.

    auth   a local endpoint refuses requests without a valid signature
    serve  further options of `vecgate serve`, for a local endpoint

    Raises UsageError if no target is named or its name is invalid, NoCredentials if Amazon is named and no
    credentials are found.
    """
    # Each kind of target imports its own dependencies only.
    name = resolve_target_name(choice, environment)
    if name == "local":
        from vecgate.targets.local_target import open_local  # noqa: PLC0415 - as above

        with open_local(choice, environment, auth=auth, serve=serve) as target:
            yield target
    elif is_server_name(name):
        from vecgate.targets.server_target import open_server_target  # noqa: PLC0415 - as above

        with open_server_target(name, choice, environment) as target:
            yield target
    elif name == "aws":
        from vecgate.targets.aws_target import aws_target  # noqa: PLC0415 - as above

        yield aws_target(choice, environment)
    else:
        from vecgate.targets.url_target import target_from_name  # noqa: PLC0415 - as above

        yield target_from_name(name, choice, environment)


def resolve_target_name(choice: TargetChoice, environment: Mapping[str, str]) -> str:
    """Return the name of the target. Raises UsageError if neither *choice* nor *environment* names one."""
    return resolve_target(choice, environment)[0]


def resolve_target(choice: TargetChoice, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the name of the target, and the setting that names it. Raises UsageError if none does."""
    if choice.name:
        return choice.name, "--target"
    for variable in TARGET_VARIABLES:
        if environment.get(variable):
            return environment[variable], variable
    raise UsageError(
        "no target is named",
        hint="Use --target local, aws or a URL, or set VECGATE_TARGET. Amazon is never the default.",
    )
