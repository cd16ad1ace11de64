"""A server that is given by its URL, or by a TOML file with more settings.

url = "https://vectors.example:8443"    # required; all others are optional
name = "mine"                           # in messages and results; not one with a meaning, such as `aws`
region = "us-east-1"
ca_bundle = "ca.pem"                    # relative to the file
verify = true
headers = { x-namespace = "a" }
access_key_variable = "MY_ACCESS_KEY"   # environment variables, never the keys themselves
secret_key_variable = "MY_SECRET_KEY"
session_token_variable = "MY_TOKEN"
capabilities = ["query", "tags"]        # if absent they are probed
require_capabilities = ["query"]        # `vecgate conform` fails without them
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
from botocore.utils import is_valid_endpoint_url, is_valid_ipv6_endpoint_url

from vecgate.errors import NoCredentials, UsageError
from vecgate.redaction import without_user
from vecgate.servers.server_registry import SERVERS, is_server_name
from vecgate.targets.aws_settings import create_session, read_credentials, resolve_region, resolve_verify
from vecgate.targets.capabilities import CAPABILITIES
from vecgate.targets.target import Target, TargetChoice
from vecgate.toml_schema import Problems, parse_table, read_toml, suggest

#: Region and credentials for a server by URL if the environment has none.
LOCAL_REGION = "us-east-1"
LOCAL_CREDENTIALS = Credentials("local", "local")
#: Names with a meaning: these servers end with the command, or cost money.
RESERVED_NAMES = frozenset({"local", "aws", *SERVERS})


class TargetFile(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a target file."""

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
    require_capabilities: tuple[str, ...] = ()
    deviations: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def target_from_name(name: str, choice: TargetChoice, environment: Mapping[str, str]) -> Target:
    """Return the target at a URL or in a TOML file. Raises UsageError if *name* is neither."""
    if name.endswith(".toml"):
        return target_from_file(Path(name), choice, environment)
    if not _is_url(name):
        raise UsageError(
            f"{name!r} is not a target",
            hint=f"A target is `local`, `aws`, {', '.join(f'`{each}`' for each in SERVERS)}, "
            "a URL such as http://127.0.0.1:7333, or a TOML file.",
        )
    return target_from_url(name.rstrip("/"), choice, environment)


def target_from_url(
    url: str,
    choice: TargetChoice,
    environment: Mapping[str, str],
    *,
    name: str = "",
    credentials: Any = None,  # noqa: ANN401 - botocore's
) -> Target:
    """Return the server at *url* as a target, with placeholder credentials if the environment has none.

    With *credentials* the environment is not searched, which could query the metadata service of the machine.
    """
    _check_host(url)
    session = create_session(choice)
    region, source = resolve_region(choice, environment, session)
    # Requests are signed and never carry them, so they would only end up in messages and files.
    url = without_user(url)
    return Target(
        name=name or url,
        endpoint_url=url,
        region=region or LOCAL_REGION,
        region_source=source or "the default",
        credentials=credentials or read_credentials(session) or LOCAL_CREDENTIALS,
        verify=resolve_verify(choice, environment),
        session=session,
    )


def target_from_file(path: Path, choice: TargetChoice, environment: Mapping[str, str]) -> Target:
    """Return the target that the file at *path* describes. The command line overrides the file.

    Raises ConfigError if the file is invalid, NoCredentials if a variable that it names is not set.
    """
    file = read_target_file(path)
    merged = replace(
        choice,
        region=choice.region or file.region,
        ca_bundle=choice.ca_bundle or (str(path.parent / file.ca_bundle) if file.ca_bundle else ""),
        verify=choice.verify and file.verify,
    )
    target = target_from_url(file.url.rstrip("/"), merged, environment, name=file.name)
    return replace(
        target,
        region_source=str(path) if file.region and not choice.region else target.region_source,
        credentials=_credentials(file, path, environment) or target.credentials,
        headers=file.headers,
        capabilities=None if file.capabilities is None else frozenset(file.capabilities),
        required=file.require_capabilities,
        deviations=path.parent / file.deviations if file.deviations else None,
    )


def read_target_file(path: Path) -> TargetFile:
    """Return the content of the file at *path*. Raises ConfigError that lists every problem."""
    problems = Problems()
    file = parse_table(TargetFile, read_toml(path), "", problems)
    if file is not None:
        for setting in ("capabilities", "require_capabilities"):
            for name in getattr(file, setting) or ():
                if name not in CAPABILITIES:
                    problems.add(setting, f"has no {name!r}, {suggest(name, CAPABILITIES)}")
        if file.name in RESERVED_NAMES or is_server_name(file.name):
            problems.add("name", f"is {file.name!r}, which is reserved for a target of vecgate")
        if not _is_url(file.url):
            problems.add_value("url", file.url, "an http or https URL")
    problems.raise_if_any(path, hint="docs/conform.md shows the format.")
    assert file is not None
    return file


def _credentials(file: TargetFile, path: Path, environment: Mapping[str, str]) -> Any:  # noqa: ANN401 - botocore's
    if not file.access_key_variable:
        return None
    names = [file.access_key_variable, file.secret_key_variable, file.session_token_variable]
    missing = [name for name in names if name and not environment.get(name)]
    if missing:
        raise NoCredentials(
            f"{path} names environment variables that are not set: {', '.join(missing)}",
            hint="Set them, or remove their names from the file.",
        )
    key, secret, token = (environment.get(name, "") for name in names)
    return Credentials(key, secret, token or None)


def _check_host(url: str) -> None:
    """Raise UsageError if the host of *url* is none that botocore sends requests to."""
    bare = without_user(url)
    if not (is_valid_endpoint_url(bare) or is_valid_ipv6_endpoint_url(bare)):
        raise UsageError(
            f"{urlsplit(bare).hostname!r} is not a host name that requests can be sent to",
            hint="Its parts have 1 to 63 ASCII letters, digits and hyphens, with dots between them. "
            "An IP address works for any other server.",
        )


def _is_url(name: str) -> bool:
    try:
        url = urlsplit(name)
        return url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:  # Unbalanced brackets, or a port that is not a number.
        return False
