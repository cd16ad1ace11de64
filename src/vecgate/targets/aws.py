"""Amazon's own S3 Vectors."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.exceptions import BotoCoreError

from vecgate.errors import NoCredentials, UsageError
from vecgate.targets.settings import region_of, session_of, verify_of
from vecgate.targets.target import Target, TargetChoice


def aws_target(choice: TargetChoice, environment: Mapping[str, str]) -> Target:
    """Amazon, with the region and credentials of the user.

    Raises UsageError where there is no region, NoCredentials where there are none.
    """
    session = session_of(choice)
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
    return Target("aws", None, region, source, credentials, verify_of(choice, environment), session)
