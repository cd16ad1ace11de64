"""A target, and how it is found from what the user said and what the environment says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, InvalidRegionError

from vecgate import __version__
from vecgate.bulk.wire import Boto3Sender, DirectSender, Sender
from vecgate.errors import NoCredentials, UsageError

#: What a local or named server is told where the environment names no region and no credentials.
LOCAL_REGION = "us-east-1"
LOCAL_CREDENTIALS = Credentials("local", "local")

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class TargetChoice:
    """What the user said, unresolved.

    name       `local`, `aws` or a URL; empty asks the environment
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
    """

    name: str
    endpoint_url: str | None
    region: str
    region_source: str
    credentials: Any
    verify: bool | str = True
    session: Any = field(repr=False, default=None)

    def client(self, *, connections: int = 10) -> Any:  # noqa: ANN401 - boto3 makes its client classes at run time
        """A boto3 `s3vectors` client with *connections* in its pool; retries are left to its user."""
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"total_max_attempts": 1},
            max_pool_connections=connections,
            user_agent_extra=f"vecgate/{__version__}",
            ignore_configured_endpoint_urls=True,
        )
        frozen = self.credentials.get_frozen_credentials()
        keys = (
            {}
            if self.session.get_credentials() is not None
            else {"aws_access_key_id": frozen.access_key, "aws_secret_access_key": frozen.secret_key}
        )
        try:
            return self.session.client(
                "s3vectors",
                region_name=self.region,
                endpoint_url=self.endpoint_url,
                verify=self.verify,
                config=config,
                **keys,
            )
        except InvalidRegionError as error:
            raise UsageError(
                f"{self.region!r}, from {self.region_source}, is no region", hint="A region reads eu-west-1."
            ) from error

    @contextmanager
    def sender(self, *, connections: int = 10, direct: bool = False) -> Iterator[Sender]:
        """A sender to this target: through boto3, or *direct* for many small requests."""
        with closing(self.client(connections=connections)) as client:
            if not direct:
                yield Boto3Sender(client)
                return
            url = _resolved_url(client)
            with closing(
                DirectSender(self.credentials, region=self.region, endpoint_url=url, verify=self.verify)
            ) as sender:
                yield sender

    def __str__(self) -> str:
        if self.name == "aws":
            return f"aws ({self.region}, from {self.region_source})"
        return "local (gone when this command ends)" if self.name == "local" else self.name


@contextmanager
def open_target(choice: TargetChoice, environment: Mapping[str, str]) -> Iterator[Target]:
    """The target of *choice*; a `local` one runs as long as the context.

    Raises UsageError where none is named or its name is no URL, NoCredentials where Amazon is named and
    there are none.
    """
    name = choice.name or _named_by(environment)
    if name == "local":
        from vecgate.endpoint.local import LocalEndpoint  # noqa: PLC0415 - a server is started only when asked for

        with LocalEndpoint() as endpoint:
            yield _local(endpoint.url, "local", choice, environment)
    elif name == "aws":
        yield _aws(choice, environment)
    else:
        if not _is_url(name):
            raise UsageError(
                f"{name!r} is no target",
                hint="A target is `local`, `aws`, or a URL such as http://127.0.0.1:7333.",
            )
        yield _local(name.rstrip("/"), name.rstrip("/"), choice, environment)


def region_of(choice: TargetChoice, environment: Mapping[str, str], session: Any) -> tuple[str, str]:  # noqa: ANN401 - boto3 has no types
    """The region and the setting that it came from; two empty strings where there is none.

    boto3 itself ignores AWS_REGION, which every other SDK reads.
    """
    candidates = (
        (choice.region, "--region"),
        (environment.get("AWS_REGION", ""), "AWS_REGION"),
        (environment.get("AWS_DEFAULT_REGION", ""), "AWS_DEFAULT_REGION"),
        (session.region_name or "", "the profile"),
    )
    return next(((region, source) for region, source in candidates if region), ("", ""))


def _is_url(name: str) -> bool:
    try:
        url = urlsplit(name)
        return url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:  # brackets that do not close, a port that is no number
        return False


def _resolved_url(client: Any) -> str:  # noqa: ANN401 - boto3 has no types
    # `client.meta.endpoint_url` is a guess: it knows nothing of the service's endpoint rules.
    operation = client.meta.service_model.operation_model("ListVectorBuckets")
    url, _, _ = client._resolve_endpoint_ruleset(operation, {}, {})  # noqa: SLF001 - botocore tells it nowhere else
    return str(url)


def _named_by(environment: Mapping[str, str]) -> str:
    for variable in ("VECGATE_TARGET", "AWS_ENDPOINT_URL_S3VECTORS", "AWS_ENDPOINT_URL"):
        if environment.get(variable):
            return environment[variable]
    raise UsageError(
        "no target is named",
        hint="Give --target local, aws or a URL, or set VECGATE_TARGET. Amazon is never assumed.",
    )


def _session(choice: TargetChoice) -> Any:  # noqa: ANN401 - boto3 has no types
    try:
        return boto3.Session(profile_name=choice.profile or None)
    except BotoCoreError as error:
        raise UsageError(str(error), hint="Look at --profile, AWS_PROFILE and ~/.aws/config.") from error


def _verify(choice: TargetChoice, environment: Mapping[str, str]) -> bool | str:
    if not choice.verify:
        return False
    return choice.ca_bundle or environment.get("AWS_CA_BUNDLE") or True


def _local(url: str, name: str, choice: TargetChoice, environment: Mapping[str, str]) -> Target:
    session = _session(choice)
    region, source = region_of(choice, environment, session)
    return Target(
        name=name,
        endpoint_url=url,
        region=region or LOCAL_REGION,
        region_source=source or "the default",
        credentials=session.get_credentials() or LOCAL_CREDENTIALS,
        verify=_verify(choice, environment),
        session=session,
    )


def _aws(choice: TargetChoice, environment: Mapping[str, str]) -> Target:
    session = _session(choice)
    region, source = region_of(choice, environment, session)
    if not region:
        raise UsageError("no region is named", hint="Give --region, or set AWS_REGION.")
    try:
        credentials = session.get_credentials()
    except BotoCoreError as error:
        raise NoCredentials(
            f"the credentials cannot be read: {error}", hint="Look at your AWS profile."
        ) from error
    if credentials is None:
        raise NoCredentials(
            "there are no AWS credentials",
            hint="Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws sso login`.",
        )
    return Target("aws", None, region, source, credentials, _verify(choice, environment), session)
