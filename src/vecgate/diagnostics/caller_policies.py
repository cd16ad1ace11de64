"""Read the policies that apply to a target, as far as the caller may: of the bucket, and of the caller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import orjson
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from vecgate.diagnostics.diagnostic import Diagnostic
from vecgate.diagnostics.permission_probes import ProbeAddress, send_probe
from vecgate.diagnostics.policy_check import SERVICE, check_policy
from vecgate.targets.account import STS_TIMEOUT_S
from vecgate.targets.target import Target

CHECK = "policy"
#: Policies that Amazon wrote.
_MANAGED_BY_AMAZON = "arn:aws:iam::aws:policy/"
_USER_ARN_PART, _ROLE_ARN_PART = ":user/", ":assumed-role/"


def check_bucket_policy(client: Any, target: Target, address: ProbeAddress) -> Diagnostic:  # noqa: ANN401 - boto3
    """Return the diagnostic of the policy of the user's bucket."""
    reply = send_probe(client, "GetVectorBucketPolicy", {"vectorBucketName": address.bucket})
    if reply.code:
        reason = "has none" if reply.status == 404 else "cannot be read"  # noqa: PLR2004 - not found
        return Diagnostic(CHECK, "skipped", f"the bucket {address.bucket} {reason}")
    source = f"the policy of the bucket {address.bucket}"
    found = check_policy(
        str(reply.body.get("policy", "")), source, region=target.region, account=address.account
    )
    return _as_warning(found)


def check_caller_policies(target: Target, caller_arn: str, *, account: str) -> Iterator[Diagnostic]:
    """Yield the diagnostics of the caller's own policies about S3 Vectors, on Amazon.

    IAM is asked, which few callers may; then the one diagnostic is skipped.
    """
    settings = Config(
        connect_timeout=STS_TIMEOUT_S, read_timeout=STS_TIMEOUT_S, retries={"total_max_attempts": 1}
    )
    client = target.session.client("iam", region_name=target.region, verify=target.verify, config=settings)
    try:
        with closing(client):
            documents = list(_documents(client, caller_arn))
    except (BotoCoreError, ClientError) as error:
        yield Diagnostic(CHECK, "skipped", f"the policies of the caller cannot be read: {error}")
        return
    for name, document in documents:
        if SERVICE in document or "vector" in document:
            where = {"region": target.region, "account": account}
            found = check_policy(document, f"the policy {name}", **where, may_be_of_others=True)
            if found.grade != "skipped":
                yield _as_warning(found)


def _as_warning(found: Diagnostic) -> Diagnostic:
    """Return *found* as a warning: another policy may allow what this one does not."""
    return replace(found, grade="warning") if found.grade == "failed" else found


def _documents(client: Any, caller_arn: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - boto3
    """Yield the name and the document of each policy of a user or a role."""
    if _USER_ARN_PART in caller_arn:
        kind, name = "user", caller_arn.rsplit("/", 1)[1]
    elif _ROLE_ARN_PART in caller_arn:
        kind, name = "role", caller_arn.split(_ROLE_ARN_PART, 1)[1].partition("/")[0]
    else:
        return
    member = {f"{kind.title()}Name": name}
    for page in client.get_paginator(f"list_{kind}_policies").paginate(**member):
        for policy in page["PolicyNames"]:
            answer = getattr(client, f"get_{kind}_policy")(**member, PolicyName=policy)
            yield policy, _text(answer["PolicyDocument"])
    for page in client.get_paginator(f"list_attached_{kind}_policies").paginate(**member):
        for policy in page["AttachedPolicies"]:
            arn = policy["PolicyArn"]
            if arn.startswith(_MANAGED_BY_AMAZON):
                continue
            version = client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            answer = client.get_policy_version(PolicyArn=arn, VersionId=version)
            yield policy["PolicyName"], _text(answer["PolicyVersion"]["Document"])


def _text(document: object) -> str:
    """Return a document as JSON. boto3 decodes it, other answers are encoded for URLs."""
    return unquote(document) if isinstance(document, str) else orjson.dumps(document).decode()
