"""Fixtures of the suite: a target, a client, bytes on the wire, and buckets and indexes that go again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir
from platformdirs import user_cache_path

from vecgate.targets.target import Target
from vecgate.testing.exchanges import ExchangeLog
from vecgate.testing.opening import worker_of
from vecgate.testing.options import option, prefix_of
from vecgate.testing.raw import RawClient
from vecgate.testing.refusals import Refused
from vecgate.testing.resources import Bucket, Index, Resources, opened_resources
from vecgate.testing.suite import Suite, register

READ_TIMEOUT_S = 30
#: Fixtures live as long as a test, not an example: examples make what they need themselves.
SHARED: dict[str, Any] = {
    "deadline": None,
    "print_blob": True,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


def pytest_configure(config: pytest.Config) -> None:
    """Make this a conformance run, with Hypothesis derandomised unless it is to look deep."""
    register(config, Path(__file__).parent)
    set_hypothesis_home_dir(user_cache_path("vecgate") / "hypothesis")
    settings.register_profile("quick", max_examples=10, derandomize=True, database=None, **SHARED)
    settings.register_profile("ci", max_examples=50, derandomize=True, database=None, **SHARED)
    settings.register_profile("deep", max_examples=1_000, **SHARED)
    named = option(config, "hypothesis") or ("quick" if option(config, "level") == "quick" else "ci")
    settings.load_profile(named)


@pytest.fixture(scope="session")
def suite(pytestconfig: pytest.Config) -> Suite:
    """The run itself."""
    return register(pytestconfig)


@pytest.fixture(scope="session")
def target(suite: Suite) -> Target:
    """Where the run points."""
    return suite.open().target


@pytest.fixture(scope="session")
def log(suite: Suite) -> ExchangeLog:
    """What the running test has sent and got."""
    return suite.log


@pytest.fixture(scope="session")
def client(target: Target, log: ExchangeLog) -> Iterator[Any]:
    """A boto3 client that sends what it is given, once: no validation of its own, no retries."""
    client = target.client(parameter_validation=False, read_timeout=READ_TIMEOUT_S)
    log.watch(client)
    yield client
    client.close()


@pytest.fixture(scope="session")
def raw(target: Target, client: Any, log: ExchangeLog) -> RawClient:
    """Requests below boto3: any method, path, header and byte."""
    return RawClient(target, target.url_of(client), log)


@pytest.fixture
def refused(client: Any) -> Refused:
    """Call an operation that must be refused, and hold the refusal against what is expected."""
    return Refused(client)


@pytest.fixture(scope="session")
def resources(suite: Suite, client: Any, pytestconfig: pytest.Config) -> Iterator[Resources]:
    """Makes buckets and indexes, and removes them. Tests take `make_bucket` and `make_index`."""
    opened = suite.open()
    prefix, worker = prefix_of(pytestconfig), worker_of(pytestconfig)
    with opened_resources(opened.target, client, prefix=prefix, run=opened.run, worker=worker) as resources:
        resources.follow(client)
        yield resources
    suite.told.leaks += resources.leaks


@pytest.fixture(autouse=True)
def _nothing_is_left(resources: Resources) -> Iterator[None]:
    """Remove also what a test made although it should have been refused."""
    yield
    resources.remove_strays()


@pytest.fixture
def new_name(resources: Resources) -> Iterator[Callable[[], str]]:
    """Gives names that nobody uses; a bucket of such a name is removed after the test, whoever made it."""
    given: list[str] = []

    def name() -> str:
        given.append(resources.new_name())
        resources.announce(given[-1])
        return given[-1]

    yield name
    for each in reversed(given):
        resources.remove_bucket(each)


@pytest.fixture
def make_bucket(resources: Resources) -> Iterator[Callable[..., Bucket]]:
    """Makes buckets of the test's own: `make_bucket(**members)`."""
    made: list[str] = []

    def make(**members: Any) -> Bucket:
        made.append(resources.new_name())
        return resources.make_bucket(made[-1], **members)

    yield make
    for each in reversed(made):
        resources.remove_bucket(each)


@pytest.fixture
def make_index(resources: Resources) -> Iterator[Callable[..., Index]]:
    """Makes indexes: `make_index(dimension=2, metric="cosine", non_filterable=(), **members)`."""
    made: list[Index] = []

    def make(bucket: Bucket | str | None = None, **members: Any) -> Index:
        made.append(resources.make_index(bucket, **members))
        return made[-1]

    yield make
    for each in reversed(made):
        resources.remove_index(each.bucket, each.name)
