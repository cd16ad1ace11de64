"""The local endpoint, in a process of its own for as long as the target is open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from botocore.credentials import Credentials

from vecgate.endpoint.local import LocalEndpoint
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url import LOCAL_CREDENTIALS, url_target


@contextmanager
def open_local(
    choice: TargetChoice, environment: Mapping[str, str], *, auth: bool = False, serve: Sequence[str] = ()
) -> Iterator[Target]:
    """A local endpoint with the options *serve*; with *auth*, one that refuses what is not signed for it."""
    with LocalEndpoint(auth=auth, options=serve) as endpoint:
        keys = Credentials(endpoint.access_key, endpoint.secret_key) if auth else LOCAL_CREDENTIALS
        yield url_target(endpoint.url, choice, environment, name="local", credentials=keys)
