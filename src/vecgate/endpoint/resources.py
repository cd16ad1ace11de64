"""The settings that buckets and indexes share: encryption, tags, policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from uuid import UUID

import orjson

from vecgate.endpoint.answers import Refused, invalid
from vecgate.endpoint.state import State

#: What is reported where nothing was asked for (observed 2025-10).
DEFAULT_ENCRYPTION: Mapping[str, str] = {"sseType": "AES256"}
KMS = "aws:kms"
#: The one KMS key that does not exist here; every other does. Ours: AWS was seen to refuse those it lacks.
MISSING_KEY = "key/00000000-0000-0000-0000-000000000000"
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-tags.html (read 2026-11-24)
TAGS_MAX = 50
SYSTEM_PREFIX = "aws:"
#: Inferred from the policies of S3 buckets, as are the texts: no source for vector buckets.
POLICY_BYTES_MAX = 20 * 1024


def encryption_of(
    state: State, asked: Mapping[str, str] | None, *, default: Mapping[str, str]
) -> Mapping[str, str]:
    """The encryption to store. Raises Refused where type and key do not go together (observed 2026-09)."""
    if not asked:
        return default
    sse, key = asked.get("sseType", "AES256"), asked.get("kmsKeyArn")
    if sse != KMS and key:
        raise _bad_encryption("kmsKeyArn must not be specified when sseType is AES256.")
    if sse == KMS and not key:
        raise _bad_encryption("kmsKeyArn must be specified when sseType is set to aws:kms")
    if not key:
        return {"sseType": sse}
    _check_key(state, key)
    return {"sseType": sse, "kmsKeyArn": key}


def check_tags(tags: Mapping[str, str]) -> None:
    """Raise Refused for tags that the service refuses beyond the framework's rules (observed 2026-09)."""
    if len(tags) > TAGS_MAX:
        raise invalid("Too many tags specified")
    check_tag_keys(tags)


def check_tag_keys(keys: Iterable[str]) -> None:
    """Raise Refused for a key that only AWS itself may set. That it may not be removed either is inferred."""
    for key in keys:
        if key.startswith(SYSTEM_PREFIX):
            raise invalid("System tags cannot be added/updated by requester")
        if key.lower().startswith(SYSTEM_PREFIX):
            raise invalid(f'Invalid System Tag: {key} must be prefixed with "aws:" in lowercase.')


def check_policy(policy: str) -> None:
    """Raise Refused for what no policy may be: too large, or not a JSON object. Its words are not judged."""
    if len(policy.encode()) > POLICY_BYTES_MAX:
        raise invalid(f"The policy must have at most {POLICY_BYTES_MAX} bytes", path="policy")
    try:
        document = orjson.loads(policy)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise invalid("Policies must be valid JSON and the first byte must be '{'", path="policy")


def _check_key(state: State, key: str) -> None:
    """Only the full ARN of a key in the same region will do (documented); the text is inferred."""
    if key.split(":")[3] != state.region:
        raise _bad_encryption(f"kmsKeyArn must be the ARN of a key in {state.region}")
    if key.endswith(MISSING_KEY):
        digest = blake2b(f"kms {state.serial}".encode(), digest_size=16).digest()
        request_id = UUID(bytes=digest, version=4)
        raise Refused("AccessDeniedException", f"Key '{key}' does not exist (kms_request_id={request_id})")


def _bad_encryption(message: str) -> Refused:
    return invalid(message, path="EncryptionConfiguration")
