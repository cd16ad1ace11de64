"""What protects a connection is told, and what does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from certificates import write_certificate
from cryptography.x509 import load_pem_x509_certificate
from serving import Server

from vecgate.endpoint.server import Certificate
from vecgate.targets.tls import tls_finding

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_plain_http_is_fine_on_this_machine_alone() -> None:
    """Elsewhere vectors go as plain text."""
    assert tls_finding("http://127.0.0.1:7333", verify=True, now=NOW).grade == "ok"
    assert tls_finding("http://[::1]:7333", verify=True, now=NOW).grade == "ok"
    assert tls_finding("http://vectors.example", verify=True, now=NOW).grade == "warning"


def test_a_certificate_is_told_with_its_end(tmp_path: Path) -> None:
    """The one of this test ends tomorrow; a year before it, nobody would worry."""
    certfile, keyfile = write_certificate(tmp_path)
    with Server(certificate=Certificate(certfile, keyfile)) as server:
        soon = tls_finding(server.url, verify=str(certfile), now=NOW)
        early = tls_finding(server.url, verify=str(certfile), now=NOW - timedelta(days=365))
    end = f"{load_pem_x509_certificate(certfile.read_bytes()).not_valid_after_utc:%Y-%m-%d}"
    assert (soon.grade, soon.found) == ("warning", f"TLSv1.3, the certificate holds until {end}")
    assert early.grade == "ok"


def test_a_certificate_that_nobody_checks_is_worth_a_word() -> None:
    """Anybody could stand between."""
    finding = tls_finding("https://vectors.example", verify=False, now=NOW)
    assert (finding.grade, "--no-verify" in finding.found) == ("warning", True)


def test_behind_a_proxy_the_certificate_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests came through it."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    finding = tls_finding("https://vectors.example", verify=True, now=NOW)
    assert (finding.grade, finding.found) == ("ok", "the certificate holds; through a proxy")


def test_a_second_connection_that_fails_is_no_finding() -> None:
    """The first has come through."""
    assert tls_finding("https://127.0.0.1:9", verify=True, now=NOW).found == "the certificate holds"
