"""A server of `vecgate.servers` that runs as long as the target is open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from vecgate.servers.server_registry import start_server
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url_target import LOCAL_CREDENTIALS, target_from_url


@contextmanager
def open_server_target(name: str, choice: TargetChoice, environment: Mapping[str, str]) -> Iterator[Target]:
    """Start the server *name*, such as `s3mock@5.2.0`, and yield it as a target.

    Raises UsageError if something that it needs is not installed, TargetUnreachable if it does not start.
    """
    with start_server(name, start_limit_s=choice.start_limit_s) as server:
        target = target_from_url(
            server.url, choice, environment, name=server.name, credentials=LOCAL_CREDENTIALS
        )
        yield replace(target, version=server.version)
