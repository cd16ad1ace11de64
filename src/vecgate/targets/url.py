"""A server named by its URL, or by a TOML file that says more than a URL can.

url = "https://vectors.example:8443"    # the only one that must be there
name = "mine"                           # for people and results; not `local`, `moto` or `aws`
region = "us-east-1"
ca_bundle = "ca.pem"                    # relative to the file
verify = true
headers = { x-namespace = "a" }
access_key_variable = "MY_ACCESS_KEY"   # environment variables, never the keys themselves
secret_key_variable = "MY_SECRET_KEY"
session_token_variable = "MY_TOKEN"
capabilities = ["query", "tags"]        # without it they are found out
deviations = "deviations.toml"          # relative to the file
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from botocore.credentials import Credentials

from vecgate.errors import ConfigError, NoCredentials, UsageError
from vecgate.targets.capabilities import CAPABILITIES
from vecgate.targets.settings import region_of, session_of, verify_of
from vecgate.targets.target import Target, TargetChoice

#: What a named server is told where the environment names no region and no credentials.
LOCAL_REGION = "us-east-1"
LOCAL_CREDENTIALS = Credentials("local", "local")
#: By these names it is known which server goes when we do, and which costs money.
OWN_NAMES = frozenset({"local", "moto", "aws"})


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A target as its TOML file has it."""

    url: str
    name: str = ""
    region: str = ""
    ca_bundle: str = ""
    verify: bool = True
    headers: dict[str, str] = {}
    access_key_variable: str = ""
    secret_key_variable: str = ""
    session_token_variable: str = ""
    capabilities: tuple[str, ...] | None = None
    deviations: str = ""


def named_target(name: str, choice: TargetChoice, environment: Mapping[str, str]) -> Target:
    """The target of a URL or of a TOML file. Raises UsageError where *name* is neither."""
    if name.endswith(".toml"):
        return described_target(Path(name), choice, environment)
    if not _is_url(name):
        raise UsageError(
            f"{name!r} is no target",
            hint="A target is `local`, `moto`, `aws`, a URL such as http://127.0.0.1:7333, or a TOML file.",
        )
    return url_target(name.rstrip("/"), choice, environment)


def url_target(
    url: str,
    choice: TargetChoice,
    environment: Mapping[str, str],
    *,
    name: str = "",
    credentials: Any = None,  # noqa: ANN401 - botocore's
) -> Target:
    """The server at *url*, with credentials that open nothing where the environment has none.

    Where *credentials* are given none are looked for, which would ask the machine's metadata service too.
    """
    session = session_of(choice)
    region, source = region_of(choice, environment, session)
    return Target(
        name=name or url,
        endpoint_url=url,
        region=region or LOCAL_REGION,
        region_source=source or "the default",
        credentials=credentials or session.get_credentials() or LOCAL_CREDENTIALS,
        verify=verify_of(choice, environment),
        session=session,
    )


def described_target(path: Path, choice: TargetChoice, environment: Mapping[str, str]) -> Target:
    """The target that the file at *path* describes; options of the command line beat it.

    Raises ConfigError where the file is no such description, NoCredentials where it names a variable that is
    not set.
    """
    told = read_description(path)
    merged = replace(
        choice,
        region=choice.region or told.region,
        ca_bundle=choice.ca_bundle or (str(path.parent / told.ca_bundle) if told.ca_bundle else ""),
        verify=choice.verify and told.verify,
    )
    target = url_target(told.url.rstrip("/"), merged, environment, name=told.name)
    return replace(
        target,
        region_source=str(path) if told.region and not choice.region else target.region_source,
        credentials=_credentials(told, path, environment) or target.credentials,
        headers=told.headers,
        capabilities=None if told.capabilities is None else frozenset(told.capabilities),
        deviations=path.parent / told.deviations if told.deviations else None,
    )


def read_description(path: Path) -> Description:
    """The content of the file at *path*. Raises ConfigError."""
    try:
        told = msgspec.toml.decode(path.read_bytes(), type=Description)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} describes no target: {error}", hint="docs/conform.md shows the format."
        ) from None
    unknown = sorted(set(told.capabilities or ()) - CAPABILITIES.keys())
    if unknown:
        raise ConfigError(
            f"{path}: no capability is called {', '.join(unknown)}",
            hint=f"There are {', '.join(CAPABILITIES)}.",
        )
    if told.name in OWN_NAMES:
        raise ConfigError(
            f"{path}: the name {told.name!r} is taken by a target of vecgate's own",
            hint="Call yours something else.",
        )
    if not _is_url(told.url):
        raise ConfigError(f"{path}: {told.url!r} is no URL")
    return told


def _credentials(told: Description, path: Path, environment: Mapping[str, str]) -> Any:  # noqa: ANN401 - botocore's
    if not told.access_key_variable:
        return None
    names = [told.access_key_variable, told.secret_key_variable, told.session_token_variable]
    missing = [name for name in names if name and not environment.get(name)]
    if missing:
        raise NoCredentials(f"{path} names {' and '.join(missing)}, which the environment does not have")
    key, secret, token = (environment.get(name, "") for name in names)
    return Credentials(key, secret, token or None)


def _is_url(name: str) -> bool:
    try:
        url = urlsplit(name)
        return url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:  # brackets that do not close, a port that is no number
        return False
