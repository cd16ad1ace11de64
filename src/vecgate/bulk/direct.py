"""The direct sender: signs and sends without botocore's client, for small requests at the highest rates."""

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

from vecgate.bulk.answers import Answer, clock_skew_s, service_error
from vecgate.bulk.encoding import Body
from vecgate.bulk.signing import SigningKey, amz_date, authorization
from vecgate.errors import NoCredentials, TransportError, UsageError
from vecgate.s3vectors.model import service_model

DEFAULT_PORTS = {"http": 80, "https": 443}
NO_CREDENTIALS_HINT = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."


class Credentials(Protocol):
    """botocore's credentials: what `boto3.Session().get_credentials()` gives, which renew themselves."""

    def get_frozen_credentials(self) -> Any:  # noqa: ANN401 - a named tuple of botocore's, which has no types
        """The access key, secret key and token of now."""
        ...


class _StaleConnection(TransportError):
    """A kept connection turned out to be closed: nothing of an answer was read."""


class DirectSender:
    """A `Sender` over kept HTTP connections, with the signing key kept for the day.

    credentials        asked at every request, so that rotating ones are always the current ones
    region             that the endpoint is in
    endpoint_url       such as https://s3vectors.eu-central-1.api.aws; a path in it goes before the operation
    verify             as in boto3: True, False, or the path of a CA bundle
    headers            sent, and signed, with every request
    connect_timeout_s  and *read_timeout_s*, the latter for each wait for bytes
    clock              epoch seconds. Where the service says that it is off, its Date header corrects it
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
        clock: Callable[[], float] = time.time,
    ) -> None:
        scheme, self._host, port, self._path = _parts(endpoint_url)
        self._port = port or DEFAULT_PORTS[scheme]
        self._credentials, self._region, self._clock = credentials, region, clock
        self._connect_timeout_s, self._read_timeout_s = connect_timeout_s, read_timeout_s
        self._tls = _tls(verify) if scheme == "https" else None
        self._headers = {name.lower(): value for name, value in (headers or {}).items()}
        self._headers |= {
            "content-type": "application/json",
            "host": _host_header(scheme, self._host, port),
        }
        # A deque may be shared between threads. The connection used last is the least likely to be closed.
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._key: SigningKey | None = None
        self._skew_s = 0.0
        self._is_closed = False

    def send(self, operation: str, body: Body) -> bytes:
        """Send *body* as *operation*, once; twice where only our clock or a kept connection was at fault."""
        known_s = self._skew_s
        answer = self._exchange(operation, body, skew_s=known_s)
        # The service judged our clock as corrected then; meanwhile another thread may have mended it.
        found_s = clock_skew_s(answer, now_s=self._clock() + known_s)
        if found_s is not None:
            self._skew_s = known_s + found_s
            answer = self._exchange(operation, body, skew_s=known_s + found_s)
        if answer.is_error:
            raise service_error(operation, answer, now_s=self._clock())
        return answer.body

    def close(self) -> None:
        """Close the kept connections; those in use close once their answer is read."""
        self._is_closed = True
        while connection := self._popped():
            connection.close()

    def _exchange(self, operation: str, body: Body, *, skew_s: float) -> Answer:
        headers = self._signed_headers(operation, body, date=amz_date(self._clock() + skew_s))
        if connection := self._kept_connection():
            try:
                return self._over(connection, operation, body, headers)
            except _StaleConnection:
                if not _is_repeatable(operation):
                    raise
        return self._over(self._new_connection(operation), operation, body, headers)

    def _kept_connection(self) -> http.client.HTTPConnection | None:
        while connection := self._popped():
            # Readable before anything was asked: the other side has closed it.
            if not wait_for_read(connection.sock, timeout=0):
                return connection
            connection.close()
        return None

    def _popped(self) -> http.client.HTTPConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _new_connection(self, operation: str) -> http.client.HTTPConnection:
        where: dict[str, Any] = {"host": self._host, "port": self._port, "timeout": self._connect_timeout_s}
        connection = (
            http.client.HTTPSConnection(**where, context=self._tls)
            if self._tls
            else http.client.HTTPConnection(**where)
        )
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise TransportError(operation, _reason(error), is_connect=True) from error
        connection.sock.settimeout(self._read_timeout_s)
        return connection

    def _over(
        self,
        connection: http.client.HTTPConnection,
        operation: str,
        body: Body,
        headers: Mapping[str, str],
    ) -> Answer:
        try:
            answer = _ask(connection, f"{self._path}/{operation}", body.data, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError) as error:
            connection.close()
            raise _StaleConnection(operation, _reason(error)) from error
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            raise TransportError(operation, _reason(error)) from error
        self._keep(connection)
        return answer

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        # http.client has closed it where the answer said that it would be.
        if connection.sock and not self._is_closed:
            self._idle.append(connection)
        else:
            connection.close()

    def _signed_headers(self, operation: str, body: Body, *, date: str) -> dict[str, str]:
        access_key, secret_key, token = self._current_credentials()
        key = self._key
        if key is None or not key.serves(access_key, secret_key, day=date[:8]):
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
            raise NoCredentials("there are no credentials to sign with", hint=NO_CREDENTIALS_HINT)
        return frozen.access_key, frozen.secret_key, frozen.token


def _ask(
    connection: http.client.HTTPConnection, path: str, body: bytes, headers: Mapping[str, str]
) -> Answer:
    # The service may refuse a body that is too large before it has read all of it: its answer is there.
    with suppress(BrokenPipeError):
        connection.request("POST", path, body, headers)
    response = connection.getresponse()
    return Answer(response.status, dict(response.headers), response.read())


@cache
def _is_repeatable(operation: str) -> bool:
    # The model marks what may be done twice; botocore has no property for it.
    traits: Mapping[str, object] = service_model().operation_model(operation)._operation_model  # noqa: SLF001
    return bool(traits.get("idempotent") or traits.get("readonly"))


def _tls(verify: bool | str) -> ssl.SSLContext:  # noqa: FBT001 - as boto3 has it
    bundle = get_cert_path(verify or True)
    try:
        context = ssl.create_default_context(cafile=bundle)
    except OSError as error:
        raise UsageError(f"the CA bundle {bundle} cannot be read: {_reason(error)}") from error
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _parts(endpoint_url: str) -> tuple[str, str, int | None, str]:
    """Scheme, host, port where one is given, and path."""
    try:
        url = urlsplit(endpoint_url)
        port = url.port
    except ValueError:
        raise _no_url(endpoint_url) from None
    if url.scheme not in DEFAULT_PORTS or not url.hostname:
        raise _no_url(endpoint_url)
    return url.scheme, url.hostname, port, url.path.rstrip("/")


def _no_url(endpoint_url: str) -> UsageError:
    return UsageError(f"{endpoint_url!r} is not the URL of an endpoint", hint="It reads https://HOST.")


def _host_header(scheme: str, host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port in {None, DEFAULT_PORTS[scheme]} else f"{name}:{port}"


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
