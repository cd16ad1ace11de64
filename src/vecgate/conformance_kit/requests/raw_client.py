"""An HTTP client below boto3, for any method, path, header and body, signed, unsigned or altered."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from vecgate import __version__
from vecgate.bulk.transport.response_limits import ResponseLimitExceeded
from vecgate.conformance_kit.requests.exchanges import Exchange, ExchangeLog, SentBytes, request_id_of
from vecgate.errors import TransportError
from vecgate.redaction import holds_secret, redact
from vecgate.targets.answer_guard import AnswerGuard
from vecgate.targets.target import Target
from vecgate.targets.throttle_patience import ThrottlePatience

LOGGED_BYTES_MAX = 1_000
SHOWN_BYTES_MAX = 100
SECRET_HEADERS = frozenset({"authorization", "x-amz-security-token"})


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as it arrived.

    status   the HTTP status
    headers  by name in lower case
    body     the bytes of the body
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """The body parsed as JSON, or None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def members(self) -> dict[str, Any]:
        """The members of the JSON object in the body. Raises AssertionError if the body is something else."""
        found = self.json
        assert isinstance(found, dict), f"the body is not a JSON object: {self.body[:SHOWN_BYTES_MAX]!r}"
        return found

    @property
    def code(self) -> str:
        """The error code, read from where an SDK reads it. Empty without an error code."""
        body = self.json if isinstance(self.json, dict) else {}
        code = self.headers.get("x-amzn-errortype") or body.get("__type") or body.get("code") or ""
        return str(code).rsplit("#", 1)[-1].split(":")[0]

    @property
    def message(self) -> str:
        """The message of an error, or empty."""
        return str(self.json.get("message", "")) if isinstance(self.json, dict) else ""

    @property
    def request_id(self) -> str:
        """The request id, or empty."""
        return request_id_of(self.headers)


class _TimedSigner(SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """botocore's signer with the time as an argument."""

    def __init__(self, credentials: Any, region: str, at: datetime) -> None:  # noqa: ANN401 - botocore's
        super().__init__(credentials, "s3vectors", region)
        self._at = at

    def sign(self, method: str, url: str, payload: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """Return *headers* together with those of a signature."""
        request = AWSRequest(method, url, dict(headers), payload)
        request.context["timestamp"] = self._at.strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))
        return dict(request.headers.items())


