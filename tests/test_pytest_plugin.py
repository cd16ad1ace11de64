"""The pytest plugin in suites of users."""

from __future__ import annotations

import subprocess
import sys

import pytest

import vecgate.resources.resource_factory  # noqa: F401 - numpy cannot be loaded a second time in one process
from vecgate.endpoint.http import thread_server

HEAVY = {
    "boto3",
    "botocore",
    "numpy",
    "pyarrow",
    "hypothesis",
    "msgspec",
    "locust",
    "gevent",
    "moto",
    "uvicorn",
    "rich",
}
FIXTURES = """
def test_put_and_query(vector_index, s3vectors_client, s3vectors_target):
    vector_index.put(("near", [1.0, 0.0]), ("far", [0.0, 1.0]))
    assert [each["key"] for each in vector_index.query([1.0, 0.1])] == ["near", "far"]
    found = s3vectors_client.get_index(vectorBucketName=vector_index.bucket, indexName=vector_index.name)
    assert found["index"]["dimension"] == 2
    assert s3vectors_target.name == "local"

def test_each_test_has_an_index_of_its_own(vector_index, vector_bucket):
    assert vector_index.keys() == set()
    assert vector_index.bucket == vector_bucket

import pytest
@pytest.mark.parametrize("vector_index", [{"dimension": 3, "metric": "euclidean"}], indirect=True)
def test_another_kind(vector_index):
    vector_index.put(("k", [1.0, 2.0, 3.0]))
"""


def test_the_plugin_imports_nothing_heavy() -> None:
    """The plugin is loaded into every run of pytest once vecgate is installed."""
    program = (
        "import sys, pytest; before = set(sys.modules); import vecgate.pytest_plugin; "
        "print(*sorted({name for name in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = done.stdout.split()
    assert not HEAVY & {name.split(".")[0] for name in loaded}
    assert {name for name in loaded if name.startswith("vecgate")} == {
        "vecgate",
        "vecgate.pytest_plugin",
        "vecgate.conformance_kit",
        "vecgate.conformance_kit.plugin_options",
    }


def test_a_run_without_its_fixtures_imports_nothing_heavy(pytester: pytest.Pytester) -> None:
    """A run without the fixtures of the plugin imports nothing heavy, either."""
    pytester.makepyfile(
        f"""
import sys
def test_modules():
    assert not {HEAVY - {"hypothesis"}!r} & {{name.split(".")[0] for name in sys.modules}}
"""
    )
    done = pytester.runpytest_subprocess(
        "-p", "no:hypothesispytest", "-p", "no:benchmark", "--strict-markers"
    )
    done.assert_outcomes(passed=1)


def test_fixtures_start_a_local_endpoint_on_demand(pytester: pytest.Pytester) -> None:
    """There is a bucket for the session and an index for each test."""
    pytester.makepyfile(FIXTURES)
    pytester.runpytest_inprocess("--strict-markers").assert_outcomes(passed=3)


def test_fixtures_work_on_workers(pytester: pytest.Pytester) -> None:
    """Each xdist worker has its own bucket."""
    pytester.makepyfile(FIXTURES)
    pytester.runpytest_subprocess("-n", "2").assert_outcomes(passed=3)


def test_precedence_of_the_target(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line takes precedence over the ini file, and the ini file over VECGATE_TARGET."""
    pytester.makepyfile("def test_target(s3vectors_target): raise ValueError(s3vectors_target.name)")
    monkeypatch.setenv("VECGATE_TARGET", "http://env:1")
    pytester.runpytest_inprocess().stdout.fnmatch_lines(["*ValueError: http://env:1"])
    pytester.makeini("[pytest]\nvecgate_target = http://ini:1\n")
    pytester.runpytest_inprocess().stdout.fnmatch_lines(["*ValueError: http://ini:1"])
    ended = pytester.runpytest_inprocess("--vecgate-target", "http://cli:1")
    ended.stdout.fnmatch_lines(["*ValueError: http://cli:1"])


def test_an_invalid_target_is_one_clear_error(pytester: pytest.Pytester) -> None:
    """The error names the valid targets."""
    pytester.makepyfile("def test_target(s3vectors_target): ...")
    pytester.runpytest_inprocess("--vecgate-target", "mars").stdout.fnmatch_lines(
        ["*'mars' is not a target*"]
    )


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "601"])
def test_an_invalid_start_limit_is_one_clear_error(pytester: pytest.Pytester, value: str) -> None:
    """It names the option and what is allowed."""
    pytester.makepyfile("def test_target(s3vectors_endpoint): ...")
    ended = pytester.runpytest_inprocess(f"--vecgate-start-limit={value}")
    ended.assert_outcomes(errors=1)
    ended.stdout.fnmatch_lines(
        [f"*--vecgate-start-limit: '{value}' is not a time; use more than 0 and at most 600*"]
    )


def test_an_endpoint_that_is_late_names_the_start_limit(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a thread as in a process; the option comes from the ini file."""
    monkeypatch.setattr(thread_server.ThreadServer, "_run", lambda _: None)
    pytester.makeini("[pytest]\nvecgate_start_limit = 0.001\n")
    pytester.makepyfile("def test_target(s3vectors_endpoint): ...")
    ended = pytester.runpytest_inprocess()
    ended.assert_outcomes(errors=1)
    ended.stdout.fnmatch_lines(
        [
            "*the local endpoint was not ready within 0.001 s; --vecgate-start-limit SECONDS allows it more time"
        ]
    )
    ended = pytester.runpytest_inprocess("--vecgate-target", "moto")
    ended.stdout.fnmatch_lines(
        ["*moto's server was not ready within 0.001 s; --vecgate-start-limit SECONDS*"]
    )


def test_aws_requires_consent(pytester: pytest.Pytester) -> None:
    """Users' suites need consent, too."""
    pytester.makepyfile("def test_target(s3vectors_target): ...")
    ended = pytester.runpytest_inprocess("--vecgate-target", "aws")
    ended.stdout.fnmatch_lines(["*requests to real AWS cost money and need your consent*"])


def test_a_run_without_the_plugin(pytester: pytest.Pytester) -> None:
    """`-p no:vecgate` disables the plugin."""
    pytester.makepyfile("def test_a(): ...")
    pytester.runpytest_inprocess("-p", "no:vecgate").assert_outcomes(passed=1)


def test_options_are_in_one_group(pytester: pytest.Pytester) -> None:
    """All options start with --vecgate-, and each has an ini setting."""
    said = pytester.runpytest_inprocess("--help").stdout.str()
    group = said.split("S3 Vectors:")[1]
    for name in ("target", "region", "results", "level", "yes"):
        assert f"--vecgate-{name}" in group
        assert f"vecgate_{name}" in group
