"""Fixtures of the suite: the target, clients, and buckets and indexes that are removed after each test."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, Phase, settings
from hypothesis.configuration import set_hypothesis_home_dir
from platformdirs import user_cache_path

from vecgate.conformance_kit.plugin_options import option, prefix_of
from vecgate.conformance_kit.requests.exchanges import ExchangeLog
from vecgate.conformance_kit.requests.expected_errors import ErrorExpectation, refusal_reason
from vecgate.conformance_kit.requests.raw_client import RawAnswer, RawClient
from vecgate.conformance_kit.requests.tolerant_reading import (
    DistanceForm,
    TolerantBucket,
    TolerantIndex,
    accept_any_timestamp,
)
from vecgate.conformance_kit.shared_indexes import BuildIndex, SharedIndexes, ShareIndex
from vecgate.conformance_kit.shrink_budget import ShrinkBudget, budget_of_worker
from vecgate.conformance_kit.suite_plugin import SuitePlugin, register
from vecgate.conformance_kit.target_session import worker_name
from vecgate.gate.requirement_rules import BLOCKED_BY
from vecgate.resources.handles import BucketHandle, IndexHandle, MakeIndex
from vecgate.resources.resource_factory import ResourceFactory, open_resource_factory
from vecgate.targets.target import Target

#: Fixtures live as long as a test, not an example, so every example creates its own resources.
SHARED: dict[str, Any] = {
    "deadline": None,
    "print_blob": True,
    "report_multiple_bugs": False,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


#: Without the phase that explains which parts of an example matter: it repeats the test many times.
PHASES = (Phase.explicit, Phase.generate, Phase.shrink)


def pytest_configure(config: pytest.Config) -> None:
    """Make this a conformance run. Hypothesis is derandomized, except with the profile `deep`."""
    register(config, Path(__file__).parent)
    set_hypothesis_home_dir(user_cache_path("vecgate") / "hypothesis")
    # The names must not collide with profiles of the tests that start a suite in their own process.
    brief = {"derandomize": True, "database": None, "phases": PHASES, **SHARED}
    settings.register_profile("vecgate-quick", max_examples=10, **brief)
    settings.register_profile("vecgate-ci", max_examples=50, **brief)
    settings.register_profile("vecgate-deep", max_examples=1_000, **SHARED)
    profile = option(config, "hypothesis") or ("quick" if option(config, "level") == "quick" else "ci")
    settings.load_profile(f"vecgate-{profile}")
    if profile != "deep":
        workers = getattr(config, "workerinput", {}).get("workercount", 1)
        config.pluginmanager.register(ShrinkLimit(budget_of_worker(workers)))


class ShrinkLimit:
    """The hook that limits the search for smaller examples in each test."""

    def __init__(self, budget: ShrinkBudget) -> None:
        self._budget = budget

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        """Limit a test of the suite."""
        with self._budget.limit():
            return (yield)


@pytest.fixture(scope="session")
def suite(pytestconfig: pytest.Config) -> SuitePlugin:
    """The plugin of this run."""
    return register(pytestconfig)


@pytest.fixture(scope="session")
def target(suite: SuitePlugin) -> Target:
    """The target of the run."""
    return suite.session().target


@pytest.fixture(scope="session")
def log(suite: SuitePlugin) -> ExchangeLog:
    """Requests and answers of the running test."""
    return suite.log


@pytest.fixture(scope="session")
def client(suite: SuitePlugin, target: Target, log: ExchangeLog) -> Iterator[Any]:
    """A boto3 client without parameter validation, which retries only what a limit of the rate refused."""
    client = target.client(is_checked=False, parameter_validation=False, **suite.guard.client_settings)
    accept_any_timestamp(client)
    log.watch(client)
    suite.guard.watch(client, is_strict=True)
    suite.patience.watch(client)
    yield client
    client.close()


@pytest.fixture(scope="session")
def raw(
    suite: SuitePlugin, target: Target, client: Any, log: ExchangeLog, resources: ResourceFactory
) -> RawClient:
    """An HTTP client below boto3: any method, path, header and body."""

    def track(path: str, body: bytes, answer: RawAnswer) -> None:
        resources.track_raw(path, body, answer.status, answer.json)

    return RawClient(
        target,
        target.resolve_url(client),
        log,
        guard=suite.guard,
        patience=suite.patience,
        on_answer=track,
    )


@pytest.fixture
def expect_error(client: Any) -> ErrorExpectation:
    """Call an operation that must fail, and check its error."""
    return ErrorExpectation(client)


@pytest.fixture(scope="session")
def resources(
    suite: SuitePlugin, client: Any, log: ExchangeLog, pytestconfig: pytest.Config
) -> Iterator[ResourceFactory]:
    """Creates buckets and indexes, and removes them. Tests use `make_bucket` and `make_index`."""
    session = suite.session()
    prefix, worker = prefix_of(pytestconfig), worker_name(pytestconfig)
    with open_resource_factory(
        session.target,
        client,
        prefix=prefix,
        run=session.run,
        worker=worker,
        timeout_s=suite.guard.timeout_s,
    ) as resources:
        resources.track(client)
        log.watch(resources.cleaner)
        yield resources
    suite.summary.orphaned += resources.orphaned


@pytest.fixture(autouse=True)
def _remove_tracked_resources(resources: ResourceFactory) -> Iterator[None]:
    """Remove resources that a test created although the target should have rejected the request."""
    yield
    resources.remove_tracked()


@pytest.fixture
def new_name(resources: ResourceFactory) -> Callable[[], str]:
    """Returns unused names. A bucket that gets such a name is tracked, so it is removed after the test."""

    def name() -> str:
        unused = resources.new_name()
        resources.announce(unused)
        return unused

    return name


def tolerant_bucket(client: Any, bucket: BucketHandle) -> TolerantBucket:
    """Return a handle to *bucket* whose ARN may be unknown."""
    return TolerantBucket(client, bucket.name, bucket.arn)


@pytest.fixture
def some_bucket(resources: ResourceFactory, client: Any) -> TolerantBucket:
    """A bucket in which other tests create indexes, too. A test does not change it."""
    return tolerant_bucket(client, resources.shared_bucket())


@pytest.fixture
def index_name(resources: ResourceFactory) -> str:
    """A name that no index has."""
    return resources.new_name()


@pytest.fixture
def make_bucket(resources: ResourceFactory, client: Any) -> Iterator[Callable[..., BucketHandle]]:
    """Creates a bucket that no other test uses: `make_bucket(**members)`."""
    names: list[str] = []

    def make(**members: Any) -> BucketHandle:
        names.append(resources.new_name())
        return tolerant_bucket(client, resources.make_bucket(names[-1], **members))

    yield make
    for each in reversed(names):
        resources.remove_bucket(each)


@pytest.fixture(scope="session")
def top_k_error(resources: ResourceFactory) -> str:
    """Why the target rejects a topK above 100, or empty."""
    try:
        index = resources.make_index()
    except (BotoCoreError, ClientError, LookupError, TypeError):
        return ""
    try:
        index.query([1.0, 0.0], 101)
    except ClientError as error:
        return refusal_reason(error)
    except (BotoCoreError, LookupError, TypeError, AssertionError):
        return ""
    finally:
        resources.remove_index(index.bucket, index.name)
    return ""


@pytest.fixture
def more_than_a_page(top_k_error: str) -> None:
    """Skip a test of result pages if the target rejects a topK above 100, which one requirement is about."""
    if top_k_error:
        pytest.skip(f"{BLOCKED_BY}query-vectors.one-more-than-a-page: topK 101 is rejected: {top_k_error}")


@pytest.fixture(scope="session")
def distance_form(resources: ResourceFactory) -> DistanceForm:
    """Whether the target returns the root of euclidean distances."""
    return DistanceForm(resources.make_index, lambda index: resources.remove_index(index.bucket, index.name))


@pytest.fixture(scope="session")
def make_tolerant_index(resources: ResourceFactory, distance_form: DistanceForm) -> MakeIndex:
    """Creates an index that reads other forms of a value as Amazon writes it, and that nothing removes."""

    def make(
        bucket: BucketHandle | str | None = None, *, metric: str = "cosine", **members: Any
    ) -> IndexHandle:
        index = resources.make_index(bucket, metric=metric, **members)
        return TolerantIndex(index, metric, distance_form.is_rooted)

    return make


@pytest.fixture
def make_index(resources: ResourceFactory, make_tolerant_index: MakeIndex) -> Iterator[MakeIndex]:
    """Creates an index: `make_index(dimension=2, metric="cosine", non_filterable=(), **members)`."""
    indexes: list[IndexHandle] = []

    def make(*bucket: BucketHandle | str | None, **members: Any) -> IndexHandle:
        indexes.append(make_tolerant_index(*bucket, **members))
        return indexes[-1]

    yield make
    for each in reversed(indexes):
        if each.is_removed:
            resources.forget_index(each.bucket, each.name)
        else:
            resources.remove_index(each.bucket, each.name)


@pytest.fixture(scope="session")
def shared_indexes(
    resources: ResourceFactory, make_tolerant_index: MakeIndex, log: ExchangeLog
) -> SharedIndexes:
    """The indexes that tests only read."""
    return SharedIndexes(
        log,
        make_index=make_tolerant_index,
        make_bucket=resources.make_bucket,
        remove_bucket=resources.remove_bucket,
        keep=resources.keep_bucket,
    )


@pytest.fixture
def share_index(suite: SuitePlugin, shared_indexes: SharedIndexes) -> Iterator[ShareIndex]:
    """Returns an index that the test only reads: `share_index(build)`, where `build(make_index)` fills it.

    After a test that fails, the next one gets a new index.
    """
    used: list[BuildIndex] = []

    def share(build: BuildIndex) -> IndexHandle:
        used.append(build)
        return shared_indexes.get(build)

    yield share
    if suite.has_failed:
        for build in used:
            shared_indexes.discard(build)


def build_plain_index(make_index: MakeIndex) -> IndexHandle:
    """Create an index of two dimensions with the metric cosine."""
    return make_index()


@pytest.fixture
def plain_index(share_index: ShareIndex) -> IndexHandle:
    """An index for requests that must be refused. It may contain anything."""
    return share_index(build_plain_index)
