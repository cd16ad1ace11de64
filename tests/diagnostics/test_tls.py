"""The check of TLS and of the certificate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from certificates import write_certificate
from cryptography.x509 import load_pem_x509_certificate
from serving import Server

from vecgate.diagnostics.tls import check_tls
from vecgate.endpoint.http.server import Certificate

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_plain_http_is_good_on_this_machine_only() -> None:
    """To other machines, vectors would be sent as plain text."""
    assert check_tls("http://127.0.0.1:7333", verify=True, now=NOW).grade == "ok"
    assert check_tls("http://[::1]:7333", verify=True, now=NOW).grade == "ok"
    assert check_tls("http://vectors.example", verify=True, now=NOW).grade == "warning"


def test_a_certificate_is_reported_with_its_expiry(tmp_path: Path) -> None:
    """That of this test expires tomorrow. A year before, the grade is ok."""
    certfile, keyfile = write_certificate(tmp_path)
    with Server(certificate=Certificate(certfile, keyfile)) as server:
        soon = check_tls(server.url, verify=str(certfile), now=NOW)
        early = check_tls(server.url, verify=str(certfile), now=NOW - timedelta(days=365))
    end = f"{load_pem_x509_certificate(certfile.read_bytes()).not_valid_after_utc:%Y-%m-%d}"
    assert (soon.grade, soon.message) == ("warning", f"TLSv1.3, the certificate is valid until {end}")
    assert early.grade == "ok"


def test_a_certificate_that_is_not_verified_is_a_warning() -> None:
    """The connection could be intercepted."""
    diagnostic = check_tls("https://vectors.example", verify=False, now=NOW)
    assert (diagnostic.grade, "--no-verify" in diagnostic.message) == ("warning", True)


def test_behind_a_proxy_the_certificate_is_not_inspected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier requests through the proxy succeeded."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    diagnostic = check_tls("https://vectors.example", verify=True, now=NOW)
    assert (diagnostic.grade, diagnostic.message) == ("ok", "the certificate is valid; through a proxy")


def test_a_failed_second_connection_is_not_a_problem() -> None:
    """The first one succeeded."""
    assert check_tls("https://127.0.0.1:9", verify=True, now=NOW).message == "the certificate is valid"
