"""Find what can never match in a policy: wrong ARNs, unknown actions, actions on the wrong type of resource.

Both kinds of policies are understood: those of IAM, and those of a vector bucket. Whether a policy allows a
request is not judged, because several policies together decide that; the probes of the operations show it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Self

import orjson

from vecgate.diagnostics.diagnostic import Diagnostic
from vecgate.s3vectors.model import service_model
from vecgate.targets.iam_policy import ResourceType, resource_type_of

SERVICE = "s3vectors"
FORM = "arn:aws:s3vectors:REGION:ACCOUNT:bucket/BUCKET or …:bucket/BUCKET/index/INDEX"
ARN_FIELDS = 6
EFFECTS = ("Allow", "Deny")
#: Actions of every service.
ANY_ACTION = frozenset({"*", "*:*"})
#: The part of an ARN after the account. `*` and `?` are wildcards, also across slashes.
RESOURCE = re.compile(r"\*|bucket/[a-z0-9.*?-]+(/index/[a-z0-9.*?-]+)?")
WILDCARDS = re.compile(r"[*?]")
_VARIABLE = re.compile(r"\$\{[^}]*\}")


def check_policy(
    document: str | bytes,
    source: str,
    *,
    region: str = "",
    account: str = "",
    may_be_of_others: bool = False,
) -> Diagnostic:
    """Return the diagnostic of the policy *document*, which came from *source*.

    region, account   that the resources must have, empty if any will do
    may_be_of_others  a policy without a statement about S3 Vectors is skipped; otherwise it fails, because it
                      can allow and deny nothing here
    """
    try:
        policy = orjson.loads(document)
    except orjson.JSONDecodeError:
        return Diagnostic("policy", "failed", f"{source} is not JSON", "A policy is a JSON object.")
    if not isinstance(policy, dict) or "Statement" not in policy:
        return Diagnostic(
            "policy", "failed", f"{source} has no Statement", "A policy is a JSON object with it."
        )
    problems = list(policy_problems(policy, region=region, account=account))
    if not problems and not _is_about_service(policy):
        hint = f"Actions begin with {SERVICE}:, and resources have the form {FORM}."
        message = f"{source}: no statement is about S3 Vectors"
        return Diagnostic("policy", "skipped" if may_be_of_others else "failed", message, hint)
    if not problems:
        return Diagnostic("policy", "ok", f"{source}: every action and resource can match")
    hint = f"Write resources as {FORM}." if any("ARN" in problem for problem in problems) else ""
    return Diagnostic("policy", "failed", f"{source}: {'; '.join(problems)}", hint)


def policy_problems(policy: Mapping[str, Any], *, region: str = "", account: str = "") -> Iterator[str]:
    """Yield what can never match in *policy*, one sentence for each. Other services are ignored."""
    for number, found in enumerate(_listed(policy.get("Statement")), 1):
        if not isinstance(found, Mapping):
            yield f"statement {number} is not an object"
            continue
        name = f"statement {found['Sid']!r}" if found.get("Sid") else f"statement {number}"
        problems = _Statement.read(found).problems(region, account)
        yield from (f"{name}: {problem}" for problem in (*problems, *_form_problems(found)))


@dataclass(frozen=True, slots=True)
class _Statement:
    """The actions and the resources of a statement, or if they are excluded those that it does not mean."""

    actions: Sequence[str]
    resources: Sequence[str]
    excludes_actions: bool
    excludes_resources: bool

    @classmethod
    def read(cls, statement: Mapping[str, Any]) -> Self:
        """Return the statement in JSON. Anything else than texts is ignored."""
        excludes_actions, excludes_resources = "NotAction" in statement, "NotResource" in statement
        return cls(
            _texts(statement.get("NotAction" if excludes_actions else "Action")),
            _texts(statement.get("NotResource" if excludes_resources else "Resource")),
            excludes_actions,
            excludes_resources,
        )

    @property
    def is_about_service(self) -> bool:
        """Some action of S3 Vectors on some resource of it may match."""
        return self._has_own_action and (
            self.excludes_resources or any(not _is_of_other_service(each) for each in self.resources)
        )

    def problems(self, region: str, account: str) -> Iterator[str]:
        """Yield what can never match."""
        yield from filter(None, map(_action_problem, self.actions))
        # A statement about several services has resources of each.
        is_ours_alone = not self.excludes_actions and all(map(_is_ours, self.actions))
        judged = [each for each in self.resources if is_ours_alone or not _is_of_other_service(each)]
        named = [each for each in judged if f":{SERVICE}:" in each]
        if not self._has_own_action and not named:
            return
        if self.excludes_resources:
            region = account = ""
        problems = list(filter(None, (_resource_problem(each, region, account) for each in judged)))
        yield from problems
        if problems or self.excludes_actions or self.excludes_resources:
            return
        if not self._has_own_action:
            yield f"no action is one of {SERVICE}, so {named[0]!r} never matches"
        elif judged:
            yield from _unmatched(self.actions, judged)
        elif self.resources and (ours := [each for each in self.actions if _is_ours(each)]):
            yield f"no resource is one of {SERVICE}, so {_some(ours)} never match"

    @property
    def _has_own_action(self) -> bool:
        if self.excludes_actions:
            return not any(each in ANY_ACTION or each.lower() == f"{SERVICE}:*" for each in self.actions)
        return any(each in ANY_ACTION or _is_ours(each) for each in self.actions)


def _is_about_service(policy: Mapping[str, Any]) -> bool:
    statements = (each for each in _listed(policy["Statement"]) if isinstance(each, Mapping))
    return any(_Statement.read(each).is_about_service for each in statements)


def _form_problems(statement: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problems for which IAM refuses the whole policy."""
    if statement.get("Effect") not in EFFECTS:
        yield f"its Effect must be {' or '.join(EFFECTS)}"
    for name in ("Action", "Resource"):
        if len({name, f"Not{name}"} & statement.keys()) != 1:
            yield f"it needs either {name} or Not{name}"


