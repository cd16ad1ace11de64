"""Every exception that vecgate raises.

VecgateError
├── UsageError                 the request makes no sense as given: mend the command or the argument
│   ├── ConfigError            a setting is out of range, or two contradict one another
│   ├── SourceError            the input cannot be read as records
│   ├── IndexUnusable          the index is missing, or is not what the input needs
│   └── JournalMismatch        the journal belongs to another file, index or operation
├── BadRecord                  one record cannot be written as it is; the others can
├── TargetError                the target cannot be used
│   ├── NoCredentials          nothing to sign with
│   └── TargetUnreachable      no connection, or none that lasted
├── ServiceError               the service answered with an error code
├── TransportError             no complete answer came; the request may have been applied
├── ProtocolError              an answer came that no S3 Vectors service gives
└── JournalError               the journal cannot be written: no acknowledgement can be kept

A message says what, how much and what is allowed; *hint* says the way out. No message carries credentials,
vector values or signed headers. Whether to retry is read from attributes, never from text.
"""

from __future__ import annotations


class VecgateError(Exception):
    """The root. *hint* is one sentence with the way out, or empty."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(VecgateError):
    """The request makes no sense as given."""


class ConfigError(UsageError):
    """A setting is out of range, or two contradict one another."""


class SourceError(UsageError):
    """The input cannot be read as records."""


class IndexUnusable(UsageError):
    """The index is missing, or is not what the input needs."""


class JournalMismatch(UsageError):
    """The journal belongs to another file, index or operation."""


class BadRecord(VecgateError):
    """One record cannot be written as it is.

    key      of the record; empty where it has none
    problem  what is wrong, how much, and what is allowed
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"record {key!r}: {problem}")
        self.key, self.problem = key, problem

    def __reduce__(self) -> tuple[type[BadRecord], tuple[str, str]]:
        return type(self), (self.key, self.problem)


class TargetError(VecgateError):
    """The target cannot be used."""


class NoCredentials(TargetError):
    """There is nothing to sign with."""


class TargetUnreachable(TargetError):
    """No connection came about, or none that lasted."""


class ServiceError(VecgateError):
    """The service answered with an error code.

    operation      such as PutVectors
    code           such as TooManyRequestsException
    status         the HTTP status
    message        the service's own sentence
    is_retryable   the service model says that the same request may succeed later
    is_throttling  the service asks for less
    retry_after_s  how long it asks to wait, or None
    request_id     for a support case; empty where the answer had none
    """

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
        super().__init__(f"{operation} was answered with {status} {code}: {message}")
        self.operation, self.code, self.status, self.message = operation, code, status, message
        self.is_retryable, self.is_throttling = is_retryable, is_throttling
        self.retry_after_s, self.request_id = retry_after_s, request_id

    def __reduce__(self) -> tuple[type[ServiceError], tuple[str, str, int, str], dict[str, object]]:
        return type(self), (self.operation, self.code, self.status, self.message), self.__dict__


class TransportError(VecgateError):
    """No complete answer came; the request may have been applied all the same.

    is_connect  the connection itself did not come about, so nothing was applied
    """

    def __init__(self, operation: str, reason: str, *, is_connect: bool = False) -> None:
        super().__init__(f"{operation} got no answer: {reason}")
        self.operation, self.reason, self.is_connect = operation, reason, is_connect

    def __reduce__(self) -> tuple[type[TransportError], tuple[str, str], dict[str, object]]:
        return type(self), (self.operation, self.reason), self.__dict__


class ProtocolError(VecgateError):
    """An answer came that no S3 Vectors service gives."""


class JournalError(VecgateError):
    """The journal cannot be written, so no acknowledgement can be kept."""
