from __future__ import annotations

import pytest
from serving import Server, raw_request

from vecgate.endpoint.http.browsers import is_foreign_page

OWN = "127.0.0.1:7333"


def is_refused(*lines: str, host: str | None = OWN, scheme: str = "http") -> bool:
    headers = [] if host is None else [(b"host", host.encode())]
    for line in lines:
        name, _, value = line.partition(": ")
        headers.append((name.lower().encode(), value.encode()))
    return is_foreign_page(headers, scheme=scheme)


@pytest.mark.parametrize(
    "host", [OWN, "localhost:7333", "vecgate:7333", "host.docker.internal", "x", "", None]
)
def test_clients_that_are_no_browsers_may_use_any_host(host: str | None) -> None:
    """Containers reach the endpoint by names of their own. Node.js sends one header of browsers."""
    assert not is_refused("User-Agent: aws-sdk-go", host=host)
    assert not is_refused("Sec-Fetch-Mode: cors", host=host)
    assert not is_refused("Sec-Fetch-Mode: cors", "Accept-Language: *", host=host)


@pytest.mark.parametrize(
    "lines",
    [
        ["Origin: http://evil.example"],
        ["Origin: null"],
        ["Origin: "],
        ["Origin: http://127.0.0.1"],
        ["Origin: http://127.0.0.1:8080"],
        ["Origin: https://127.0.0.1:7333"],
        ["Origin: http://localhost:7333"],
        ["Origin: http://127.0.0.1:7333", "Origin: http://evil.example"],
        ["Origin: http://127.0.0.1:7333", "Sec-Fetch-Site: cross-site"],
        ["Origin: http://[::1"],
        ["Origin: http://127.0.0.1:99999"],
        ["Sec-Fetch-Site: cross-site"],
        ["Sec-Fetch-Site: same-site"],
        ["Sec-Fetch-Site: "],
        ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"],
        ["Sec-Fetch-Mode: no-cors"],
        ["Sec-Fetch-Dest: empty"],
        ["Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"],
        ["Sec-Fetch-Mode: cors", "Origin: http://evil.example"],
        ["Sec-Fetch-User: ?1"],
    ],
)
def test_pages_of_other_origins_are_refused(lines: list[str]) -> None:
    """By either header. Another port is another origin."""
    assert is_refused(*lines)


@pytest.mark.parametrize(
    ("host", "scheme", "origin"),
    [
        (OWN, "http", "http://127.0.0.1:7333"),
        ("localhost:7333", "http", "http://localhost:7333"),
        ("LOCALHOST", "http", "http://localhost:80"),
        ("[::1]:7333", "http", "http://[::1]:7333"),
        ("192.168.1.5", "https", "https://192.168.1.5"),
    ],
)
def test_pages_of_the_endpoint_itself_are_accepted(host: str, scheme: str, origin: str) -> None:
    """Same origin by `Host`, and addresses that the user typed."""
    assert not is_refused(f"Origin: {origin}", host=host, scheme=scheme)
    assert not is_refused(f"Origin: {origin}", "Sec-Fetch-Site: same-origin", host=host, scheme=scheme)
    assert not is_refused("Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", host=host, scheme=scheme)
    assert not is_refused("Accept-Language: en-GB", host=host, scheme=scheme)


@pytest.mark.parametrize("host", ["evil.example:7333", "localhost.evil.example", "vecgate", "x", None])
def test_a_name_that_resolves_to_this_machine_is_no_own_origin(host: str | None) -> None:
    """A page can make its own name resolve to 127.0.0.1; its browser then calls that the same origin."""
    assert is_refused(f"Origin: http://{host}", "Sec-Fetch-Site: same-origin", host=host)
    assert is_refused("Sec-Fetch-Site: same-origin", host=host)
    assert is_refused("Accept-Language: en-GB", host=host)
    assert is_refused("Accept-Language: ", host=host)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/CreateVectorBucket"),
        ("OPTIONS", "/CreateVectorBucket"),
        ("GET", "/health"),
        ("GET", "/_vecgate/metrics"),
        ("POST", "/_vecgate/reset"),
        ("GET", "/nope"),
    ],
)
@pytest.mark.parametrize("header", ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site"])
def test_every_path_refuses_foreign_pages(method: str, path: str, header: str) -> None:
    """Also without authentication. The page cannot read the refusal either."""
    body = b'{"vectorBucketName":"made-by-a-web-page"}'
    with Server() as server:
        status, headers, answer = server.send(raw_request(method, path, body, headers=f"{header}\r\n"))
        assert (status, headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
        assert b"web pages of other origins" in answer
        assert not any(name.startswith("access-control") for name in headers)
        assert server.state.buckets == {}
