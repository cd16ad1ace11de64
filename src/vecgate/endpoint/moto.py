"""The moto door: `@mock_aws` answers the whole S3 Vectors API through this endpoint.

moto's own S3 Vectors has no QueryVectors, no pages and no index modes. While the door is open, moto finds it
in its table of paths for the service, where it looks every request up, those to its server too. What is
stored belongs to an account and a region, and is gone when moto resets. The rest of moto stays as it is.

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
from urllib.parse import urlsplit

from vecgate.endpoint.answers import Request
from vecgate.endpoint.core import apply
from vecgate.endpoint.state import DEFAULT_REGION, State
from vecgate.errors import UsageError

try:
    from moto import backend_index
    from moto.core.base_backend import BackendDict, BaseBackend
    from moto.iam.models import get_account_id_from
    from moto.s3vectors import urls
    from moto.utilities.utils import PARTITION_NAMES, get_partition
except ImportError as missing:
    raise UsageError(
        f"the moto door needs moto with S3 Vectors: {missing}", hint="pip install 'vecgate[moto]'"
    ) from missing

#: Status, headers and body, as moto has them.
MotoAnswer: TypeAlias = tuple[int, dict[str, str], bytes]

SERVICE = "s3vectors"
#: In moto's notation: any path of the service.
ANY_PATH = "{0}/.*$"
#: Endpoints that moto does not take for the service's: FIPS, and those of China.
MORE_HOSTS = r"https?://s3vectors(?:-fips\.(.+)\.api\.aws|\.(.+)\.api\.amazonwebservices\.com\.cn)"
CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/")
ANONYMOUS = "anonymous"


class StatesBackend(BaseBackend):
    """The states of one account in one partition, by region. moto resets it by making it anew."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.states: dict[str, State] = {}

    def state_in(self, region: str) -> State:
        """The state of *region*, empty at first."""
        if region not in self.states:
            self.states[region] = State(account=self.account_id, region=region, partition=self.partition)
        return self.states[region]


class MotoDoor:
    """Answers the requests that moto has for S3 Vectors, one at a time. As a context manager it closes.

    clock  gives epoch seconds
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._turn = threading.Lock()
        self._backends = BackendDict(
            StatesBackend, SERVICE, use_boto3_regions=False, additional_regions=PARTITION_NAMES
        )
        self._hosts = (SERVICE, re.compile(MORE_HOSTS))
        self._motos_paths = dict(urls.url_paths)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        uninstall()

    def answer(self, request: Any, url: str, headers: Any) -> MotoAnswer:  # noqa: ANN401 - moto ships no types
        """The answer to moto's *request* at *url*, which is still percent-encoded."""
        access_key, region = _signer(headers.get("Authorization", ""))
        account = (
            os.environ.get("MOTO_ACCOUNT_ID")
            or headers.get("x-moto-account-id")
            or get_account_id_from(access_key)
        )
        at = urlsplit(url)
        asked = Request(request.method, at.path, request.get_data(), at.query)
        with self._turn:
            state = self._backends[account][get_partition(region)].state_in(region)
            answer = apply(state, asked, self._clock())
        return answer.status, dict(answer.headers()), answer.body

    def open(self) -> None:
        """Have moto find this door, and nothing else, for the service."""
        urls.url_paths.clear()
        urls.url_paths[ANY_PATH] = self.answer
        urls.url_bases.append(MORE_HOSTS)
        backend_index.backend_url_patterns.append(self._hosts)

    def close(self) -> None:
        """Leave moto as it was found."""
        backend_index.backend_url_patterns.remove(self._hosts)
        urls.url_bases.remove(MORE_HOSTS)
        urls.url_paths.clear()
        urls.url_paths.update(self._motos_paths)


def install(*, clock: Callable[[], float] = time.time) -> MotoDoor:
    """Have `mock_aws` answer S3 Vectors from here until `uninstall`; that it may do already."""
    door = _installed()
    if door is None:
        door = MotoDoor(clock=clock)
        door.open()
    return door


def uninstall() -> None:
    """Give S3 Vectors back to moto; nothing happens where it has it."""
    if door := _installed():
        door.close()


def _installed() -> MotoDoor | None:
    door = getattr(urls.url_paths.get(ANY_PATH), "__self__", None)
    return door if isinstance(door, MotoDoor) else None


def _signer(authorization: str) -> tuple[str, str]:
    """The access key and the region in the header of a signed request."""
    found = CREDENTIAL.search(authorization)
    return (found[1], found[2]) if found else (ANONYMOUS, DEFAULT_REGION)
