"""All exceptions that vecgate raises.

VecgateError
├── UsageError                 the request makes no sense as given: correct the command or the argument
│   ├── ConfigError            a setting is out of range, or two settings contradict each other
│   ├── SourceError            the input cannot be read as records
│   ├── DirectoryInUse         another endpoint is using the data directory
│   ├── IndexUnusable          the index does not exist, or does not fit the input
│   └── JournalMismatch        the journal belongs to another file, index or operation
├── InvalidRecord              one record cannot be written; the others can
├── TooManyRejects             so many records cannot be written that the input must be wrong
├── TargetError                the target cannot be used
│   ├── NoCredentials          there are no credentials to sign with
│   └── TargetUnreachable      no connection, or a connection that broke
│       └── NotReadyInTime     a server that vecgate started was not ready within its time
├── ServiceError               the service answered with an error code
├── TransportError             no complete response arrived; the request may have been applied
│   └── UnexpectedResponse     a response arrived, but not one of an S3 Vectors service; a ProtocolError too
├── ProtocolError              the response is not one of an S3 Vectors service
├── OutputError                standard output or standard error cannot be written
└── JournalError               the journal cannot be written, so acknowledgements cannot be stored

A message says what is wrong, how much, and what is allowed; *hint* says what to do. No message contains
credentials, vector values or signed headers. Retry decisions read attributes, never text.
"""

from __future__ import annotations


class VecgateError(Exception):
    """The root of all exceptions. *hint* is one sentence that says what to do, or empty."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(VecgateError):
    """The request makes no sense as given."""


class ConfigError(UsageError):
    """A setting is out of range, or two settings contradict each other."""


class SourceError(UsageError):
    """The input cannot be read as records."""


class DirectoryInUse(UsageError):
    """Another endpoint is using the data directory."""


class IndexUnusable(UsageError):
    """The index does not exist, or does not fit the input."""


class JournalMismatch(UsageError):
    """The journal belongs to another file, index or operation."""


class InvalidRecord(VecgateError):
    """One record cannot be written; the others can.

    key      of the record; empty if it has none
    problem  what is wrong, how much, and what is allowed
    """

    key: str
    problem: str

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"record {key!r}: {problem}")
        self.key, self.problem = key, problem

    def __reduce__(self) -> tuple[type[InvalidRecord], tuple[str, str]]:
        return type(self), (self.key, self.problem)


class TooManyRejects(VecgateError):
    """So many records cannot be written that the input must be wrong as a whole."""


class TargetError(VecgateError):
    """The target cannot be used."""


class NoCredentials(TargetError):
    """There are no credentials to sign with."""


class TargetUnreachable(TargetError):
    """No connection could be made, or it broke."""


class NotReadyInTime(TargetUnreachable):
    """A server that vecgate started was not ready within its time."""


class ServiceError(VecgateError):
    """The service answered with an error code.

    operation      such as PutVectors
    code           such as TooManyRequestsException
    status         the HTTP status
    message        the message of the service
    is_retryable   the service model says that the same request may succeed later
    is_throttling  the service asks for fewer requests
    retry_after_s  seconds that the service asks to wait, or None
    request_id     for a support case; empty if the response had none
    """

    operation: str
    code: str
    status: int
    message: str
    is_retryable: bool
    is_throttling: bool
    retry_after_s: float | None
    request_id: str

    def __init__(
        self,
        operation: str,
        code: str,
        status: int,
        message: str,
        *,
        is_retryable: bool = False,
        is_throttling: bool = False,
        retry_after_s: float | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(f"{operation} failed with {status} {code}: {message}")
        self.operation, self.code, self.status, self.message = operation, code, status, message
        self.is_retryable, self.is_throttling = is_retryable, is_throttling
        self.retry_after_s, self.request_id = retry_after_s, request_id

    def __reduce__(self) -> tuple[type[ServiceError], tuple[str, str, int, str], dict[str, object]]:
        return type(self), (self.operation, self.code, self.status, self.message), self.__dict__


class TransportError(VecgateError):
    """No complete response arrived; the request may have been applied nevertheless.

    is_connect  the connection could not be made, so the request was not applied
    """

    operation: str
    reason: str
    is_connect: bool

    def __init__(self, operation: str, reason: str, *, is_connect: bool = False) -> None:
        super().__init__(f"{operation} got no response: {reason}")
        self.operation, self.reason, self.is_connect = operation, reason, is_connect

    def __reduce__(self) -> tuple[type[TransportError], tuple[str, str], dict[str, object]]:
        return type(self), (self.operation, self.reason), self.__dict__


class ProtocolError(VecgateError):
    """The response is not one of an S3 Vectors service."""


class UnexpectedResponse(TransportError, ProtocolError):
    """A response to *operation* arrived that is not one of an S3 Vectors service, because of *reason*.

    It acknowledges nothing: the request may or may not have been applied, so it is sent again.

    request_id  that the response has nevertheless; empty without one
    """

    def __init__(self, operation: str, reason: str, *, request_id: str = "") -> None:
        super().__init__(operation, reason)
        self.request_id = request_id
        self.args: tuple[str] = (f"{operation} got no S3 Vectors response: {reason}",)
        self.hint = (
            "Check that the URL is that of an S3 Vectors service and that no proxy or login page answers "
            "in its place."
        )


class OutputError(VecgateError):
    """Standard output or standard error cannot be written."""


class JournalError(VecgateError):
    """The journal cannot be written, so acknowledgements cannot be stored."""
