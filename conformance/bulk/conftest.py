"""The batch client that is judged."""

from __future__ import annotations

import os
from importlib import import_module

import pytest

from .client import BulkClient, VecgateClient

VARIABLE = "VECGATE_BULK_CLIENT"


@pytest.fixture(scope="session")
def bulk_client() -> BulkClient:
    """Vecgate's batch client, or what VECGATE_BULK_CLIENT names as `package.module:make`."""
    named = os.environ.get(VARIABLE)
    if not named:
        return VecgateClient()
    module, _, attribute = named.partition(":")
    client: BulkClient = getattr(import_module(module), attribute)()
    return client
