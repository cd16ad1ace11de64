"""Check how the connection to a target is protected."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from botocore.httpsession import get_cert_path

from vecgate.diagnostics.diagnostic import Diagnostic

TIMEOUT_S = 5
HTTPS_PORT = 443
#: A certificate that expires sooner gets a warning.
EXPIRY_WARNING = timedelta(days=14)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_tls(url: str, verify: bool | str, *, now: datetime) -> Diagnostic:  # noqa: FBT001 - as botocore has it
    """Check the protection of requests to *url*. *verify* is botocore's setting: a bool, or a file."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        if host in LOOPBACK:
            return Diagnostic("TLS", "ok", "not used, but the server is on this machine")
        return Diagnostic("TLS", "warning", "not used: vectors and metadata are plain text", "Use https.")
    if verify is False:
        hint = "Use --ca-bundle with the certificate of its authority."
        return Diagnostic("TLS", "warning", "the certificate is not verified (--no-verify)", hint)
    if getproxies().get("https") and not proxy_bypass(host):
        return Diagnostic("TLS", "ok", "the certificate is valid; through a proxy")
    try:
        version, certificate = _handshake(host, parts.port or HTTPS_PORT, get_cert_path(verify))
    except OSError:  # Earlier requests succeeded, so the certificate is valid.
        return Diagnostic("TLS", "ok", "the certificate is valid")
    return _check_certificate(version, certificate, now)


def _handshake(host: str, port: int, ca_file: str) -> tuple[str, dict[str, Any]]:
    context = ssl.create_default_context(cafile=ca_file)
    with (
        socket.create_connection((host, port), TIMEOUT_S) as connection,
        context.wrap_socket(connection, server_hostname=host) as secured,
    ):
        return secured.version() or "TLS", secured.getpeercert() or {}


def _check_certificate(version: str, certificate: dict[str, Any], now: datetime) -> Diagnostic:
    if "notAfter" not in certificate:
        return Diagnostic("TLS", "ok", f"{version}, the certificate is valid")
    expires_at = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    message = f"{version}, the certificate is valid until {expires_at:%Y-%m-%d}"
    if expires_at - now < EXPIRY_WARNING:
        return Diagnostic("TLS", "warning", message, "Renew the certificate.")
    return Diagnostic("TLS", "ok", message)
