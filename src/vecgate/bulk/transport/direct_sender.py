"""Signs and sends requests without botocore's client: for small requests at the highest rates."""

from __future__ import annotations

import http.client
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, Protocol
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError
from botocore.httpsession import get_cert_path
from urllib3.util.wait import wait_for_read

from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.transport.response_limits import READ_BYTES, ResponseLimitExceeded, ResponseLimits, limited
from vecgate.bulk.transport.service_response import ServiceResponse, acknowledged_body, clock_skew_s
from vecgate.bulk.transport.signing import SigningKey, amz_date, authorization
from vecgate.errors import NoCredentials, TransportError, UnexpectedResponse, UsageError
from vecgate.redaction import register_secrets
from vecgate.s3vectors.model import service_model

DEFAULT_PORTS = {"http": 80, "https": 443}
NO_CREDENTIALS_HINT = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."


class Credentials(Protocol):
    """botocore's credentials, as `boto3.Session().get_credentials()` returns them; they renew themselves."""

    def get_frozen_credentials(self) -> Any:  # noqa: ANN401 - a named tuple of botocore's, which has no types
        """Return the current access key, secret key and token."""
        ...


class _StaleConnection(TransportError):
    """The other side had closed a kept connection: no part of a response was read."""


class DirectSender:
    """A `Sender` over kept HTTP connections that caches the day's signing key.

    credentials        read at every request, so that rotated credentials take effect
    region             of the endpoint
    endpoint_url       such as https://s3vectors.eu-central-1.api.aws; a path in it precedes the operation
    verify             as in boto3: True, False, or the path of a CA bundle
    headers            sent, and signed, with every request
    connect_timeout_s  and *read_timeout_s*, which limits each wait for bytes
    limits             on the bytes of a response and the seconds until it is complete
    clock              epoch seconds; if the service reports a wrong clock, its Date header corrects it
    """

    def __init__(
        self,
        credentials: Credentials | None,
        *,
        region: str,
        endpoint_url: str,
        verify: bool | str = True,
        headers: Mapping[str, str] | None = None,
        connect_timeout_s: float = 10.0,
        read_timeout_s: float = 60.0,
        limits: ResponseLimits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.endpoint_url = endpoint_url
        scheme, self._host, port, self._path = _split_url(endpoint_url)
        self._port = port or DEFAULT_PORTS[scheme]
        self._credentials, self._region, self._clock = credentials, region, clock
        self._connect_timeout_s, self._read_timeout_s = connect_timeout_s, read_timeout_s
        self._tls = _tls_context(verify) if scheme == "https" else None
        self._connection_class = limited(
            http.client.HTTPSConnection if self._tls else http.client.HTTPConnection,
            limits or ResponseLimits(),
        )
        self._headers = {name.lower(): value for name, value in (headers or {}).items()}
        self._headers |= {
            "content-type": "application/json",
            "host": _host_header(scheme, self._host, port),
        }
        # A deque is safe to share between threads. The connection used last is the least likely to be closed.
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._key: SigningKey | None = None
        self._skew_s = 0.0
        self._is_closed = False
        #: False: a request over a kept connection that the other side closes is not sent again.
        self.repeats = True
        #: Called with the seconds that a new connection took.
        self.on_connect: Callable[[float], object] = lambda _: None

    def send(self, operation: str, body: Body) -> bytes:
        """Send *body* as *operation*, once; twice if the local clock or a kept connection was at fault."""
        skew_s = self._skew_s
        response = self._exchange(operation, body, skew_s=skew_s)
        # Compare with the skew of this request: another thread may have corrected the clock in the meantime.
        added_s = clock_skew_s(response, now_s=self._clock() + skew_s)
        if added_s is not None:
            self._skew_s = skew_s + added_s
            response = self._exchange(operation, body, skew_s=skew_s + added_s)
        return acknowledged_body(operation, response, now_s=self._clock())

    def close(self) -> None:
        """Close the kept connections; those in use close after their response is read."""
        self._is_closed = True
        while connection := self._pop_idle():
            connection.close()

    def _exchange(self, operation: str, body: Body, *, skew_s: float) -> ServiceResponse:
        headers = self._signed_headers(operation, body, date=amz_date(self._clock() + skew_s))
        if connection := self._kept_connection():
            try:
                return self._send_over(connection, operation, body, headers)
            except _StaleConnection:
                if not (self.repeats and _is_repeatable(operation)):
                    raise
        return self._send_over(self._new_connection(operation), operation, body, headers)

    def _kept_connection(self) -> http.client.HTTPConnection | None:
        while connection := self._pop_idle():
            # Readable before a request was sent: the other side has closed it.
            if not wait_for_read(connection.sock, timeout=0):
                return connection
            connection.close()
        return None

    def _pop_idle(self) -> http.client.HTTPConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _new_connection(self, operation: str) -> http.client.HTTPConnection:
        address: dict[str, Any] = {"host": self._host, "port": self._port, "timeout": self._connect_timeout_s}
        if self._tls:
            address["context"] = self._tls
        connection: http.client.HTTPConnection = self._connection_class(**address)
        begun_s = time.monotonic()
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise TransportError(operation, _reason(error), is_connect=True) from error
        self.on_connect(time.monotonic() - begun_s)
        connection.sock.settimeout(self._read_timeout_s)
        return connection

    def _send_over(
        self,
        connection: http.client.HTTPConnection,
        operation: str,
        body: Body,
        headers: Mapping[str, str],
    ) -> ServiceResponse:
        try:
            response = _post(connection, f"{self._path}/{operation}", body.data, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError) as error:
            connection.close()
            raise _StaleConnection(operation, _reason(error)) from error
        except ResponseLimitExceeded as error:
            connection.close()
            raise UnexpectedResponse(operation, str(error)) from error
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            raise TransportError(operation, _reason(error)) from error
        self._keep(connection)
        return response

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        # http.client has closed the connection if the response said so.
        if connection.sock and not self._is_closed:
            self._idle.append(connection)
        else:
            connection.close()

    def _signed_headers(self, operation: str, body: Body, *, date: str) -> dict[str, str]:
        access_key, secret_key, token = self._current_credentials()
        key = self._key
        if key is None or not key.matches(access_key, secret_key, day=date[:8]):
            register_secrets(access_key, secret_key, token)
            self._key = key = SigningKey.derive(access_key, secret_key, day=date[:8], region=self._region)
        headers = {**self._headers, "x-amz-date": date}
        if token:
            headers["x-amz-security-token"] = token
        path = f"{self._path}/{operation}"
        headers["authorization"] = authorization(key, path=path, headers=headers, body_sha256=body.sha256)
        return headers

    def _current_credentials(self) -> tuple[str, str, str | None]:
        try:
            frozen = self._credentials and self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise NoCredentials(
                f"the credentials could not be renewed: {error}", hint=NO_CREDENTIALS_HINT
            ) from error
        if not frozen or not frozen.access_key or not frozen.secret_key:
            raise NoCredentials("no credentials to sign requests with", hint=NO_CREDENTIALS_HINT)
        return frozen.access_key, frozen.secret_key, frozen.token


def _post(
    connection: http.client.HTTPConnection, path: str, body: bytes, headers: Mapping[str, str]
) -> ServiceResponse:
    # The service may reject a body that is too large before it has read all of it: its response is there.
    with suppress(BrokenPipeError):
        connection.request("POST", path, body, headers)
    response = connection.getresponse()
    data = b"".join(iter(lambda: response.read(READ_BYTES), b""))
    return ServiceResponse(response.status, dict(response.headers), data)


@cache
def _is_repeatable(operation: str) -> bool:
    # The model marks operations that may be repeated; botocore has no property for it.
    traits: Mapping[str, object] = service_model().operation_model(operation)._operation_model  # noqa: SLF001
    return bool(traits.get("idempotent") or traits.get("readonly"))


def _tls_context(verify: bool | str) -> ssl.SSLContext:  # noqa: FBT001 - as boto3 has it
    bundle = get_cert_path(verify or True)
    try:
        context = ssl.create_default_context(cafile=bundle)
    except OSError as error:
        raise UsageError(f"the CA bundle {bundle} cannot be read: {_reason(error)}") from error
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _split_url(endpoint_url: str) -> tuple[str, str, int | None, str]:
    """Return scheme, host, port if one is given, and path."""
    try:
        url = urlsplit(endpoint_url)
        port = url.port
    except ValueError:
        raise _bad_url(endpoint_url) from None
    if url.scheme not in DEFAULT_PORTS or not url.hostname:
        raise _bad_url(endpoint_url)
    return url.scheme, url.hostname, port, url.path.rstrip("/")


def _bad_url(endpoint_url: str) -> UsageError:
    return UsageError(f"{endpoint_url!r} is not the URL of an endpoint", hint="Use the form https://HOST.")


def _host_header(scheme: str, host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port in {None, DEFAULT_PORTS[scheme]} else f"{name}:{port}"


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
