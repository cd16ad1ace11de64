"""Principals with their key pairs, and the actions that each request needs.

An action is an operation of the model, such as `s3vectors:PutVectors`. Principals have allow-lists only: no
resources, conditions or denials. The additional actions that some requests need are documented in the service
model.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import translate
from functools import partial
from pathlib import Path
from typing import Annotated, TypeAlias, TypeGuard
from urllib.parse import unquote

import msgspec

from vecgate.endpoint.auth.sigv4 import KeyPair
from vecgate.endpoint.requests.messages import ApiError
from vecgate.errors import ConfigError
from vecgate.s3vectors.arn import bucket_arn, index_arn
from vecgate.s3vectors.model import service_model
from vecgate.toml_schema import Parser, Problems, Text, parse_table, parse_tables, read_toml

PREFIX = "s3vectors:"
ALL_ACTIONS = (f"{PREFIX}*",)
#: Members of a request that require one additional action.
EXTRA_ACTIONS: Mapping[str, tuple[frozenset[str], str]] = {
    "QueryVectors": (frozenset({"filter", "returnMetadata", "queryTexts"}), "GetVectors"),
    "ListVectors": (frozenset({"returnData", "returnMetadata"}), "GetVectors"),
    "CreateVectorBucket": (frozenset({"tags"}), "TagResource"),
    "CreateIndex": (frozenset({"tags"}), "TagResource"),
}

ADDRESS_MEMBERS = ("indexArn", "vectorBucketArn", "resourceArn", "vectorBucketName", "indexName")
#: Permissions of everybody but the owner of a file.
OTHERS = stat.S_IRWXG | stat.S_IRWXO
#: A longer name or ARN is not repeated in a message; the longest valid ARN is shorter.
ADDRESS_LENGTH_MAX = 1_024

Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[\w+=,.@-]{1,64}$")]


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller who signs requests.

    name      as in the ARN of the user
    key_pair  the credentials
    allowed   the operations that the principal may use; None for all
    """

    name: str
    key_pair: KeyPair
    allowed: frozenset[str] | None = None

    def may_call(self, operation: str) -> bool:
        """Return whether some request of *operation* is allowed."""
        return self.allowed is None or operation in self.allowed


class _PrincipalEntry(msgspec.Struct):
    """A principal in the file."""

    name: Name
    access_key: Text
    secret_key: Text
    session_token: str = ""
    allow: tuple[str, ...] = ALL_ACTIONS

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _PrincipalsFile(msgspec.Struct):
    principal: tuple[_PrincipalEntry, ...] = ()


def create_principal(access_key: str = "", secret_key: str = "") -> Principal:
    """Return a principal with full access. Without an *access_key*, the key pair is random."""
    random_pair = KeyPair(f"VECGATE{secrets.token_hex(7).upper()[:13]}", secrets.token_hex(20))
    return Principal("local", KeyPair(access_key, secret_key) if access_key else random_pair)


def read_principals(path: Path) -> tuple[Principal, ...]:
    """Return the principals of a TOML file. Raises ConfigError that lists every problem, and for a file that
    other users may read.
    """
    _check_is_private(path)
    problems = Problems(hides_values=True)
    parsers: dict[str, Parser] = {"principal": partial(parse_tables, _PrincipalEntry, check=_check_actions)}
    file = parse_table(_PrincipalsFile, read_toml(path), "", problems, parsers) or _PrincipalsFile()
    principals = tuple(_build_principal(entry) for entry in file.principal)
    _check_duplicates(principals, problems)
    if not principals and not problems:
        problems.add("principal", "is missing, allowed is a list of tables, [[principal]]")
    problems.raise_if_any(path, hint="docs/endpoint.md shows the format.")
    return principals


def check_access(
    principal: Principal, operation: str, members: Mapping[str, object], *, region: str, account: str
) -> None:
    """Raise ApiError if *principal* lacks an action that this request needs. *members* need not be valid."""
    if principal.allowed is None:
        return
    for action in required_actions(operation, members):
        if action not in principal.allowed:
            resource = resource_arn(members, region=region, account=account)
            raise ApiError(
                "AccessDeniedException",
                f"User: arn:aws:iam::{account}:user/{principal.name} is not authorized to perform: "
                f"{PREFIX}{action} on resource: {resource} because no identity-based policy allows the "
                f"{PREFIX}{action} action",
            )


def required_actions(operation: str, members: Mapping[str, object]) -> list[str]:
    """Return the actions that a request needs; the first is that of its operation."""
    members_with_extra, extra_action = EXTRA_ACTIONS.get(operation, (frozenset(), ""))
    needs_extra = any(members.get(name) for name in members_with_extra)
    return [operation, extra_action] if needs_extra else [operation]


def resource_arn(members: Mapping[str, object], *, region: str, account: str) -> str:
    """Return the ARN of a request's resource for denials. Without a valid resource it covers all buckets."""
    names = {name: value for name in ADDRESS_MEMBERS if _is_address(value := members.get(name))}
    for name in ("indexArn", "vectorBucketArn", "resourceArn"):
        if name in names:
            return unquote(names[name])
    bucket = names.get("vectorBucketName", "*")
    if "indexName" in names:
        return index_arn(bucket, names["indexName"], region=region, account=account)
    return bucket_arn(bucket, region=region, account=account)


def _is_address(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) <= ADDRESS_LENGTH_MAX


def _check_is_private(path: Path) -> None:
    with suppress(OSError):  # the reader reports a file that does not exist
        mode = stat.S_IMODE(path.stat().st_mode)
        if os.name == "posix" and mode & OTHERS:
            raise ConfigError(
                f"{path} contains secret keys and has mode {mode:04o}, which gives other users access; "
                "allowed is access by its owner only",
                hint=f"chmod 600 {path}",
            )


def _build_principal(entry: _PrincipalEntry) -> Principal:
    allowed = frozenset[str]().union(*map(_expand_action, entry.allow))
    key_pair = KeyPair(entry.access_key, entry.secret_key, entry.session_token)
    return Principal(entry.name, key_pair, None if entry.allow == ALL_ACTIONS else allowed)


def _expand_action(action: str) -> list[str]:
    """Return the operations that *action* matches. As in IAM, `*` and `?` are wildcards and case is
    ignored.
    """
    pattern = re.compile(translate(action.replace("[", "[[]")), re.IGNORECASE)
    return [name for name in service_model().operation_names if pattern.match(PREFIX + name)]


def _check_actions(entry: _PrincipalEntry, path: str, problems: Problems) -> None:
    for action in entry.allow:
        if not _expand_action(action):
            problems.add(f"{path}.allow", f"has {action!r}, which matches no action of the model")


def _check_duplicates(principals: Sequence[Principal], problems: Problems) -> None:
    names = [f"name {each.name!r}" for each in principals]
    keys = [f"access key {each.key_pair.access_key!r}" for each in principals]
    duplicates = {each for column in (names, keys) for each in column if column.count(each) > 1}
    for each in sorted(duplicates):
        problems.add("principal", f"has two entries with the {each}")
