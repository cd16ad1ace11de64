"""Who may do what: principals with their key pairs, and the actions that a request needs.

An action is an operation of the model, `s3vectors:PutVectors`. Nothing but allow-lists: no resources, no
conditions, no denials. What is needed beyond an operation's own action is documented in the service model.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from urllib.parse import unquote

import msgspec

from vecgate.endpoint.answers import Refused
from vecgate.endpoint.settings import complete, read_toml, typed_list
from vecgate.endpoint.sigv4 import KeyPair
from vecgate.s3vectors.arn import bucket_arn, index_arn
from vecgate.s3vectors.model import service_model

PREFIX = "s3vectors:"
ALL_ACTIONS = (f"{PREFIX}*",)
#: Members of a request that make it need one more action.
FURTHER_ACTIONS: Mapping[str, tuple[frozenset[str], str]] = {
    "QueryVectors": (frozenset({"filter", "returnMetadata", "queryTexts"}), "GetVectors"),
    "ListVectors": (frozenset({"returnData", "returnMetadata"}), "GetVectors"),
    "CreateVectorBucket": (frozenset({"tags"}), "TagResource"),
    "CreateIndex": (frozenset({"tags"}), "TagResource"),
}

Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[\w+=,.@-]{1,64}$")]


@dataclass(frozen=True, slots=True)
class Principal:
    """Someone who signs requests.

    name     as it stands in its ARN
    pair     its credentials
    allowed  the operations that it may use, None for all
    """

    name: str
    pair: KeyPair
    allowed: frozenset[str] | None = None


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """A principal as the file has it."""

    name: Name
    access_key: Text
    secret_key: Text
    session_token: str = ""
    allow: tuple[str, ...] = ALL_ACTIONS


def new_principal(access_key: str = "", secret_key: str = "") -> Principal:
    """A principal who may do everything, with a key pair made up now unless it is given."""
    made_up = KeyPair(f"VECGATE{secrets.token_hex(7).upper()[:13]}", secrets.token_hex(20))
    return Principal("local", KeyPair(access_key, secret_key) if access_key else made_up)


def read_principals(path: Path) -> tuple[Principal, ...]:
    """The principals of a TOML file. Raises ConfigError with all that is wrong with it."""
    problems: list[str] = []
    content = read_toml(path)
    problems += [
        f"unknown setting {name!r}; there is [[principal]]" for name in content.keys() - {"principal"}
    ]
    entries = typed_list(_Entry, content.get("principal", []), "principal", problems)
    principals = tuple(_principal(entry, problems) for entry in entries)
    problems += [f"two principals have the {what}" for what in _repeated(principals)]
    if not principals and not problems:
        problems.append("it names no [[principal]]")
    return complete(str(path), principals, problems)


def check_access(
    principal: Principal, operation: str, members: Mapping[str, Any], *, region: str, account: str
) -> None:
    """Raise Refused where *principal* lacks an action that this request needs."""
    if principal.allowed is None:
        return
    for action in actions_needed(operation, members):
        if action not in principal.allowed:
            resource = resource_of(members, region=region, account=account)
            raise Refused(
                "AccessDeniedException",
                f"User: arn:aws:iam::{account}:user/{principal.name} is not authorized to perform: "
                f"{PREFIX}{action} on resource: {resource} because no identity-based policy allows the "
                f"{PREFIX}{action} action",
            )


def actions_needed(operation: str, members: Mapping[str, Any]) -> list[str]:
    """The actions that a request needs, its operation's own first."""
    triggers, further = FURTHER_ACTIONS.get(operation, (frozenset(), ""))
    return [operation, further] if any(members.get(name) for name in triggers) else [operation]


def resource_of(members: Mapping[str, Any], *, region: str, account: str) -> str:
    """The ARN of what a request is about, as it stands in denials; of all buckets where it names none."""
    for name in ("indexArn", "vectorBucketArn", "resourceArn"):
        if name in members:
            return unquote(str(members[name]))
    bucket = str(members.get("vectorBucketName", "*"))
    if "indexName" in members:
        return index_arn(bucket, str(members["indexName"]), region=region, account=account)
    return bucket_arn(bucket, region=region, account=account)


def _principal(entry: _Entry, problems: list[str]) -> Principal:
    allowed = frozenset[str]().union(*(_operations(action, entry.name, problems) for action in entry.allow))
    pair = KeyPair(entry.access_key, entry.secret_key, entry.session_token)
    return Principal(entry.name, pair, None if entry.allow == ALL_ACTIONS else allowed)


def _operations(action: str, principal: str, problems: list[str]) -> list[str]:
    """The operations that *action* stands for: `*` and `?` are wildcards, case does not count, as in IAM."""
    pattern = re.compile(translate(action.replace("[", "[[]")), re.IGNORECASE)
    found = [name for name in service_model().operation_names if pattern.match(PREFIX + name)]
    if not found:
        problems.append(f"principal {principal}: there is no action {action!r}")
    return found


def _repeated(principals: Sequence[Principal]) -> list[str]:
    names = [f"name {each.name!r}" for each in principals]
    keys = [f"access key {each.pair.access_key!r}" for each in principals]
    return sorted({each for column in (names, keys) for each in column if column.count(each) > 1})
