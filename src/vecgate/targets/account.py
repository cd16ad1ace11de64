"""The AWS account of a target."""

from __future__ import annotations

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError

from vecgate.targets.target import Target

STS_TIMEOUT_S = 5


def caller_identity(target: Target) -> dict[str, str]:
    """Return Account and Arn from STS GetCallerIdentity for *target*. Raises botocore's errors.

    A proxy that answers in the place of STS is an HTTPClientError.
    """
    settings = Config(
        connect_timeout=STS_TIMEOUT_S, read_timeout=STS_TIMEOUT_S, retries={"total_max_attempts": 1}
    )
    client = target.session.client("sts", region_name=target.region, verify=target.verify, config=settings)
    try:
        answer = client.get_caller_identity()
        identity = {name: answer[name] for name in ("Account", "Arn")}
    except (ResponseParserError, KeyError, ValueError) as error:
        raise HTTPClientError(error="the answer is not one of STS") from error
    return identity


def resolve_account(target: Target) -> str:
    """Return the account of a target on Amazon, from its credentials or from STS. Empty if unknown."""
    if target.name != "aws":
        return ""
    known = getattr(target.credentials, "account_id", "")
    if known:
        return str(known)
    try:
        return caller_identity(target)["Account"]
    except (BotoCoreError, ClientError):
        return ""
