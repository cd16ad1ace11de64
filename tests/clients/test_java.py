"""Behaviour that is specific to Java: its own HTTP client offers HTTP/2 with each request."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from client_programs import Access, run_program

from vecgate.endpoint.local import LocalEndpoint


@pytest.fixture
def unsigned(access: Access) -> Iterator[Access]:
    """An endpoint that accepts any request."""
    with LocalEndpoint() as endpoint:
        yield Access(endpoint.url, access.region, access.account, access.keys)


def test_an_offer_of_http_2_is_ignored_and_the_request_served(unsigned: Access) -> None:
    """`Upgrade: h2c` with a body: it is neither refused nor lost."""
    url = f"{unsigned.url}/CreateVectorBucket"
    body = json.dumps({"vectorBucketName": "films", "tags": {"text": "x" * 200}})
    answer = run_program("java", "JavaLines", unsigned, "http2", url, body)
    assert answer["status"] == 200
    assert json.loads(answer["body"])["vectorBucketArn"].endswith(":bucket/films")
