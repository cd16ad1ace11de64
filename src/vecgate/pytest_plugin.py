"""The pytest plugin: options, the mark of a requirement, and fixtures for your own suite.

pytest loads this into every run of whoever has vecgate installed, so it imports nothing but pytest; the rest
comes when a fixture is used. Options are `--vecgate-…`; each has an ini setting of the same name with
underscores, which the command line beats.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from vecgate.testing.options import add_options, prefix_of

if TYPE_CHECKING:
    from vecgate.targets.target import Target
    from vecgate.testing.resources import Index, Resources

SUITE = "vecgate.conformance"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and an ini setting for each."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and the suite where it is named as a package: its conftest would come too late."""
    config.addinivalue_line(
        "markers", "requirement(id, level, evidence, source): the promise of S3 Vectors that the test checks"
    )
    if any(argument.startswith(SUITE) for argument in config.args):
        from vecgate.testing.suite import register  # noqa: PLC0415 - costs nothing where it is not asked for

        register(config)


@pytest.fixture(scope="session")
def s3vectors_target(pytestconfig: pytest.Config) -> Iterator[Target]:
    """Where the tests go: a local endpoint, started now, unless an option names another target."""
    from vecgate.testing.opening import opened_target  # noqa: PLC0415 - imported on use

    with opened_target(pytestconfig, os.environ) as target:
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
) -> Iterator[Resources]:
    from vecgate.results.provenance import new_run  # noqa: PLC0415 - imported on use
    from vecgate.testing.opening import worker_of  # noqa: PLC0415 - imported on use
    from vecgate.testing.resources import opened_resources  # noqa: PLC0415 - as above

    prefix, worker = prefix_of(pytestconfig), worker_of(pytestconfig)
    with opened_resources(
        s3vectors_target, s3vectors_client, prefix=prefix, run=new_run(), worker=worker
    ) as resources:
        yield resources


@pytest.fixture(scope="session")
def vector_bucket(_vecgate_resources: Resources) -> Iterator[str]:
    """The name of a bucket, one for each worker, gone with its indexes when the tests have ended."""
    name = _vecgate_resources.make_bucket().name
    yield name
    _vecgate_resources.remove_bucket(name)


@pytest.fixture
def vector_index(
    vector_bucket: str, _vecgate_resources: Resources, request: pytest.FixtureRequest
) -> Iterator[Index]:
    """A new index for each test: `put`, `get`, `query`, `list`, `delete`, and `name`, `bucket`, `arn`.

    `@pytest.mark.parametrize("vector_index", [{"dimension": 3, "metric": "euclidean"}], indirect=True)`
    makes another than 2 dimensions and cosine.
    """
    index = _vecgate_resources.make_index(vector_bucket, **getattr(request, "param", {}))
    yield index
    _vecgate_resources.remove_index(index.bucket, index.name)
