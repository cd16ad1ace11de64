"""How the connection to a target is protected."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from botocore.httpsession import get_cert_path

from vecgate.targets.findings import Finding

TIMEOUT_S = 5
HTTPS_PORT = 443
#: A certificate that ends sooner is worth a word.
SOON = timedelta(days=14)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def tls_finding(url: str, verify: bool | str, *, now: datetime) -> Finding:  # noqa: FBT001 - as botocore has it
    """What protects requests to *url*, whose certificate is held against *verify*."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        if host in LOOPBACK:
            return Finding("TLS", "ok", "none, on this machine")
        return Finding("TLS", "warning", "none: vectors and metadata go as plain text", "Use https.")
    if verify is False:
        told = "the certificate is not checked, as --no-verify says"
        return Finding("TLS", "warning", told, "Name its authority with --ca-bundle.")
    if getproxies().get("https") and not proxy_bypass(host):
        return Finding("TLS", "ok", "the certificate holds; through a proxy")
    try:
        version, certificate = _handshake(host, parts.port or HTTPS_PORT, get_cert_path(verify))
    except OSError:  # requests have come through: there is nothing to complain of
        return Finding("TLS", "ok", "the certificate holds")
    return _certified(version, certificate, now)


def _handshake(host: str, port: int, ca_file: str) -> tuple[str, dict[str, Any]]:
    context = ssl.create_default_context(cafile=ca_file)
    with (
        socket.create_connection((host, port), TIMEOUT_S) as connection,
        context.wrap_socket(connection, server_hostname=host) as secured,
    ):
        return secured.version() or "TLS", secured.getpeercert() or {}


def _certified(version: str, certificate: dict[str, Any], now: datetime) -> Finding:
    if "notAfter" not in certificate:
        return Finding("TLS", "ok", f"{version}, the certificate holds")
    ends_at = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    told = f"{version}, the certificate holds until {ends_at:%Y-%m-%d}"
    if ends_at - now < SOON:
        return Finding("TLS", "warning", told, "Renew it.")
    return Finding("TLS", "ok", told)
