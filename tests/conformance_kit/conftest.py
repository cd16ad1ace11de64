from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir
from suites import PRELUDE, SUITE, RunSuite, SuiteResult

from vecgate.endpoint.local import LocalEndpoint
from vecgate.results.result_stream import read_conformance_run


@pytest.fixture(scope="session")
def endpoint_url() -> Iterator[str]:
    with LocalEndpoint() as running:
        yield running.url


@pytest.fixture
def run_suite(
    pytester: pytest.Pytester, endpoint_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunSuite]:
    """Run a small conformance suite against an endpoint that all of these tests share."""
    monkeypatch.setenv("XDG_STATE_HOME", str(pytester.path / "state"))
    monkeypatch.delenv("VECGATE_TARGET", raising=False)
    folder = pytester.mkdir("suite")
    for name in ("conftest.py", "pytest.ini", "__init__.py"):
        shutil.copy(SUITE / name, folder)

    def run(body: str, *arguments: str, target: str = endpoint_url, in_process: bool = True) -> SuiteResult:
        (folder / "test_few.py").write_text(PRELUDE + body)
        results = pytester.path / "results.jsonl"
        results.unlink(missing_ok=True)
        words = [str(folder), f"--vecgate-target={target}", f"--vecgate-results={results}", *arguments]
        start = pytester.runpytest_inprocess if in_process else pytester.runpytest_subprocess
        ended = start(*words)
        output = ended.stdout.str() + ended.stderr.str()
        return SuiteResult(
            int(ended.ret), output, read_conformance_run(results) if results.exists() else None
        )

    profile = settings.get_current_profile_name()
    yield run
    settings.load_profile(profile)
    set_hypothesis_home_dir(None)
