"""One endpoint with auth on for all real clients, and a place of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from itertools import count

import pytest
from client_programs import Access, Keys
from places import Place, fill
from sdks import LACKING, Boto3Sdk, Sdk, sdk_named

from vecgate.endpoint.local import LocalEndpoint

pytest.register_assert_rewrite("bucket_cases", "index_cases", "vector_cases")

NUMBERS = count(1)
REGION, ACCOUNT = "eu-central-1", "123456789012"
ADMINISTRATOR = Keys("VECGATEADMINISTRATOR", "administrator/of+this=endpoint")
SEARCHER = Keys("VECGATESEARCHER", "may-only-search")
VISITOR = Keys("VECGATEVISITOR", "comes-and-goes", "token/of+the=visitor==")
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
name = "visitor"
access_key = "{VISITOR.access_key}"
secret_key = "{VISITOR.secret_key}"
session_token = "{VISITOR.session_token}"
"""


@pytest.fixture(scope="session")
def access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    """An endpoint that checks signatures, and the keys of its administrator."""
    file = tmp_path_factory.mktemp("endpoint") / "keys.toml"
    file.write_text(PRINCIPALS)
    with LocalEndpoint(options=["--keys", str(file), "--region", REGION, "--account", ACCOUNT]) as endpoint:
        yield Access(endpoint.url, REGION, ACCOUNT, ADMINISTRATOR)


@pytest.fixture(scope="session")
def searcher() -> Keys:
    """Keys of one who may use nothing but QueryVectors."""
    return SEARCHER


@pytest.fixture(scope="session")
def visitor() -> Keys:
    """Temporary keys of one who may do everything."""
    return VISITOR


@pytest.fixture(scope="session")
def service(access: Access) -> Iterator[Sdk]:
    """A client for what a test needs beside the one that it is about."""
    with closing(Boto3Sdk(access)) as sdk:
        yield sdk


@pytest.fixture(scope="session")
def sdks(access: Access) -> Iterator[Callable[[str], Sdk]]:
    """Gives a client by its name. Each is started once."""
    with ExitStack() as stack:
        yield cache(lambda name: stack.enter_context(closing(sdk_named(name, access))))


@pytest.fixture(params=LACKING)
def sdk(request: pytest.FixtureRequest, sdks: Callable[[str], Sdk]) -> Sdk:
    """Each client in turn."""
    return sdks(request.param)


@pytest.fixture(params=["by name", "by ARN"])
def place(request: pytest.FixtureRequest, access: Access, service: Sdk) -> Place:
    """A new bucket, its index and three vectors, addressed in both ways."""
    place = Place(f"clients-{next(NUMBERS)}", access, by_arn=request.param == "by ARN")
    fill(place, service)
    return place


@pytest.fixture
def home(access: Access, service: Sdk) -> Place:
    """The same, addressed by name."""
    place = Place(f"clients-{next(NUMBERS)}", access)
    fill(place, service)
    return place