class RawClient:
    """Sends requests to *target* byte by byte, within the limits of *guard*, and records them in *log*.

    patience   sends a request again that was refused by a limit of the rate
    on_answer  called with the path, the body and the answer of each request
    """

    def __init__(
        self,
        target: Target,
        url: str,
        log: ExchangeLog,
        *,
        guard: AnswerGuard | None = None,
        patience: ThrottlePatience | None = None,
        on_answer: Callable[[str, bytes, RawAnswer], None] = lambda *_: None,
    ) -> None:
        self._target, self._log = target, log
        self._guard, self._on_answer = guard or AnswerGuard(), on_answer
        self._patience = patience or ThrottlePatience(0.0)
        self._url = urlsplit(url)

    def __call__(
        self,
        path: str,
        body: bytes | Mapping[str, Any] = b"",
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        sign: bool = True,
        at: datetime | None = None,
        credentials: Credentials | None = None,
        alter: Callable[[dict[str, str]], None] | None = None,
    ) -> RawAnswer:
        """Send a request and return its answer. Raises TransportError if no answer arrives.

        path         sent unchanged, including its query
        body         bytes, or an object to encode as JSON
        headers      added before signing; a Content-Length is sent as given
        at           time of the signature; now by default
        credentials  those of the target by default
        alter        changes the headers after signing, such as `lambda h: h.pop("Authorization")`
        """
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        defaults = {"User-Agent": f"vecgate/{__version__}", "Content-Type": "application/json"}
        sent = {**defaults, **self._target.headers, **(headers or {})}
        before = {name: value for name, value in sent.items() if name not in self._target.headers}
        if sign:
            signer = self._signer(at or datetime.now(UTC), credentials)
            sent = signer.sign(method, f"{self._origin}{path}", payload, sent)
        if alter:
            alter(sent)
        operation = _operation_of(method, path)
        self._guard.check(operation)
        request = redact(_format_request(sent, payload))
        repeated = SentBytes(
            method,
            path,
            {name: value for name, value in before.items() if name.lower() not in SECRET_HEADERS},
            payload,
            is_signed=sign,
            difference=_difference(alter=alter, at=at, credentials=credentials),
        )
        exchange = self._log.add(Exchange(redact(f"{method} {path}"), request=request, sent=repeated))
        try:
            answer = self._send_patiently(operation, method, path, payload, sent)
        except TransportError as error:
            exchange.answer = f"no answer: {error.reason}"
            self._guard.count(operation, error)
            raise
        exchange.status, exchange.headers = answer.status, answer.headers
        exchange.answer, exchange.request_id = redact(answer.body.decode(errors="replace")), answer.request_id
        self._on_answer(path, payload, answer)
        return answer

    @property
    def _origin(self) -> str:
        return f"{self._url.scheme}://{self._url.netloc}"

    def _signer(self, at: datetime, credentials: Credentials | None) -> _TimedSigner:
        keys = credentials or self._target.credentials.get_frozen_credentials()
        return _TimedSigner(keys, self._target.region, at)

    def _send_patiently(self, operation: str, *request: Any) -> RawAnswer:  # noqa: ANN401 - that of _send
        for attempt in count(1):
            started_s = time.monotonic()
            answer = self._send(*request)
            self._guard.count(operation, None, took_s=time.monotonic() - started_s)
            refusal = {"status": answer.status, "code": answer.code, "headers": answer.headers}
            if not self._patience.wait(operation, attempt, **refusal):
                break
        return answer

    def _send(self, method: str, path: str, payload: bytes, headers: Mapping[str, str]) -> RawAnswer:
        operation = f"{method} {path[:80]}"
        with closing(self._connection()) as connection:
            try:
                _write_request(connection, method, path, payload, headers)
                answer = connection.getresponse()
                answer_headers = {name.lower(): redact(value) for name, value in answer.getheaders()}
                return RawAnswer(answer.status, answer_headers, _redact_body(answer.read()))
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise TransportError(operation, f"{type(error).__name__}: {error}") from error
            except ResponseLimitExceeded as error:
                raise TransportError(operation, str(error)) from error

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "http":
            return self._guard.connection(host, port, None)
        verify = self._target.verify
        context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
        if verify is False:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return self._guard.connection(host, port, context)


def _difference(**options: object) -> str:
    """Return what was special about a request, which a program that repeats it does not do."""
    words = {
        "alter": "the test changed the headers after signing",
        "at": "the test signed with another time",
        "credentials": "the test signed with other credentials",
    }
    return "; ".join(text for name, text in words.items() if options[name] is not None)


def _operation_of(method: str, path: str) -> str:
    """Return the operation of a path, as far as it identifies one."""
    first = path.lstrip("/").partition("?")[0].partition("/")[0]
    return first if method == "POST" and first != "tags" else f"{method} /{first}"


def _write_request(
    connection: http.client.HTTPConnection, method: str, path: str, payload: bytes, headers: Mapping[str, str]
) -> None:
    given = {name.lower() for name in headers}
    connection.putrequest(method, path, skip_host="host" in given, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    if "content-length" not in given and (payload or method == "POST"):
        connection.putheader("Content-Length", str(len(payload)))
    # A server may reject a body by its length alone and close the connection while the body is being sent.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.endheaders(payload)


def _redact_body(body: bytes) -> bytes:
    """Return *body* without the secrets in use, which a server may repeat and an assertion would show."""
    if not holds_secret(body):
        return body
    return redact(body.decode(errors="surrogateescape")).encode(errors="surrogateescape")


def _format_request(headers: Mapping[str, str], payload: bytes) -> str:
    lines = [f"{name}: {'…' if name.lower() in SECRET_HEADERS else value}" for name, value in headers.items()]
    more = f" … {len(payload):,} bytes in total" if len(payload) > LOGGED_BYTES_MAX else ""
    return "\n".join([*lines, "", repr(payload[:LOGGED_BYTES_MAX]) + more])
