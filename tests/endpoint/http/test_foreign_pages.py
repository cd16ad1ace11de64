"""The endpoint in Chromium: a page of another origin can neither change nor read anything."""

from __future__ import annotations

from browser_pages import REBOUND, attack_script, chromium, foreign_page
from serving import Server, raw_request


def test_a_page_of_another_origin_changes_and_reads_nothing() -> None:
    """Without authentication, on every path; also by a name that resolves to this machine."""
    made = b'{"vectorBucketName":"bucket-of-the-user"}'
    with Server() as server, chromium() as browser:
        assert server.send(raw_request("POST", "/CreateVectorBucket", made))[0] == 200
        requests = [
            ("POST", f"{server.url}/DeleteVectorBucket", made.decode()),
            ("POST", f"{server.url}/CreateVectorBucket", '{"vectorBucketName":"made-by-a-web-page"}'),
            ("POST", f"{server.url}/_vecgate/reset", ""),
        ]
        page = browser.new_page()
        with foreign_page(attack_script(requests, f"{server.url}/health")) as (url, _):
            page.goto(url)
            page.wait_for_function("document.title != 'begun'")
        assert page.title() == "refused"
        # Over plain HTTP Chromium sends neither `Origin` nor `Sec-Fetch-…` with a GET of the same origin.
        rebound = page.goto(f"http://{REBOUND}:{server.url.rpartition(':')[2]}/health")
        assert rebound is not None
        assert rebound.status == 403
        assert (
            page.evaluate(
                "fetch('/health', {headers: {'accept-language': ''}}).then((answer) => answer.status)"
            )
            == 403
        )
        own_name = "fetch('/ListVectorBuckets', {method: 'POST', body: '{}'}).then((answer) => answer.status)"
        assert page.evaluate(own_name) == 403
        assert list(server.state.buckets) == ["bucket-of-the-user"]