def _action_problem(action: str) -> str:
    service, colon, name = action.partition(":")
    if action in ANY_ACTION or (colon and service.lower() != SERVICE):
        lookalike = service.lower().replace("-", "").replace("_", "") == SERVICE
        return f"there is no service {service!r}; actions begin with {SERVICE}:" if lookalike else ""
    if not colon:
        return f"{action!r} is no action; it must begin with {SERVICE}:"
    known = service_model().operation_names
    if any(_matches(name.lower(), each.lower()) for each in known):
        return ""
    close = get_close_matches(name, known, n=1)
    return f"there is no action {action!r}" + (f"; did you mean {SERVICE}:{close[0]}?" if close else "")


def _resource_problem(resource: str, region: str, account: str) -> str:
    """Return why *resource* matches no vector bucket and no index, empty if it can."""
    # The value of a policy variable is unknown.
    plain = _VARIABLE.sub("*", resource)
    fields = plain.split(":", ARN_FIELDS - 1)
    if plain == "*":
        return ""
    if len(fields) < ARN_FIELDS or fields[0] != "arn":
        return "" if _matches(plain, "arn:aws:s3vectors") else f"{resource!r} is not an ARN"
    _, _, service, in_region, in_account, path = fields
    if not _matches(service, SERVICE):
        return f"the ARN {resource!r} is one of {service}, not of {SERVICE}" + (
            ": vector buckets have ARNs of their own" if service == "s3" else ""
        )
    if not RESOURCE.fullmatch(path):
        return f"the ARN {resource!r} matches no vector bucket and no index{_fix(path)}"
    for name, found, wanted in (("region", in_region, region), ("account", in_account, account)):
        if wanted and not _matches(found, wanted):
            return f"the ARN {resource!r} is of the {name} {found or 'none'}, but the target's is {wanted}"
    return ""


def _fix(path: str) -> str:
    kind, _, rest = path.partition("/")
    bucket, _, index = rest.partition("/")
    index = index.removeprefix("index/")
    if kind in {"vector-bucket", "vectorbucket", "buckets"} and bucket:
        return f"; right is bucket/{bucket}{f'/index/{index}' if index else ''}"
    if kind == "bucket" and bucket and index:
        return f"; right is bucket/{bucket}/index/{index}"
    if kind in {"index", "vector-index"}:
        return "; right is bucket/BUCKET/index/INDEX"
    return "" if "/" in path else f"; right is bucket/{path}"


def _unmatched(actions: Sequence[str], resources: Sequence[str]) -> Iterator[str]:
    """Yield the problem of actions on indexes whose resources are buckets only, and the reverse."""
    paths = [
        resource if resource == "*" else resource.split(":", ARN_FIELDS - 1)[-1] for resource in resources
    ]
    covers_index = any("/index/" in path or path.endswith("*") for path in paths)
    covers_bucket = any("/index/" not in path for path in paths)
    on_index = _operations(actions, "index", any_action=True)
    # All actions on an index alone are a usual restriction.
    on_bucket = _operations(actions, "bucket", any_action=False)
    if on_index and not covers_index:
        yield (
            f"the ARN covers the bucket alone, so {_some(on_index)} never match; add {resources[0]}/index/*"
        )
    if on_bucket and not covers_bucket:
        bucket = resources[0].partition("/index/")[0]
        yield f"the ARN covers indexes alone, so {_some(on_bucket)} never match; add {bucket}"


def _operations(actions: Sequence[str], kind: ResourceType, *, any_action: bool) -> list[str]:
    """Return the operations on resources of *kind* that *actions* name, or stand for if *any_action*.

    With another wildcard, actions that do not match are no oversight.
    """
    patterns = [action.partition(":")[2].lower() for action in actions if _is_ours(action)]
    exact = {pattern for pattern in patterns if not WILDCARDS.search(pattern)}
    is_any = any_action and "*" in patterns
    names = service_model().operation_names
    return [name for name in names if (is_any or name.lower() in exact) and resource_type_of(name) == kind]


def _is_ours(action: str) -> bool:
    return action.lower().startswith(f"{SERVICE}:")


def _is_of_other_service(resource: str) -> bool:
    fields = _VARIABLE.sub("*", resource).split(":", ARN_FIELDS - 1)
    return len(fields) == ARN_FIELDS and fields[0] == "arn" and not _matches(fields[2], SERVICE)


def _matches(pattern: str, text: str) -> bool:
    """Return whether *text* matches *pattern*, in which only `*` and `?` are special."""
    parts = re.split(r"(\*+|\?)", pattern)
    expression = "".join(
        ".*" if part.startswith("*") else "." if part == "?" else re.escape(part) for part in parts
    )
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _some(names: Sequence[str]) -> str:
    return f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"  # noqa: PLR2004


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _texts(value: object) -> list[str]:
    return [each for each in _listed(value) if isinstance(each, str)]
