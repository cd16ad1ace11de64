"""The pytest plugin: its options, its marks, and fixtures for your own tests.

pytest loads this module into every run once vecgate is installed, so it imports only pytest. Everything else
is imported when a fixture is used. Each option `--vecgate-…` has an ini setting of the same name with
underscores; the command line takes precedence.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from vecgate.conformance_kit.plugin_options import add_options, capture_scope_of, prefix_of

if TYPE_CHECKING:
    from vecgate.fixtures.endpoint_control import (
        EndpointControl,
        EndpointFaults,
        ReceivedRequests,
        RemoteEndpoint,
    )
    from vecgate.fixtures.index_factory import Index, IndexFactory
    from vecgate.resources.resource_factory import ResourceFactory
    from vecgate.targets.target import Target

SUITE = "vecgate.conformance"
CURRENT_ITEM = pytest.StashKey[pytest.Item]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and an ini setting for each of them."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, and the suite if it is named as a package: its conftest.py would run too late."""
    config.addinivalue_line(
        "markers",
        "requirement(id, kind, evidence, source): the requirement of S3 Vectors that the test checks",
    )
    config.addinivalue_line(
        "markers", "vecgate: send what S3 Vectors clients request to the endpoint of s3vectors_endpoint"
    )
    if any(argument.startswith(SUITE) for argument in config.args):
        from vecgate.conformance_kit.suite_plugin import register  # noqa: PLC0415 - imported on use

        register(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests with the mark `vecgate` the fixture `s3vectors_endpoint`, also methods of unittest."""
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("vecgate"):
            item.fixturenames.insert(0, "s3vectors_endpoint")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember the test, for indexes with a scope."""
    item.config.stash[CURRENT_ITEM] = item


@pytest.fixture(scope="session")
def _vecgate_control(pytestconfig: pytest.Config) -> Iterator[EndpointControl | None]:
    """The local endpoint, in a thread of this process; None if an option names another target."""
    from vecgate.conformance_kit.target_session import (  # noqa: PLC0415 - imported on use
        start_limit_error,
        target_choice,
    )
    from vecgate.errors import NotReadyInTime  # noqa: PLC0415 - as above
    from vecgate.process import START_TIMEOUT_S  # noqa: PLC0415 - as above

    choice = target_choice(pytestconfig, os.environ)
    if choice.name != "local":
        yield None
        return
    from vecgate.fixtures.endpoint_control import EndpointControl  # noqa: PLC0415 - imported on use

    with ExitStack() as exits:
        try:
            control = exits.enter_context(
                EndpointControl(start_timeout_s=choice.start_limit_s or START_TIMEOUT_S)
            )
        except NotReadyInTime as error:
            raise start_limit_error(error) from error
        yield control


@pytest.fixture(scope="session")
def s3vectors_target(
    pytestconfig: pytest.Config, _vecgate_control: EndpointControl | None
) -> Iterator[Target]:
    """The target of the tests: a local endpoint that is started now, or the target that an option names."""
    from vecgate.conformance_kit.target_session import (  # noqa: PLC0415 - imported on use
        open_target_from_options,
        target_choice,
    )

    if _vecgate_control is None:
        with open_target_from_options(pytestconfig, os.environ) as target:
            yield target
        return
    from vecgate.fixtures.captured_clients import profiles_ignored  # noqa: PLC0415 - as above
    from vecgate.targets.url_target import LOCAL_CREDENTIALS, target_from_url  # noqa: PLC0415 - as above

    choice, url = target_choice(pytestconfig, os.environ), _vecgate_control.url
    with profiles_ignored():
        target = target_from_url(url, choice, os.environ, name="local", credentials=LOCAL_CREDENTIALS)
    yield target


@pytest.fixture(scope=capture_scope_of)
def s3vectors_endpoint(
    s3vectors_target: Target, _vecgate_control: EndpointControl | None, _vecgate_resources: ResourceFactory
) -> Iterator[EndpointControl | RemoteEndpoint]:
    """The endpoint, to which all clients send their requests, also those that the application creates.

    Buckets that the test creates are removed after it. With `--vecgate-target aws` the clients are the
    application's own.
    """
    from vecgate.fixtures.captured_clients import clients_captured  # noqa: PLC0415 - imported on use
    from vecgate.fixtures.endpoint_control import RemoteEndpoint  # noqa: PLC0415 - imported on use

    target, control = s3vectors_target, _vecgate_control
    if control is None:
        with clients_captured(target, redirect=False):
            yield RemoteEndpoint(target.endpoint_url or "", target.region)
        return
    control.restore()
    before = control.bucket_names()
    try:
        with clients_captured(target, redirect=True):
            yield control
    finally:
        control.restore()
        for name in control.bucket_names() - before - _vecgate_resources.buckets:
            _vecgate_resources.remove_bucket(name)


def _control_of(endpoint: EndpointControl | RemoteEndpoint) -> EndpointControl:
    from vecgate.fixtures.endpoint_control import EndpointControl  # noqa: PLC0415 - imported on use

    if not isinstance(endpoint, EndpointControl):
        pytest.skip("only the local endpoint can be controlled, and --vecgate-target names another target")
    return endpoint


@pytest.fixture
def s3vectors_faults(s3vectors_endpoint: EndpointControl | RemoteEndpoint) -> EndpointFaults:
    """Faults of the local endpoint, until the end of the test, such as `s3vectors_faults.throttle(0.2)`."""
    return _control_of(s3vectors_endpoint).faults


@pytest.fixture
def s3vectors_requests(s3vectors_endpoint: EndpointControl | RemoteEndpoint) -> ReceivedRequests:
    """The requests that the local endpoint has received since `s3vectors_endpoint` began."""
    return _control_of(s3vectors_endpoint).requests


@pytest.fixture(scope="session")
def s3vectors_client(s3vectors_target: Target) -> Iterator[Any]:
    """A boto3 `s3vectors` client of the target."""
    from vecgate.fixtures.captured_clients import profiles_ignored  # noqa: PLC0415 - imported on use

    with profiles_ignored(s3vectors_target):
        client = s3vectors_target.client()
    yield client
    client.close()


@pytest.fixture(scope="session")
def _vecgate_resources(
    s3vectors_target: Target,
    s3vectors_client: Any,  # noqa: ANN401 - boto3
    pytestconfig: pytest.Config,
) -> Iterator[ResourceFactory]:
    from vecgate.conformance_kit.target_session import worker_name  # noqa: PLC0415 - imported on use
    from vecgate.fixtures.captured_clients import profiles_ignored  # noqa: PLC0415 - as above
    from vecgate.resources.resource_factory import open_resource_factory  # noqa: PLC0415 - as above
    from vecgate.results.provenance import new_run_id  # noqa: PLC0415 - imported on use

    prefix, worker = prefix_of(pytestconfig), worker_name(pytestconfig)
    with ExitStack() as exits:
        with profiles_ignored(s3vectors_target):
            resources = exits.enter_context(
                open_resource_factory(
                    s3vectors_target, s3vectors_client, prefix=prefix, run=new_run_id(), worker=worker
                )
            )
        yield resources


@pytest.fixture(scope="session")
def vector_bucket(_vecgate_resources: ResourceFactory) -> Iterator[str]:
    """The name of a bucket, one per worker. The bucket and its indexes are removed after the last test."""
    name = _vecgate_resources.make_bucket().name
    yield name
    _vecgate_resources.remove_bucket(name)


@pytest.fixture(scope="session")
def vector_index_factory(
    vector_bucket: str,
    s3vectors_client: Any,  # noqa: ANN401 - boto3
    _vecgate_resources: ResourceFactory,
    pytestconfig: pytest.Config,
) -> IndexFactory:
    """Makes indexes: `vector_index_factory(dimension=384, metric="euclidean", scope="module")`."""
    from vecgate.fixtures.index_factory import IndexFactory  # noqa: PLC0415 - imported on use

    return IndexFactory(
        s3vectors_client, _vecgate_resources, vector_bucket, lambda: pytestconfig.stash[CURRENT_ITEM]
    )


@pytest.fixture
def vector_index(vector_index_factory: IndexFactory, request: pytest.FixtureRequest) -> Index:
    """A new index for each test, with `put`, `get`, `query`, `scan`, `delete`, `name`, `bucket` and `arn`.

    It has 2 dimensions and the cosine metric. To change this:
    `@pytest.mark.parametrize("vector_index", [{"dimension": 3, "metric": "euclidean"}], indirect=True)`.
    """
    return vector_index_factory(**getattr(request, "param", {}))
