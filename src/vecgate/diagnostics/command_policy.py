"""The IAM policy of a command, as specific as its index and the settings allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError

from vecgate.errors import UsageError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.aws_settings import create_session, resolve_region
from vecgate.targets.iam_policy import ANY, SINGLE_INDEX_COMMANDS, build_policy
from vecgate.targets.target import REGION_HINT, TargetChoice


def build_command_policy(
    command: str,
    choice: TargetChoice,
    environment: Mapping[str, str],
    *,
    bucket: str,
    index: str,
    prefix: str,
    account: str,
) -> dict[str, Any]:
    """Return the policy of *command*. Sends nothing.

    bucket, index  names, empty for any; *index* may be an ARN, which also has the region and the account
    prefix         of the names of buckets, for commands that create them
    account        empty for any
    """
    if index.startswith("arn:"):
        address = IndexAddress.parse(index=index)
        _, partition, _, region, account, _ = address.arn.split(":", 5)
        location = {"partition": partition, "region": region, "account": account}
        return build_policy(command, bucket=address.bucket_name, index=address.index_name, **location)
    if not (bucket or index or command in SINGLE_INDEX_COMMANDS):
        bucket = f"{prefix}-*"
    session = create_session(choice)
    region = resolve_region(choice, environment, session)[0]
    location = {
        "partition": _resolve_partition(session, region) if region else "aws",
        "region": region or ANY,
        "account": account or ANY,
    }
    return build_policy(command, bucket=bucket or ANY, index=index or ANY, **location)


def _resolve_partition(session: Any, region: str) -> str:  # noqa: ANN401 - boto3 has no types
    try:
        return str(session.get_partition_for_region(region))
    except BotoCoreError:
        raise UsageError(f"{region!r} is not an AWS region", hint=REGION_HINT) from None
