"""Decides which requests the web interface serves: those of its own pages, and of clients with its token.

A web page of another origin can make a browser send a request to this machine, and can make its own host name
resolve to this machine. It can read neither the answers of this interface nor the token in its page.
https://developer.mozilla.org/en-US/docs/Glossary/Fetch_metadata_request_header
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

#: The header with the token. `web_guard` makes the interface's page send it.
TOKEN_HEADER = "X-Vecgate-Token"  # noqa: S105 - its name
#: A request of one of the interface's own pages, or one that the user made, such as by typing the address.
OWN_SITES = frozenset({"same-origin", "none"})
#: Paths that change the state of a run. Some versions of Locust accept GET there.
CHANGING_PATHS = ("/stop", "/stats/reset")
READING_METHODS = frozenset({"GET", "HEAD"})
HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request to the interface.

    headers  by name in lower case
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def is_changing(self) -> bool:
        """True if the request may change the state of a run."""
        return self.method not in READING_METHODS or self.path.endswith(CHANGING_PATHS)

    def header(self, name: str) -> str:
        """Return the header *name*, given in lower case, or an empty string."""
        return self.headers.get(name, "").strip().lower()


@dataclass(frozen=True, slots=True)
class PageRules:
    """The rules for requests to the interface.

    names  host names of the interface in lower case, besides `localhost` and IP addresses
    token  what a request that changes something must repeat in TOKEN_HEADER
    """

    names: frozenset[str]
    token: str = field(repr=False)

    def refusal(self, request: PageRequest, *, needs_token: bool = True) -> str:
        """Return why *request* is refused; empty if it is served.

        needs_token  False for a request that only a password can make effective, such as that of a login form
        """
        host = request.header("host")
        if problem := self._host_problem(host):
            return problem
        if _is_foreign(request, host):
            return "requests from web pages of other origins are refused"
        sent = request.headers.get(TOKEN_HEADER.lower(), "")
        is_own = hmac.compare_digest(sent.encode(), self.token.encode())
        if request.is_changing and needs_token and not is_own:
            return f"the header {TOKEN_HEADER} must repeat the token in the page of this interface; reload it"
        return ""

    def _host_problem(self, host: str) -> str:
        """No page can make an IP address or `localhost` resolve to this machine; it can make its own name."""
        found = HOST.fullmatch(host)
        name = found["name"].strip("[]") if found else ""
        if name and (name in {"localhost", *self.names} or _is_ip_address(name)):
            return ""
        return (
            f"this interface is not known by the host name {name!r}; use its IP address, "
            "or start it with LOCUST_WEB_HOST_DISPLAY_NAME=NAME"
        )


def _is_foreign(request: PageRequest, host: str) -> bool:
    origin, site = request.header("origin"), request.header("sec-fetch-site")
    if origin and origin.partition("://")[2] != host:
        return True
    if not site or site in OWN_SITES:
        return False
    # A link on another page may lead here: that shows a page, and in no frame of the other one.
    is_link = (request.header("sec-fetch-mode"), request.header("sec-fetch-dest")) == ("navigate", "document")
    return request.is_changing or not is_link


def _is_ip_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
