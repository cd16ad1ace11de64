"""Check which target a run uses and with which credentials. Only STS GetCallerIdentity is requested.

No message shows a secret: an access key is reduced to its last four characters, and a URL has no user part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from vecgate.diagnostics.diagnostic import Diagnostic, DiagnosticGrade
from vecgate.targets.account import caller_identity
from vecgate.targets.resolution import TARGET_VARIABLES, resolve_target
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url_target import LOCAL_CREDENTIALS

#: botocore's name of a source of credentials to the name in messages.
SOURCES = {
    "env": "the environment",
    "shared-credentials-file": "the credentials file",
    "config-file": "the configuration file",
    "custom-process": "a process of the profile",
    "assume-role": "an assumed role",
    "assume-role-with-web-identity": "a role by web identity",
    "sso": "IAM Identity Center",
    "login": "`aws login`",
    "iam-role": "the role of the instance",
    "container-role": "the role of the container",
}
SHOWN_CHARACTERS = 4
USER_OF_URL = re.compile(r"//[^/\s@]+@")
#: Credentials that expire sooner get a warning.
EXPIRY_WARNING = timedelta(minutes=15)
RENEW = "Renew the credentials, for example with `aws sso login`."


def check_target(choice: TargetChoice, environment: Mapping[str, str]) -> Diagnostic:
    """Report the target and the setting that names it. Raises UsageError if no setting names one."""
    name, source = resolve_target(choice, environment)
    others = [each for each in TARGET_VARIABLES if environment.get(each) and each != source]
    ignored = f"; {' and '.join(others)} ignored" if others else ""
    return Diagnostic("target", "ok", f"{strip_user(name)}, from {source}{ignored}")


def check_region(target: Target, environment: Mapping[str, str]) -> Diagnostic:
    """Report the region and the setting that it comes from."""
    others = {
        variable: value
        for variable in ("AWS_REGION", "AWS_DEFAULT_REGION")
        if (value := environment.get(variable)) and value != target.region
    }
    ignored = "".join(f"; {value} from {variable} ignored" for variable, value in others.items())
    return Diagnostic("region", "ok", f"{target.region}, from {target.region_source}{ignored}")


def check_credentials(target: Target, *, now: datetime) -> Diagnostic:
    """Report the access key, the source of the credentials, and when they expire."""
    credentials = target.credentials
    if credentials is LOCAL_CREDENTIALS:
        return Diagnostic("credentials", "ok", "placeholder `local`, for servers that check no signatures")
    try:
        frozen = credentials.get_frozen_credentials()
    except (BotoCoreError, ClientError) as error:
        return Diagnostic("credentials", "failed", f"they cannot be read: {error}", RENEW)
    # botocore has no public attribute for it. Credentials that do not expire have none.
    expires_at = getattr(credentials, "_expiry_time", None)
    grade, expiry = _check_expiry(expires_at, is_temporary=bool(frozen.token), now=now)
    source = SOURCES.get(credentials.method, "the settings of the target")
    message = f"access key {mask(frozen.access_key)} from {source}, {expiry}"
    return Diagnostic("credentials", grade, message, "" if grade == "ok" else RENEW)


def check_account(target: Target) -> tuple[Diagnostic, str, str]:
    """Return the diagnostic of the caller's identity by STS, the account, and the ARN of the caller. Both are
    empty if STS fails.
    """
    try:
        identity = caller_identity(target)
    except (BotoCoreError, ClientError) as error:
        hint = "No run needs STS. For a policy, --account names the account."
        return Diagnostic("account", "warning", f"STS did not return it: {error}", hint), "", ""
    account, arn = identity["Account"], identity["Arn"]
    return Diagnostic("account", "ok", f"{account}, {arn}"), account, arn


def mask(access_key: str) -> str:
    """Return the last characters of *access_key*, enough to recognise it; of a short one none."""
    return "…" + (access_key[-SHOWN_CHARACTERS:] if len(access_key) > 2 * SHOWN_CHARACTERS else "")


def strip_user(text: str) -> str:
    """Return *text* without the users and passwords of the URLs in it."""
    return USER_OF_URL.sub("//", text)


def _check_expiry(
    expires_at: datetime | None, *, is_temporary: bool, now: datetime
) -> tuple[DiagnosticGrade, str]:
    if expires_at is None:
        return "ok", "temporary, expiry unknown" if is_temporary else "long-term"
    shown = f"{expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if expires_at <= now:
        return "failed", f"expired at {shown}"
    minutes = int((expires_at - now).total_seconds() // 60)
    return ("warning" if expires_at - now < EXPIRY_WARNING else "ok"), f"valid until {shown} ({minutes} min)"
