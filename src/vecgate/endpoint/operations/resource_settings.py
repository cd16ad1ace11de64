"""Settings that buckets and indexes have in common: encryption, tags, policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from uuid import UUID

import orjson

from vecgate.endpoint.requests.messages import ApiError, invalid
from vecgate.endpoint.storage.state import State

#: The encryption that is reported if none was requested (observed 2025-10).
DEFAULT_ENCRYPTION: Mapping[str, str] = {"sseType": "AES256"}
KMS = "aws:kms"
#: The only KMS key that does not exist here. AWS refuses every missing key (observed).
MISSING_KEY = "key/00000000-0000-0000-0000-000000000000"
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-tags.html (read 2026-11-24)
TAGS_MAX = 50
SYSTEM_PREFIX = "aws:"
#: Inferred from the policies of S3 buckets, like the texts; no source covers vector buckets.
POLICY_BYTES_MAX = 20 * 1024


def resolve_encryption(
    state: State, requested: Mapping[str, str] | None, *, default: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the encryption to store. Raises ApiError if type and key do not match (observed 2026-09)."""
    if not requested:
        return default
    sse, key = requested.get("sseType", "AES256"), requested.get("kmsKeyArn")
    if sse != KMS and key:
        raise _bad_encryption("kmsKeyArn must not be specified when sseType is AES256.")
    if sse == KMS and not key:
        raise _bad_encryption("kmsKeyArn must be specified when sseType is set to aws:kms")
    if not key:
        return {"sseType": sse}
    _check_kms_key(state, key)
    return {"sseType": sse, "kmsKeyArn": key}


def check_tags(tags: Mapping[str, str]) -> None:
    """Raise ApiError for tags that the service refuses beyond the model's constraints (observed 2026-09)."""
    if len(tags) > TAGS_MAX:
        raise invalid("Too many tags specified")
    check_tag_keys(tags)


def check_tag_keys(keys: Iterable[str]) -> None:
    """Raise ApiError for keys that only AWS may set. That they cannot be removed either is inferred."""
    for key in keys:
        if key.startswith(SYSTEM_PREFIX):
            raise invalid("System tags cannot be added/updated by requester")
        if key.lower().startswith(SYSTEM_PREFIX):
            raise invalid(f'Invalid System Tag: {key} must be prefixed with "aws:" in lowercase.')


def check_policy(policy: str) -> None:
    """Raise ApiError if a policy is too large or not a JSON object. Its content is not checked."""
    if len(policy.encode()) > POLICY_BYTES_MAX:
        raise invalid(f"The policy must have at most {POLICY_BYTES_MAX} bytes", path="policy")
    try:
        document = orjson.loads(policy)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise invalid("Policies must be valid JSON and the first byte must be '{'", path="policy")


def _check_kms_key(state: State, key: str) -> None:
    """Accept only the ARN of a key in the same region (documented; the text is inferred)."""
    if key.split(":")[3] != state.region:
        raise _bad_encryption(f"kmsKeyArn must be the ARN of a key in {state.region}")
    if key.endswith(MISSING_KEY):
        digest = blake2b(f"kms {state.serial}".encode(), digest_size=16).digest()
        request_id = UUID(bytes=digest, version=4)
        raise ApiError("AccessDeniedException", f"Key '{key}' does not exist (kms_request_id={request_id})")


def _bad_encryption(message: str) -> ApiError:
    return invalid(message, path="EncryptionConfiguration")
