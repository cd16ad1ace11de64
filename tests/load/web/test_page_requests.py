"""Requests to the web interface: those of its own pages and of clients with its token are served."""

from __future__ import annotations

import pytest

from vecgate.load.web.page_requests import TOKEN_HEADER, PageRequest, PageRules

OWN = "127.0.0.1:8089"
TOKEN = "the-token"
RULES = PageRules(frozenset({"loadbox"}), TOKEN)
CHANGES = [("POST", "/swarm"), ("POST", "/stop"), ("GET", "/stop"), ("POST", "/stats/reset"),
           ("GET", "/base/stats/reset"), ("POST", "/user"), ("DELETE", "/"), ("OPTIONS", "/swarm"),
           ("PUT", "/none")]  # fmt: skip
READS = [("GET", "/"), ("HEAD", "/"), ("GET", "/stats/requests"), ("GET", "/logs"), ("GET", "/assets/a.js")]
FOREIGN = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1"},
    {"origin": "http://127.0.0.1:8090"},
    {"origin": "http://localhost:8089"},
    {"origin": "http://127.0.0.1:8089.evil.example"},
    {"origin": "http://127.0.0.1:8089,http://127.0.0.1:8089"},
    {"origin": OWN},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "document"},
    {"sec-fetch-site": "same-origin,cross-site"},
    {"sec-fetch-site": "same-origin", "origin": "http://evil.example"},
]


def refusal(method: str, path: str, *, host: str = OWN, token: str = TOKEN, **headers: str) -> str:
    given = {"host": host, TOKEN_HEADER.lower(): token, **headers}
    return RULES.refusal(PageRequest(method, path, given))


@pytest.mark.parametrize(("method", "path"), [*CHANGES, *READS])
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_pages_of_other_origins_are_refused(method: str, path: str, headers: dict[str, str]) -> None:
    """On every path, even with the token. Another port is another origin."""
    assert "other origins" in refusal(method, path, **headers)


@pytest.mark.parametrize(("method", "path"), [*CHANGES, *READS])
@pytest.mark.parametrize(
    "host",
    ["evil.example:8089", "127.0.0.1.evil.example", "loadbox.evil.example", "", "a@127.0.0.1", "127.0.0.1:8089/x",
     "127.0.0.1:8089,evil.example", "[::1", "local\nhost", "localhost:123456"],
)  # fmt: skip
def test_a_name_that_a_page_can_make_resolve_here_is_refused(method: str, path: str, host: str) -> None:
    """Its page would count as one of the same origin."""
    reason = refusal(method, path, host=host, **{"origin": f"http://{host}", "sec-fetch-site": "same-origin"})
    assert "host name" in reason


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("token", ["", "other", "THE-TOKEN", "the-token "])
def test_a_change_needs_the_token(method: str, path: str, token: str) -> None:
    """Also from clients that are no browsers. Other requests do not need it."""
    assert TOKEN_HEADER in refusal(method, path, token=token)
    assert TOKEN not in refusal(method, path, token=token)
    assert refusal(method, path) == ""


@pytest.mark.parametrize(("method", "path"), READS)
@pytest.mark.parametrize(
    "host", [OWN, "localhost:8089", "LOADBOX:8089", "[::1]:8089", "10.1.2.3", "localhost"]
)
def test_its_own_pages_are_served(method: str, path: str, host: str) -> None:
    """By any address that no page can stand for, and without a header of browsers."""
    own = {"origin": f"http://{host}", "sec-fetch-site": "same-origin"}
    assert refusal(method, path, host=host, token="", **own) == ""
    assert refusal(method, path, host=host, token="", **{"sec-fetch-site": "none"}) == ""
    assert refusal(method, path, host=host, token="") == ""
    assert refusal("POST", "/swarm", host=host, **own) == ""


def test_a_link_on_another_page_may_lead_here() -> None:
    """It shows a page; it changes nothing."""
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert refusal("GET", "/", **link) == ""
    assert refusal("GET", "/stop", **link) != ""
    assert refusal("POST", "/swarm", **link) != ""


def test_before_the_login_a_page_cannot_know_the_token() -> None:
    """The form of a login is refused only if it is that of another page."""
    own = PageRequest("POST", "/login", {"host": OWN, "origin": f"http://{OWN}"})
    foreign = PageRequest("POST", "/login", {"host": OWN, "origin": "http://evil.example"})
    assert RULES.refusal(own, needs_token=False) == ""
    assert RULES.refusal(foreign, needs_token=False) != ""
