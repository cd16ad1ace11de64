"""A target, and the choice of one by the user. `resolution` opens a choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import InvalidRegionError

from vecgate import __version__
from vecgate.bulk.accelerate import check_answers
from vecgate.bulk.transport.response_limits import limit_responses
from vecgate.bulk.transport.sender import Boto3Sender, DirectSender, Sender
from vecgate.errors import UsageError
from vecgate.redaction import holds_secret, redact_values, register_headers, register_secrets
from vecgate.servers.server_registry import is_server_name

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60
REGION_HINT = "A region looks like eu-west-1."


def is_embedded(name: str) -> bool:
    """Return whether vecgate starts the target *name* itself, such as `local` or `s3mock@5.2.0`.

    Such a server ends with the command, and everything stored there is lost.
    """
    return name == "local" or is_server_name(name)


@dataclass(frozen=True, slots=True)
class TargetChoice:
    """The target that the user chose, not resolved yet.

    name           `local`, `aws`, one of `vecgate.servers`, a URL, or a TOML file; empty for the one of the
                   environment
    region         empty for the one of the environment or else of the profile
    profile        of the AWS configuration, empty for the default
    ca_bundle      file with trusted certificates, empty for the usual ones
    verify         whether certificates are checked
    start_limit_s  a server that vecgate starts must be ready in this time; None for its own limit
    """

    name: str = field(default="", repr=False)  # a URL may have a password
    region: str = ""
    profile: str = ""
    ca_bundle: str = ""
    verify: bool = True
    start_limit_s: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A server that requests can be sent to.

    name           `local`, `aws`, one of `vecgate.servers`, or any other for messages and results
    endpoint_url   None for Amazon's own endpoint of the region
    region         of the signatures
    region_source  the setting that the region comes from
    credentials    botocore's, which may refresh themselves
    verify         True, False, or a file with trusted certificates
    session        boto3 session
    headers        added to each request, not signed; their values are secret
    capabilities   that the target declares; None if they must be probed
    required       capabilities that a conformance run requires, whatever its deviations list
    deviations     file with the known deviations of the target; None for the one of its name
    version        of the server, if it is known
    """

    name: str
    endpoint_url: str | None
    region: str
    region_source: str
    credentials: Any = field(repr=False)
    verify: bool | str = True
    session: Any = field(repr=False, default=None)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    capabilities: frozenset[str] | None = None
    required: tuple[str, ...] = ()
    deviations: Path | None = None
    version: str = ""

    def __post_init__(self) -> None:
        register_headers(self.headers)
        # Reading other credentials may need the network, so they are registered with the first request.
        if type(self.credentials) is Credentials:
            self._register_credentials()

    def client(self, *, connections: int = 10, is_checked: bool = True, **config: Any) -> Any:  # noqa: ANN401 - boto3 makes its client classes at run time
        """Return a boto3 `s3vectors` client with a pool of *connections*, which does not retry.

        *config* is passed to botocore's Config. Responses have the default limits of `response_limits`.
        Unless *is_checked* is False, an answer that is not one of the service raises UnexpectedResponseError.
        """
        settings: dict[str, Any] = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "read_timeout": READ_TIMEOUT_S,
            "retries": {"total_max_attempts": 1},
            "max_pool_connections": connections,
            "user_agent_extra": f"vecgate/{__version__}",
            "ignore_configured_endpoint_urls": True,
        }
        try:
            client = self.session.client(
                "s3vectors",
                region_name=self.region,
                endpoint_url=self.endpoint_url,
                verify=self.verify,
                config=Config(**{**settings, **config}),
                **self._keys(),
            )
        except InvalidRegionError as error:
            raise UsageError(
                f"{self.region!r}, from {self.region_source}, is not an AWS region", hint=REGION_HINT
            ) from error
        limit_responses(client, None)
        if is_checked:
            check_answers(client)
        client.meta.events.register("before-send.s3vectors", self._register_credentials)
        client.meta.events.register("after-call.s3vectors", _redact_answer)
        if self.headers:
            client.meta.events.register("before-send.s3vectors", self._add_headers)
        return client

    @contextmanager
    def sender(self, *, connections: int = 10, direct: bool = False) -> Iterator[Sender]:
        """Yield a sender to this target: through boto3, or *direct* for many small requests.

        A target with `headers` always gets the sender through boto3.
        """
        with closing(self.client(connections=connections)) as client:
            if not direct or self.headers:
                yield Boto3Sender(client)
                return
            url = self.resolve_url(client)
            with closing(
                DirectSender(self.credentials, region=self.region, endpoint_url=url, verify=self.verify)
            ) as sender:
                yield sender

    def resolve_url(self, client: Any) -> str:  # noqa: ANN401 - boto3 makes its client classes at run time
        """Return the URL that *client* sends requests to."""
        # `client.meta.endpoint_url` ignores the endpoint rules of the service, so it may be wrong.
        operation = client.meta.service_model.operation_model("ListVectorBuckets")
        url, _, _ = client._resolve_endpoint_ruleset(operation, {}, {})  # noqa: SLF001 - botocore has no public way
        return str(url)

    def _keys(self) -> dict[str, str]:
        # The credentials of the session refresh themselves, so only others are passed on. Explicit
        # credentials never belong to the session, which may need the network to get its own.
        is_explicit = getattr(self.credentials, "method", "explicit") == "explicit"
        if not is_explicit and self.session.get_credentials() is self.credentials:
            return {}
        frozen = self.credentials.get_frozen_credentials()
        keys = {"aws_access_key_id": frozen.access_key, "aws_secret_access_key": frozen.secret_key}
        return {**keys, "aws_session_token": frozen.token} if frozen.token else keys

    def _register_credentials(self, **_: object) -> None:
        """Register the credentials as secrets, also after they have renewed themselves."""
        keys = self.credentials and self.credentials.get_frozen_credentials()
        if keys:
            register_secrets(keys.access_key, keys.secret_key, keys.token)

    def _add_headers(self, request: Any, **_: object) -> None:  # noqa: ANN401 - botocore has no types
        for name, value in self.headers.items():
            request.headers[name] = value

    def __str__(self) -> str:
        if self.name == "aws":
            return f"aws ({self.region}, from {self.region_source})"
        return f"{self.name} (ends with this command)" if is_embedded(self.name) else self.name


def _redact_answer(http_response: Any, parsed: dict[str, Any], **_: object) -> None:  # noqa: ANN401 - botocore's
    """Redact botocore's *parsed* answer before anyone sees it: a server may repeat the request in it."""
    if holds_secret(http_response.content):
        parsed |= redact_values(parsed)
    elif "Error" in parsed:
        parsed["Error"] = redact_values(parsed["Error"])
