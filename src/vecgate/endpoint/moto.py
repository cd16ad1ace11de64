"""The moto adapter: inside `@mock_aws`, this endpoint answers the whole S3 Vectors API.

moto's own S3 Vectors has no QueryVectors, no pages and no index modes. While the adapter is installed, moto
finds it in its table of URL paths for the service, which also serves moto's server mode. There is one state
for each account and region; moto's reset clears it. Other services of moto are unaffected.

    from vecgate.endpoint.moto import install

    install()  # in conftest.py; or `with install():`

    @mock_aws
    def test_search():
        client = boto3.client("s3vectors", region_name="eu-west-1")
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeAlias

from vecgate.endpoint.core import apply
from vecgate.endpoint.requests.messages import Request
from vecgate.endpoint.storage.state import DEFAULT_REGION, State
from vecgate.errors import UsageError

try:
    from moto import backend_index
    from moto.core.base_backend import BackendDict, BaseBackend
    from moto.iam.models import get_account_id_from
    from moto.s3vectors import urls
    from moto.utilities.utils import PARTITION_NAMES, get_partition
except ImportError as missing:
    raise UsageError(
        f"vecgate.endpoint.moto needs a moto that has S3 Vectors: {missing}",
        hint="pip install 'vecgate[moto]'",
    ) from missing

#: Status, headers and body, in the form that moto expects.
MotoResponse: TypeAlias = tuple[int, dict[str, str], bytes]

SERVICE = "s3vectors"
#: Any path of the service, in moto's notation.
ANY_PATH = "{0}/.*$"
#: Endpoints that moto does not map to the service: FIPS, and those in China.
EXTRA_HOSTS = r"https?://s3vectors(?:-fips\.(.+)\.api\.aws|\.(.+)\.api\.amazonwebservices\.com\.cn)"
CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/")
ANONYMOUS = "anonymous"


class RegionalStates(BaseBackend):
    """The states of one account in one partition, by region. moto resets it by creating a new one."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.states: dict[str, State] = {}

    def state_in(self, region: str) -> State:
        """Return the state of *region*, empty at first."""
        if region not in self.states:
            self.states[region] = State(account=self.account_id, region=region, partition=self.partition)
        return self.states[region]


class MotoBackend:
    """Answers the S3 Vectors requests that moto intercepts, one at a time.

    As a context manager it uninstalls itself at the end.

    clock  returns the time in epoch seconds
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._backends = BackendDict(
            RegionalStates, SERVICE, use_boto3_regions=False, additional_regions=PARTITION_NAMES
        )
        self._hosts = (SERVICE, re.compile(EXTRA_HOSTS))
        self._original_paths = dict(urls.url_paths)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        uninstall()

    def respond(self, request: Any, url: str, headers: Any) -> MotoResponse:  # noqa: ANN401 - moto ships no types
        """Return the response to moto's *request*. *url* is still percent-encoded."""
        received = Request.from_url(request.method, url, request.get_data())
        access_key, region = _parse_credential(headers.get("Authorization", ""))
        account = (
            os.environ.get("MOTO_ACCOUNT_ID")
            or headers.get("x-moto-account-id")
            or get_account_id_from(access_key)
        )
        with self._lock:
            state = self._backends[account][get_partition(region)].state_in(region)
            response = apply(state, received, self._clock())
        return response.status, dict(response.headers()), response.body

    def register(self) -> None:
        """Make moto call this adapter for every path of the service."""
        urls.url_paths.clear()
        urls.url_paths[ANY_PATH] = self.respond
        urls.url_bases.append(EXTRA_HOSTS)
        backend_index.backend_url_patterns.append(self._hosts)

    def unregister(self) -> None:
        """Restore moto's own tables."""
        backend_index.backend_url_patterns.remove(self._hosts)
        urls.url_bases.remove(EXTRA_HOSTS)
        urls.url_paths.clear()
        urls.url_paths.update(self._original_paths)


def install(*, clock: Callable[[], float] = time.time) -> MotoBackend:
    """Answer S3 Vectors inside `mock_aws` until `uninstall`. A second call has no effect."""
    backend = _installed()
    if backend is None:
        backend = MotoBackend(clock=clock)
        backend.register()
    return backend


def uninstall() -> None:
    """Give S3 Vectors back to moto. No effect if the adapter is not installed."""
    if backend := _installed():
        backend.unregister()


def _installed() -> MotoBackend | None:
    backend = getattr(urls.url_paths.get(ANY_PATH), "__self__", None)
    return backend if isinstance(backend, MotoBackend) else None


def _parse_credential(authorization: str) -> tuple[str, str]:
    """Return the access key and the region in the Authorization header of a signed request."""
    match = CREDENTIAL.search(authorization)
    return (match[1], match[2]) if match else (ANONYMOUS, DEFAULT_REGION)
