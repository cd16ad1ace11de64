"""Amazon S3 Vectors itself."""

from __future__ import annotations

from collections.abc import Mapping

from vecgate.errors import NoCredentials, UsageError
from vecgate.targets.aws_settings import create_session, read_credentials, resolve_region, resolve_verify
from vecgate.targets.target import Target, TargetChoice


def aws_target(choice: TargetChoice, environment: Mapping[str, str]) -> Target:
    """Return Amazon as a target, with the region and the credentials of the user.

    Raises UsageError without a region, NoCredentials without credentials.
    """
    session = create_session(choice)
    region, source = resolve_region(choice, environment, session)
    if not region:
        raise UsageError("no AWS region is set", hint="Use --region, or set AWS_REGION.")
    credentials = read_credentials(session)
    if credentials is None:
        raise NoCredentials(
            "no AWS credentials were found",
            hint="Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws sso login`.",
        )
    return Target("aws", None, region, source, credentials, resolve_verify(choice, environment), session)
