"""Settings of all tests: Hypothesis, Ctrl-C, and the files that botocore reads."""

from __future__ import annotations

import gc
import signal
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader, Loader
from hypothesis import settings

from vecgate.redaction import forget_secrets

# Examples are the same in every run, so that coverage is too. `make test-deep` looks for new ones.
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=15, print_blob=True)
settings.register_profile("deep", deadline=None, max_examples=1_000, print_blob=True)
settings.load_profile("quick")

# A background job of a script ignores SIGINT, and some tests interrupt themselves.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


#: `test_plugin_projects.py` runs them as projects of their own.
collect_ignore = ["plugin_projects"]
#: Only these tests measure the branches of `bulk` and `endpoint`. Tracing doubles the time of a test.
MEASURED = {"bulk", "endpoint", "testing"}


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from visiting the many objects of the collected tests again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Do not trace the tests of other packages."""
    folder = Path(__file__).parent
    for item in items:
        if item.path.relative_to(folder).parts[0] not in MEASURED:
            item.add_marker("no_cover")


@pytest.fixture(autouse=True)
def _forget_secrets() -> Iterator[None]:
    """Forget the credentials of each test, so that they are not redacted in the output of the next."""
    yield
    forget_secrets()


@pytest.fixture(autouse=True, scope="session")
def _cache_botocore_files() -> Iterator[None]:
    """Read botocore's data files once per process. Each session reads them, which costs more than most tests."""
    load_file, list_services = JSONFileLoader.load_file, Loader.list_available_services

    @cache
    def load_file_cached(path: str) -> Any:
        return load_file(JSONFileLoader(), path)

    @cache
    def list_services_by_path(search_paths: tuple[str, ...], type_name: str) -> list[str]:
        services: list[str] = list_services(
            Loader(list(search_paths), include_default_search_paths=False), type_name
        )
        return services

    def list_services_cached(loader: Loader, type_name: str) -> list[str]:
        return list_services_by_path(tuple(loader.search_paths), type_name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: load_file_cached(path))
        patch.setattr(Loader, "list_available_services", list_services_cached)
        yield
