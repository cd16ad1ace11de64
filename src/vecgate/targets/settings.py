"""What AWS settings come to: session, region, certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError

from vecgate.errors import UsageError

if TYPE_CHECKING:
    from vecgate.targets.target import TargetChoice


def session_of(choice: TargetChoice) -> Any:  # noqa: ANN401 - boto3 has no types
    """A boto3 session. Raises UsageError where the profile is not there."""
    try:
        return boto3.Session(profile_name=choice.profile or None)
    except BotoCoreError as error:
        raise UsageError(str(error), hint="Look at --profile, AWS_PROFILE and ~/.aws/config.") from error


def region_of(choice: TargetChoice, environment: Mapping[str, str], session: Any) -> tuple[str, str]:  # noqa: ANN401 - boto3 has no types
    """The region and the setting that it came from; two empty strings where there is none.

    boto3 itself ignores AWS_REGION, which every other SDK reads.
    """
    candidates = (
        (choice.region, "--region"),
        (environment.get("AWS_REGION", ""), "AWS_REGION"),
        (environment.get("AWS_DEFAULT_REGION", ""), "AWS_DEFAULT_REGION"),
        (session.region_name or "", "the profile"),
    )
    return next(((region, source) for region, source in candidates if region), ("", ""))


def verify_of(choice: TargetChoice, environment: Mapping[str, str]) -> bool | str:
    """True, False, or the file with the certificates to trust."""
    if not choice.verify:
        return False
    return choice.ca_bundle or environment.get("AWS_CA_BUNDLE") or True
