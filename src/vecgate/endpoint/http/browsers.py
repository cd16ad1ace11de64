"""Refusal of requests that a web page makes a browser send.

A browser adds `Origin` or `Sec-Fetch-…` headers to them, and no page can prevent that. Only pages of this
endpoint itself are accepted: their origin is the `Host` that was addressed, and that is `localhost` or an IP
address, since a page can make any other name resolve to this machine. Clients that are not browsers send none
of these headers and may use any host name.

Over plain HTTP a browser adds neither header to a GET of a page to its own origin, which may be a name that
the page has made resolve to this machine. It adds `Accept-Language`, which no SDK sends.
https://developer.mozilla.org/en-US/docs/Glossary/Fetch_metadata_request_header
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import TypeAlias
from urllib.parse import urlsplit

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

ORIGIN, SITE, LANGUAGE = b"origin", b"sec-fetch-site", b"accept-language"
FETCH_PREFIX = b"sec-fetch-"
#: `none` is a request that the user made, such as by typing the address.
OWN_SITES = frozenset({b"same-origin", b"none"})
#: The only one that Node.js sends; a browser sends the site with it.
NODE_HEADER = (b"sec-fetch-mode", b"cors")
DEFAULT_PORTS = {"http": 80, "https": 443}


def is_foreign_page(headers: Headers, *, scheme: str) -> bool:
    """Return whether the request is that of a web page of another origin. Names are in lower case.

    *scheme* is that of the connection, `http` or `https`.
    """
    marks = [each for each in headers if each[0] == ORIGIN or each[0].startswith(FETCH_PREFIX)]
    if marks == [NODE_HEADER]:
        return False
    origins = [value for name, value in marks if name == ORIGIN]
    sites = [value.strip() for name, value in marks if name == SITE]
    if marks and not (origins or sites):
        return True
    if not marks and all(name != LANGUAGE for name, _ in headers):
        return False
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not OWN_SITES.issuperset(sites):
        return True
    host = _address(f"{scheme}://{hosts[0].decode('latin-1')}")
    return host is None or any(_address(each.decode("latin-1")) != host for each in origins)


def _address(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an origin that no DNS name can stand for; None for any other."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
        if host != "localhost":
            ip_address(host)
    except ValueError:
        return None
    return parts.scheme, host, port
