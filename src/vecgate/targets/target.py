"""A target, and how it is found from what the user said and what the environment says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import InvalidRegionError

from vecgate import __version__
from vecgate.bulk.wire import Boto3Sender, DirectSender, Sender
from vecgate.errors import UsageError

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60
#: Endpoints of ours: they end with the command, and with them all that was made there.
EMBEDDED = frozenset({"local", "moto"})
#: Asked for a target in this order, where no option names one.
NAMING_VARIABLES = ("VECGATE_TARGET", "AWS_ENDPOINT_URL_S3VECTORS", "AWS_ENDPOINT_URL")


@dataclass(frozen=True, slots=True)
class TargetChoice:
    """What the user said, unresolved.

    name       `local`, `moto`, `aws`, a URL, or a TOML file with more than a URL; empty asks the environment
    region     empty asks the environment, then the profile
    profile    of the AWS configuration, empty for the default
    ca_bundle  file with certificates to trust, empty for the usual ones
    verify     False accepts any certificate
    """

    name: str = ""
    region: str = ""
    profile: str = ""
    ca_bundle: str = ""
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """A target that can be sent to.

    name           for people
    endpoint_url   None for Amazon's own endpoint of the region
    region         and *region_source*, which setting it came from
    credentials    botocore's, which may refresh themselves
    verify         True, False, or a file with certificates to trust
    headers        to add to each request, unsigned
    capabilities   that it is declared to have, None where they are to be found out
    deviations     the file that lists where it is known to differ, None for the one of its name
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
    deviations: Path | None = None

    def client(self, *, connections: int = 10, **config: Any) -> Any:  # noqa: ANN401 - boto3 makes its client classes at run time
        """A boto3 `s3vectors` client with *connections* in its pool; retries are left to its user.

        *config* goes to botocore's Config.
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
                f"{self.region!r}, from {self.region_source}, is no region", hint="A region reads eu-west-1."
            ) from error
        if self.headers:
            client.meta.events.register("before-send.s3vectors", self._add_headers)
        return client

    @contextmanager
    def sender(self, *, connections: int = 10, direct: bool = False) -> Iterator[Sender]:
        """A sender to this target: through boto3, or *direct* for many small requests.

        A target that wants headers of its own is always sent to through boto3.
        """
        with closing(self.client(connections=connections)) as client:
            if not direct or self.headers:
                yield Boto3Sender(client)
                return
            url = self.url_of(client)
            with closing(
                DirectSender(self.credentials, region=self.region, endpoint_url=url, verify=self.verify)
            ) as sender:
                yield sender

    def url_of(self, client: Any) -> str:  # noqa: ANN401 - boto3 makes its client classes at run time
        """Where *client* sends to."""
        # `client.meta.endpoint_url` is a guess: it knows nothing of the service's endpoint rules.
        operation = client.meta.service_model.operation_model("ListVectorBuckets")
        url, _, _ = client._resolve_endpoint_ruleset(operation, {}, {})  # noqa: SLF001 - botocore tells it nowhere else
        return str(url)

    def _keys(self) -> dict[str, str]:
        # The session's own credentials refresh themselves; only others are handed over. Those that somebody
        # wrote down are always others: asking the session for its own may take the network.
        is_explicit = getattr(self.credentials, "method", "explicit") == "explicit"
        if not is_explicit and self.session.get_credentials() is self.credentials:
            return {}
        frozen = self.credentials.get_frozen_credentials()
        keys = {"aws_access_key_id": frozen.access_key, "aws_secret_access_key": frozen.secret_key}
        return {**keys, "aws_session_token": frozen.token} if frozen.token else keys

    def _add_headers(self, request: Any, **_: object) -> None:  # noqa: ANN401 - botocore has no types
        for name, value in self.headers.items():
            request.headers[name] = value

    def __str__(self) -> str:
        if self.name == "aws":
            return f"aws ({self.region}, from {self.region_source})"
        return f"{self.name} (gone when this command ends)" if self.name in EMBEDDED else self.name


@contextmanager
def open_target(
    choice: TargetChoice, environment: Mapping[str, str], *, auth: bool = False, serve: Sequence[str] = ()
) -> Iterator[Target]:
    """The target of *choice*; a `local` or `moto` one runs as long as the context.

    With *auth* a local one refuses what is not signed; *serve* are further options of `vecgate serve`.
    Raises UsageError where none is named or its name is no URL, NoCredentials where Amazon is named and there
    are none.
    """
    # What only one of the kinds needs is imported for that one: `local` starts a server, `moto` is an extra.
    name = name_of(choice, environment)
    if name == "local":
        from vecgate.targets.local import open_local  # noqa: PLC0415 - as above

        with open_local(choice, environment, auth=auth, serve=serve) as target:
            yield target
    elif name == "moto":
        from vecgate.targets.moto import open_moto  # noqa: PLC0415 - as above

        with open_moto(choice, environment) as target:
            yield target
    elif name == "aws":
        from vecgate.targets.aws import aws_target  # noqa: PLC0415 - as above

        yield aws_target(choice, environment)
    else:
        from vecgate.targets.url import named_target  # noqa: PLC0415 - as above

        yield named_target(name, choice, environment)


def name_of(choice: TargetChoice, environment: Mapping[str, str]) -> str:
    """What the user named, else what the environment does. Raises UsageError where nothing does."""
    return named_by(choice, environment)[0]


def named_by(choice: TargetChoice, environment: Mapping[str, str]) -> tuple[str, str]:
    """The same, and the setting that named it."""
    if choice.name:
        return choice.name, "--target"
    for variable in NAMING_VARIABLES:
        if environment.get(variable):
            return environment[variable], variable
    raise UsageError(
        "no target is named",
        hint="Give --target local, aws or a URL, or set VECGATE_TARGET. Amazon is never assumed.",
    )
