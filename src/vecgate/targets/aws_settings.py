"""The AWS settings of a choice: session, region, certificates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from vecgate.errors import NoCredentials, UsageError, VecgateError
from vecgate.s3vectors.model import use_newest_model
from vecgate.targets.target import TargetChoice


def create_session(choice: TargetChoice) -> Any:  # noqa: ANN401 - boto3 has no types
    """Return a boto3 session. Raises UsageError if the profile does not exist."""
    try:
        session = boto3.Session(profile_name=choice.profile or None)
    except BotoCoreError as error:
        raise UsageError(str(error), hint="Check --profile, AWS_PROFILE and ~/.aws/config.") from error
    use_newest_model(session)
    return session


def read_credentials(session: Any) -> Any:  # noqa: ANN401 - boto3 has no types
    """Return the credentials of *session*, None without any.

    Whatever goes wrong while they are read, now or when they renew themselves, is raised as NoCredentials: a
    `credential_process` may be missing, print anything, or return credentials that have expired.
    """
    with _credential_errors():
        credentials = session.get_credentials()
    if credentials is not None:
        read = credentials.get_frozen_credentials

        def get_frozen_credentials() -> Any:  # noqa: ANN401 - boto3 has no types
            with _credential_errors():
                return read()

        credentials.get_frozen_credentials = get_frozen_credentials
    return credentials


@contextmanager
def _credential_errors() -> Iterator[None]:
    try:
        yield
    except VecgateError:
        raise
    except Exception as error:  # botocore passes on what a credential_process raises
        reason = str(error).strip() or type(error).__name__
        raise NoCredentials(
            f"the AWS credentials cannot be read: {reason}", hint="Check your AWS profile."
        ) from error


def resolve_region(choice: TargetChoice, environment: Mapping[str, str], session: Any) -> tuple[str, str]:  # noqa: ANN401 - boto3 has no types
    """Return the region and the setting that it comes from; two empty strings if no setting has one.

    boto3 itself ignores AWS_REGION, which every other SDK reads.
    """
    candidates = (
        (choice.region, "--region"),
        (environment.get("AWS_REGION", ""), "AWS_REGION"),
        (environment.get("AWS_DEFAULT_REGION", ""), "AWS_DEFAULT_REGION"),
        (session.region_name or "", "the profile"),
    )
    return next(((region, source) for region, source in candidates if region), ("", ""))


def resolve_verify(choice: TargetChoice, environment: Mapping[str, str]) -> bool | str:
    """Return how certificates are verified: True, False, or the path of a file with trusted certificates."""
    if not choice.verify:
        return False
    return choice.ca_bundle or environment.get("AWS_CA_BUNDLE") or True
