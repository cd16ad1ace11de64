"""Find what can never match in a policy: wrong ARNs, unknown actions, actions on the wrong type of resource.

Both kinds of policies are understood: those of IAM, and those of a vector bucket. Whether a policy allows a
request is not judged, because several policies together decide that; the probes of the operations show it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

import orjson

from vecgate.diagnostics.diagnostic import Diagnostic
from vecgate.s3vectors.model import service_model
from vecgate.targets.iam_policy import ResourceType, resource_type_of

SERVICE = "s3vectors"
FORM = "arn:aws:s3vectors:REGION:ACCOUNT:bucket/BUCKET or …:bucket/BUCKET/index/INDEX"
ARN_FIELDS = 6
#: The part of an ARN after the account. `*` and `?` are wildcards, also across slashes.
RESOURCE = re.compile(r"\*|bucket/[a-z0-9.*?-]+(/index/[a-z0-9.*?-]+)?")
WILDCARDS = re.compile(r"[*?]")
_VARIABLE = re.compile(r"\$\{[^}]*\}")


def check_policy(document: str | bytes, source: str, *, region: str = "", account: str = "") -> Diagnostic:
    """Return the diagnostic of the policy *document*, which came from *source*.

    region, account  that the resources must have, empty if any will do
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
    if not problems:
        return Diagnostic("policy", "ok", f"{source}: every action and resource can match")
    hint = f"Write resources as {FORM}." if any("ARN" in problem for problem in problems) else ""
    return Diagnostic("policy", "failed", f"{source}: {'; '.join(problems)}", hint)


def policy_problems(policy: Mapping[str, Any], *, region: str = "", account: str = "") -> Iterator[str]:
    """Yield what can never match in *policy*, one sentence for each. Other services are ignored."""
    for number, statement in enumerate(_listed(policy.get("Statement")), 1):
        name = f"statement {number}"
        if not isinstance(statement, Mapping):
            yield f"{name} is not an object"
            continue
        name = f"statement {statement['Sid']!r}" if statement.get("Sid") else name
        actions = _texts(statement.get("Action"))
        resources = _texts(statement.get("Resource"))
        is_ours = any(action.lower().startswith(f"{SERVICE}:") or action == "*" for action in actions)
        yield from (f"{name}: {problem}" for action in actions if (problem := _action_problem(action)))
        if not is_ours and not any(f":{SERVICE}:" in resource for resource in resources):
            continue
        problems = [_resource_problem(resource, region, account) for resource in resources]
        yield from (f"{name}: {problem}" for problem in problems if problem)
        if resources and not any(problems):
            yield from (f"{name}: {problem}" for problem in _unmatched(actions, resources))


def _action_problem(action: str) -> str:
    service, colon, name = action.partition(":")
    if action == "*" or (colon and service.lower() != SERVICE):
        lookalike = service.lower().replace("-", "").replace("_", "") == SERVICE
        return f"there is no service {service!r}; actions begin with {SERVICE}:" if lookalike else ""
    if not colon:
        return f"{action!r} is no action; it must begin with {SERVICE}:"
    known = service_model().operation_names
    if any(fnmatchcase(each.lower(), name.lower()) for each in known):
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
        return "" if fnmatchcase("arn:aws:s3vectors", plain) else f"{resource!r} is not an ARN"
    _, _, service, in_region, in_account, path = fields
    if not fnmatchcase(SERVICE, service):
        return f"the ARN {resource!r} is one of {service}, not of {SERVICE}" + (
            ": vector buckets have ARNs of their own" if service == "s3" else ""
        )
    if not RESOURCE.fullmatch(path):
        return f"the ARN {resource!r} matches no vector bucket and no index{_fix(path)}"
    for name, found, wanted in (("region", in_region, region), ("account", in_account, account)):
        if wanted and not fnmatchcase(wanted, found):
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


def _some(names: Sequence[str]) -> str:
    return f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"  # noqa: PLR2004


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _texts(value: object) -> list[str]:
    return [each for each in _listed(value) if isinstance(each, str)]
