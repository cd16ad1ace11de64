"""The local endpoint, in a separate process while the target is open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from botocore.credentials import Credentials

from vecgate.endpoint.local import LocalEndpoint
from vecgate.process import START_TIMEOUT_S
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url_target import LOCAL_CREDENTIALS, target_from_url


@contextmanager
def open_local(
    choice: TargetChoice, environment: Mapping[str, str], *, auth: bool = False, serve: Sequence[str] = ()
) -> Iterator[Target]:
    """Start a local endpoint and yield it as a target.

    auth   the endpoint refuses requests without a valid signature
    serve  further options of `vecgate serve`
    """
    limit_s = choice.start_limit_s or START_TIMEOUT_S
    with LocalEndpoint(auth=auth, options=serve, start_timeout_s=limit_s) as endpoint:
        keys = Credentials(endpoint.access_key, endpoint.secret_key) if auth else LOCAL_CREDENTIALS
        yield target_from_url(endpoint.url, choice, environment, name="local", credentials=keys)
