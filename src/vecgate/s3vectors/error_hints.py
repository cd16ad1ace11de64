"""Tells what to do about each error code of the service, and about those that other layers answer with."""

from __future__ import annotations

from http import HTTPStatus

#: Operation to the command whose policy allows it.
_POLICIES = {
    "PutVectors": "put",
    "DeleteVectors": "delete",
    "QueryVectors": "query",
    "GetVectors": "scan",
    "ListVectors": "scan",
    "GetIndex": "put",
    "CreateIndex": "put-create",
    "CreateVectorBucket": "put-create",
}
_RENEW = "Renew the credentials, for example with `aws sso login`."
_SIGNATURE = "The secret key, the region or the clock is wrong; `vecgate doctor` checks them."
_UNKNOWN_CALLER = "The target does not know this access key: check --profile and the AWS_… variables."
_KMS = "Check the KMS key of the bucket or index and its policy, and that it is in the same region."
_THROTTLED = "Lower --rate and --requests-per-s, or wait: another writer may use the same index."
_LATER = "Try again later, with --resume for an ingest; `vecgate doctor` checks the target."
#: Error code to its hint, `{operation}` and `{policy}` filled in.
_BY_CODE = {
    "AccessDeniedException": (
        "Allow s3vectors:{operation} to these credentials; `vecgate doctor --policy {policy}` prints a "
        "policy."
    ),
    "ConflictException": "It exists already, or another request changes it; try again, or use another name.",
    "InternalServerException": _LATER,
    "KmsDisabledException": "Enable the KMS key of the bucket or index.",
    "KmsInvalidKeyUsageException": "Use a symmetric KMS key for encryption and decryption.",
    "KmsInvalidStateException": "The KMS key is being deleted or is not available: check its state.",
    "KmsNotFoundException": _KMS,
    "NotFoundException": "Check the names of bucket and index, the account and the region.",
    "RequestTimeoutException": _LATER,
    "ServiceQuotaExceededException": (
        "Remove what is not needed (`vecgate clean` removes what runs left), or request a higher quota."
    ),
    "ServiceUnavailableException": _LATER,
    "TooManyRequestsException": _THROTTLED,
    "ValidationException": (
        "The message says which value the service refuses; `vecgate put --check` finds wrong records."
    ),
    "ThrottlingException": _THROTTLED,
    "ExpiredTokenException": _RENEW,
    "ExpiredToken": _RENEW,
    "InvalidSignatureException": _SIGNATURE,
    "SignatureDoesNotMatch": _SIGNATURE,
    "RequestExpired": "Set the clock: signatures of a wrong time are refused.",
    "RequestTimeTooSkewed": "Set the clock: signatures of a wrong time are refused.",
    "IncompleteSignatureException": _SIGNATURE,
    "MissingAuthenticationTokenException": "The target needs credentials: set --profile or AWS_… variables.",
    "UnrecognizedClientException": _UNKNOWN_CALLER,
    "InvalidClientTokenId": _UNKNOWN_CALLER,
    "InvalidAccessKeyId": _UNKNOWN_CALLER,
}
_BY_STATUS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: _UNKNOWN_CALLER,
    HTTPStatus.FORBIDDEN: _BY_CODE["AccessDeniedException"],
    HTTPStatus.NOT_FOUND: _BY_CODE["NotFoundException"],
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Send fewer vectors in a request: --batch.",
    HTTPStatus.TOO_MANY_REQUESTS: _THROTTLED,
}
_OTHER = "No S3 Vectors service is known to answer so: check the URL, and the proxies on the way."


def error_hint(operation: str, code: str, status: int) -> str:
    """Return what to do about the error *code* with the HTTP *status*, in answer to *operation*."""
    hint = _BY_CODE.get(code) or _BY_STATUS.get(status) or (_LATER if is_server_error(status) else _OTHER)
    return hint.format(operation=operation, policy=_POLICIES.get(operation, "conform"))


def is_server_error(status: int) -> bool:
    """Return True for a status that says that the server failed."""
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR
