from __future__ import annotations

from collections.abc import Iterator

import pytest

from vecgate.endpoint.local import LocalEndpoint


@pytest.fixture(scope="module")
def endpoint_url() -> Iterator[str]:
    """The URL of a running endpoint."""
    with LocalEndpoint() as running:
        yield running.url
