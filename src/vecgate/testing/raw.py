"""Requests below boto3: any method, path, header and byte, signed, unsigned, late or altered."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from vecgate import __version__
from vecgate.errors import TransportError
from vecgate.targets.target import Target
from vecgate.testing.exchanges import Exchange, ExchangeLog, request_id_of

TIMEOUT_S = 30.0
SHOWN_BYTES = 1_000
SECRET_HEADERS = frozenset({"authorization", "x-amz-security-token"})


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as it came.

    status   the HTTP status
    headers  by name in lower case
    body     its bytes
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the target says
        """The body as JSON, or None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def code(self) -> str:
        """The error code, from where an SDK looks for it; empty where there is none."""
        body = self.json if isinstance(self.json, dict) else {}
        told = self.headers.get("x-amzn-errortype") or body.get("__type") or body.get("code") or ""
        return str(told).rsplit("#", 1)[-1].split(":")[0]

    @property
    def message(self) -> str:
        """The service's sentence, or empty."""
        return str(self.json.get("message", "")) if isinstance(self.json, dict) else ""

    @property
    def request_id(self) -> str:
        """The request id, or empty."""
        return request_id_of(self.headers)


class _SignerAt(SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """botocore's signer, with the time as an argument."""

    def __init__(self, credentials: Any, region: str, at: datetime) -> None:  # noqa: ANN401 - botocore's
        super().__init__(credentials, "s3vectors", region)
        self._at = at

    def signed(self, method: str, url: str, payload: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """*headers* with those of a signature."""
        request = AWSRequest(method, url, dict(headers), payload)
        request.context["timestamp"] = self._at.strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))
        return dict(request.headers.items())


class RawClient:
    """Sends requests to *target* byte by byte, and keeps them in *log*."""

    def __init__(self, target: Target, url: str, log: ExchangeLog) -> None:
        self._target, self._log = target, log
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
        """The answer to a request.

        *path* is sent as it is, with its query; *body* is bytes, or an object to write as JSON; *headers* are
        added before signing. *at* is the time to sign for, *credentials* are others than the target's, and
        *alter* changes the headers once they are signed: `alter=lambda h: h.pop("Authorization")`. A header
        Content-Length is sent as given. Raises TransportError where no answer comes.
        """
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        own = {"User-Agent": f"vecgate/{__version__}", "Content-Type": "application/json"}
        sent = {**own, **self._target.headers, **(headers or {})}
        if sign:
            signer = self._signer(at or datetime.now(UTC), credentials)
            sent = signer.signed(method, f"{self._origin}{path}", payload, sent)
        if alter:
            alter(sent)
        exchange = self._log.add(Exchange(f"{method} {path}", request=_words(sent, payload)))
        answer = self._exchanged(method, path, payload, sent)
        exchange.status, exchange.headers = answer.status, answer.headers
        exchange.answer, exchange.request_id = answer.body.decode(errors="replace"), answer.request_id
        return answer

    @property
    def _origin(self) -> str:
        return f"{self._url.scheme}://{self._url.netloc}"

    def _signer(self, at: datetime, credentials: Credentials | None) -> _SignerAt:
        keys = credentials or self._target.credentials.get_frozen_credentials()
        return _SignerAt(keys, self._target.region, at)

    def _exchanged(self, method: str, path: str, payload: bytes, headers: Mapping[str, str]) -> RawAnswer:
        with closing(self._connection()) as connection:
            try:
                _send(connection, method, path, payload, headers)
                answer = connection.getresponse()
                lower = {name.lower(): value for name, value in answer.getheaders()}
                return RawAnswer(answer.status, lower, answer.read())
            except (OSError, http.client.HTTPException) as error:
                raise TransportError(f"{method} {path[:80]}", f"{type(error).__name__}: {error}") from error

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        verify = self._target.verify
        context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
        if verify is False:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)


def _send(
    connection: http.client.HTTPConnection, method: str, path: str, payload: bytes, headers: Mapping[str, str]
) -> None:
    given = {name.lower() for name in headers}
    connection.putrequest(method, path, skip_host="host" in given, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    if "content-length" not in given and (payload or method == "POST"):
        connection.putheader("Content-Length", str(len(payload)))
    # A server may refuse a body by its length alone, and hang up while it is still being sent.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.endheaders(payload)


def _words(headers: Mapping[str, str], payload: bytes) -> str:
    lines = [f"{name}: {'…' if name.lower() in SECRET_HEADERS else value}" for name, value in headers.items()]
    more = f" … {len(payload):,} bytes in all" if len(payload) > SHOWN_BYTES else ""
    return "\n".join([*lines, "", repr(payload[:SHOWN_BYTES]) + more])
