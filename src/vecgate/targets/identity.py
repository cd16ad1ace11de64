"""Where a run would go and as whom, by which settings. Nothing is sent but, to STS, the question who we are.

No finding shows a secret: of an access key the last four characters, of a URL nothing before its host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from vecgate.targets.findings import Finding, Grade
from vecgate.targets.target import NAMING_VARIABLES, Target, TargetChoice, named_by
from vecgate.targets.url import LOCAL_CREDENTIALS

#: botocore's name for where credentials came from, to ours.
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
#: Credentials that end sooner are worth a word.
SOON = timedelta(minutes=15)
STS_TIMEOUT_S = 5
RENEW = "Renew them: `aws sso login`, or what else gave them to you."


def target_finding(choice: TargetChoice, environment: Mapping[str, str]) -> Finding:
    """Where a run goes and which setting won. Raises UsageError where none names a target."""
    name, source = named_by(choice, environment)
    others = [each for each in NAMING_VARIABLES if environment.get(each) and each != source]
    passed_over = f"; {' and '.join(others)} passed over" if others else ""
    return Finding("target", "ok", f"{bare(name)}, from {source}{passed_over}")


def region_finding(target: Target, environment: Mapping[str, str]) -> Finding:
    """The region and which setting won."""
    others = {
        variable: value
        for variable in ("AWS_REGION", "AWS_DEFAULT_REGION")
        if (value := environment.get(variable)) and value != target.region
    }
    passed_over = "".join(f"; {value} from {variable} passed over" for variable, value in others.items())
    return Finding("region", "ok", f"{target.region}, from {target.region_source}{passed_over}")


def credentials_finding(target: Target, *, now: datetime) -> Finding:
    """Whose they are, where they came from, and when they end."""
    credentials = target.credentials
    if credentials is LOCAL_CREDENTIALS:
        told = "the stand-in `local`, which opens what checks no signatures"
        return Finding("credentials", "ok", told)
    try:
        frozen = credentials.get_frozen_credentials()
    except (BotoCoreError, ClientError) as error:
        return Finding("credentials", "failed", f"they cannot be read: {error}", RENEW)
    # botocore tells it nowhere else, and those that do not end have none.
    ends_at = getattr(credentials, "_expiry_time", None)
    grade, ending = _ending(ends_at, is_temporary=bool(frozen.token), now=now)
    source = SOURCES.get(credentials.method, "the settings of the target")
    told = f"access key {masked(frozen.access_key)} from {source}, {ending}"
    return Finding("credentials", grade, told, "" if grade == "ok" else RENEW)


def account_finding(target: Target) -> tuple[Finding, str]:
    """Who the credentials of a target on Amazon are by STS, and the account; empty where STS does not say."""
    settings = Config(
        connect_timeout=STS_TIMEOUT_S, read_timeout=STS_TIMEOUT_S, retries={"total_max_attempts": 1}
    )
    try:
        client = target.session.client(
            "sts", region_name=target.region, verify=target.verify, config=settings
        )
        told: Mapping[str, Any] = client.get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        way_out = "Nothing needs STS; `--account` names the account for a policy."
        return Finding("account", "warning", f"STS does not say: {error}", way_out), ""
    return Finding("account", "ok", f"{told['Account']}, {told['Arn']}"), str(told["Account"])


def account_of(target: Target) -> str:
    """The account on Amazon, by its credentials or by STS; empty where neither says, and elsewhere."""
    if target.name != "aws":
        return ""
    return str(getattr(target.credentials, "account_id", "") or "") or account_finding(target)[1]


def masked(access_key: str) -> str:
    """The end of *access_key*, enough to tell it from others."""
    return "…" + (access_key[-SHOWN_CHARACTERS:] if len(access_key) > 2 * SHOWN_CHARACTERS else "")


def bare(text: str) -> str:
    """*text* without the users and passwords of the URLs in it."""
    return USER_OF_URL.sub("//", text)


def _ending(ends_at: datetime | None, *, is_temporary: bool, now: datetime) -> tuple[Grade, str]:
    if ends_at is None:
        return "ok", "temporary, nobody says until when" if is_temporary else "long-term"
    at = f"{ends_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if ends_at <= now:
        return "failed", f"ended at {at}"
    left = int((ends_at - now).total_seconds() // 60)
    return ("warning" if ends_at - now < SOON else "ok"), f"temporary, until {at} ({left} min)"
