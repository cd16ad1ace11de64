from __future__ import annotations

import pytest

from vecgate.loopback import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_loopback_addresses_and_localhost_are_loopback(host: str) -> None:
    """An IPv4 address may be written as an IPv6 address."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "0.0.0.0",  # noqa: S104 - nothing listens
        "::",
        "::ffff:10.0.0.1",
        "10.0.0.1",
        "localhost.example",
        "LOCALHOST.evil",
        "127.0.0.1.nip.io",
    ],
)
def test_all_else_is_not(host: str) -> None:
    """A name may resolve to anything, and an empty one means every address."""
    assert not is_loopback(host)
