"""The settings that buckets and indexes share: encryption and tags."""

from __future__ import annotations

from collections.abc import Mapping

from vecgate.endpoint.answers import Refused, invalid

#: What is reported where nothing was asked for (observed 2025-10).
DEFAULT_ENCRYPTION: Mapping[str, str] = {"sseType": "AES256"}
KMS = "aws:kms"
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-tags.html (read 2026-11-24)
TAGS_MAX = 50
SYSTEM_PREFIX = "aws:"


def encryption_of(asked: Mapping[str, str] | None, *, default: Mapping[str, str]) -> Mapping[str, str]:
    """The encryption to store. Raises Refused where type and key do not go together (observed 2026-09)."""
    if not asked:
        return default
    sse, key = asked.get("sseType", "AES256"), asked.get("kmsKeyArn")
    if sse != KMS and key:
        raise _bad_encryption("kmsKeyArn must not be specified when sseType is AES256.")
    if sse == KMS and not key:
        raise _bad_encryption("kmsKeyArn must be specified when sseType is set to aws:kms")
    return {"sseType": sse, "kmsKeyArn": key} if key else {"sseType": sse}


def check_tags(tags: Mapping[str, str]) -> None:
    """Raise Refused for tags that the service refuses beyond the framework's rules (observed 2026-09)."""
    if len(tags) > TAGS_MAX:
        raise invalid("Too many tags specified")
    for key in tags:
        if key.startswith(SYSTEM_PREFIX):
            raise invalid("System tags cannot be added/updated by requester")
        if key.lower().startswith(SYSTEM_PREFIX):
            raise invalid(f'Invalid System Tag: {key} must be prefixed with "aws:" in lowercase.')


def _bad_encryption(message: str) -> Refused:
    return invalid(message, path="EncryptionConfiguration")
