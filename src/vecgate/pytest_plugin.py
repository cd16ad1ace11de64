"""The pytest plugin: its options, the requirement mark, and fixtures for your own tests.

pytest loads this module into every run once vecgate is installed, so it imports only pytest. Everything else
is imported when a fixture is used. Each option `--vecgate-…` has an ini setting of the same name with
underscores; the command line takes precedence.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from vecgate.conformance_kit.plugin_options import add_options, prefix_of

if TYPE_CHECKING:
    from vecgate.resources.handles import IndexHandle
    from vecgate.resources.resource_factory import ResourceFactory
    from vecgate.targets.target import Target

SUITE = "vecgate.conformance"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and an ini setting for each of them."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and the suite if it is named as a package: its conftest.py would run too late."""
    config.addinivalue_line(
        "markers",
        "requirement(id, kind, evidence, source): the requirement of S3 Vectors that the test checks",
    )
    if any(argument.startswith(SUITE) for argument in config.args):
        from vecgate.conformance_kit.suite_plugin import register  # noqa: PLC0415 - imported on use

        register(config)


@pytest.fixture(scope="session")
def s3vectors_target(pytestconfig: pytest.Config) -> Iterator[Target]:
    """The target of the tests: a local endpoint that is started now, or the target that an option names."""
    from vecgate.conformance_kit.target_session import open_target_from_options  # noqa: PLC0415 - imported on use

    with open_target_from_options(pytestconfig, os.environ) as target:
        yield target


@pytest.fixture(scope="session")
def s3vectors_client(s3vectors_target: Target) -> Iterator[Any]:
    """A boto3 `s3vectors` client of the target."""
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
    from vecgate.resources.resource_factory import open_resource_factory  # noqa: PLC0415 - as above
    from vecgate.results.provenance import new_run_id  # noqa: PLC0415 - imported on use

    prefix, worker = prefix_of(pytestconfig), worker_name(pytestconfig)
    with open_resource_factory(
        s3vectors_target, s3vectors_client, prefix=prefix, run=new_run_id(), worker=worker
    ) as resources:
        yield resources


@pytest.fixture(scope="session")
def vector_bucket(_vecgate_resources: ResourceFactory) -> Iterator[str]:
    """The name of a bucket, one per worker. The bucket and its indexes are removed after the last test."""
    name = _vecgate_resources.make_bucket().name
    yield name
    _vecgate_resources.remove_bucket(name)


@pytest.fixture
def vector_index(
    vector_bucket: str, _vecgate_resources: ResourceFactory, request: pytest.FixtureRequest
) -> Iterator[IndexHandle]:
    """A new index for each test, with `put`, `get`, `query`, `scan`, `delete`, `name`, `bucket` and `arn`.

    It has 2 dimensions and the cosine metric. To change this:
    `@pytest.mark.parametrize("vector_index", [{"dimension": 3, "metric": "euclidean"}], indirect=True)`.
    """
    index = _vecgate_resources.make_index(vector_bucket, **getattr(request, "param", {}))
    yield index
    _vecgate_resources.remove_index(index.bucket, index.name)
