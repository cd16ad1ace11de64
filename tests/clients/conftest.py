"""One endpoint with authentication for all real clients, and a new bucket for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from itertools import count

import pytest
from client_programs import Access, Keys
from sample_index import SampleIndex, create_sample
from sdks import UNSUPPORTED, Boto3Sdk, Sdk, open_sdk

from vecgate.endpoint.local import LocalEndpoint

pytest.register_assert_rewrite("bucket_cases", "index_cases", "vector_cases")

NUMBERS = count(1)
REGION, ACCOUNT = "eu-central-1", "123456789012"
ADMINISTRATOR = Keys("VECGATEADMINISTRATOR", "administrator/of+this=endpoint")
SEARCHER = Keys("VECGATESEARCHER", "may-only-search")
TEMPORARY = Keys("VECGATETEMPORARY", "temporary-secret", "token/of+the=session==")
PRINCIPALS = f"""
[[principal]]
name = "administrator"
access_key = "{ADMINISTRATOR.access_key}"
secret_key = "{ADMINISTRATOR.secret_key}"

[[principal]]
name = "searcher"
access_key = "{SEARCHER.access_key}"
secret_key = "{SEARCHER.secret_key}"
allow = ["s3vectors:QueryVectors"]

[[principal]]
name = "temporary"
access_key = "{TEMPORARY.access_key}"
secret_key = "{TEMPORARY.secret_key}"
session_token = "{TEMPORARY.session_token}"
"""


@pytest.fixture(scope="session")
def access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    """An endpoint that checks signatures, with the keys of its administrator."""
    file = tmp_path_factory.mktemp("endpoint") / "keys.toml"
    file.touch(0o600)
    file.write_text(PRINCIPALS)
    with LocalEndpoint(options=["--keys", str(file), "--region", REGION, "--account", ACCOUNT]) as endpoint:
        yield Access(endpoint.url, REGION, ACCOUNT, ADMINISTRATOR)


@pytest.fixture(scope="session")
def searcher_keys() -> Keys:
    """Keys of a principal that may use only QueryVectors."""
    return SEARCHER


@pytest.fixture(scope="session")
def temporary_keys() -> Keys:
    """Temporary keys of a principal with full access."""
    return TEMPORARY


@pytest.fixture(scope="session")
def service(access: Access) -> Iterator[Sdk]:
    """A client that prepares and checks tests, separate from the client under test."""
    with closing(Boto3Sdk(access)) as sdk:
        yield sdk


@pytest.fixture(scope="session")
def sdks(access: Access) -> Iterator[Callable[[str], Sdk]]:
    """Return the client of a name. Each is started once."""
    with ExitStack() as stack:
        yield cache(lambda name: stack.enter_context(closing(open_sdk(name, access))))


@pytest.fixture(params=UNSUPPORTED)
def sdk(request: pytest.FixtureRequest, sdks: Callable[[str], Sdk]) -> Sdk:
    """Every client in turn."""
    return sdks(request.param)


@pytest.fixture(params=["by name", "by ARN"])
def sample(request: pytest.FixtureRequest, access: Access, service: Sdk) -> SampleIndex:
    """A new bucket with an index and three vectors, addressed by name and by ARN in turn."""
    sample = SampleIndex(f"clients-{next(NUMBERS)}", access, by_arn=request.param == "by ARN")
    create_sample(sample, service)
    return sample


@pytest.fixture
def sample_by_name(access: Access, service: Sdk) -> SampleIndex:
    """A new bucket with an index and three vectors, addressed by name."""
    sample = SampleIndex(f"clients-{next(NUMBERS)}", access)
    create_sample(sample, service)
    return sample
