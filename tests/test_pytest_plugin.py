"""The plugin in suites of users'."""

from __future__ import annotations

import subprocess
import sys

import pytest

import vecgate.testing.resources  # noqa: F401 - numpy cannot be loaded anew by each run in this process

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


def test_loading_it_imports_nothing_heavy() -> None:
    """It is loaded into every run of everyone who has vecgate installed."""
    program = (
        "import sys, pytest; before = set(sys.modules); import vecgate.pytest_plugin; "
        "print(*sorted({name for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert not HEAVY & {name.split(".")[0] for name in loaded}
    assert {name for name in loaded if name.startswith("vecgate")} == {
        "vecgate",
        "vecgate.pytest_plugin",
        "vecgate.testing",
        "vecgate.testing.options",
    }


def test_a_run_without_its_fixtures_imports_nothing_heavy(pytester: pytest.Pytester) -> None:
    """Nor does a whole run: registering marks and options costs nothing."""
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
    """A bucket for the session, an index for each test."""
    pytester.makepyfile(FIXTURES)
    pytester.runpytest_inprocess("--strict-markers").assert_outcomes(passed=3)


def test_fixtures_work_on_workers(pytester: pytest.Pytester) -> None:
    """Each has its own bucket."""
    pytester.makepyfile(FIXTURES)
    pytester.runpytest_subprocess("-n", "2").assert_outcomes(passed=3)


def test_what_is_named_nearest_wins(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line, then the ini file, then VECGATE_TARGET."""
    pytester.makepyfile("def test_target(s3vectors_target): raise ValueError(s3vectors_target.name)")
    monkeypatch.setenv("VECGATE_TARGET", "http://env:1")
    pytester.runpytest_inprocess().stdout.fnmatch_lines(["*ValueError: http://env:1"])
    pytester.makeini("[pytest]\nvecgate_target = http://ini:1\n")
    pytester.runpytest_inprocess().stdout.fnmatch_lines(["*ValueError: http://ini:1"])
    ended = pytester.runpytest_inprocess("--vecgate-target", "http://cli:1")
    ended.stdout.fnmatch_lines(["*ValueError: http://cli:1"])


def test_a_target_that_is_none_is_one_clear_line(pytester: pytest.Pytester) -> None:
    """With what a target is."""
    pytester.makepyfile("def test_target(s3vectors_target): ...")
    pytester.runpytest_inprocess("--vecgate-target", "mars").stdout.fnmatch_lines(["*'mars' is no target*"])


def test_amazon_is_not_used_unasked(pytester: pytest.Pytester) -> None:
    """Nor by anybody's own suite."""
    pytester.makepyfile("def test_target(s3vectors_target): ...")
    ended = pytester.runpytest_inprocess("--vecgate-target", "aws")
    ended.stdout.fnmatch_lines(["*real AWS costs money and is not used unasked*"])


def test_a_run_without_the_plugin_is_a_run(pytester: pytest.Pytester) -> None:
    """`-p no:vecgate` is what people type."""
    pytester.makepyfile("def test_a(): ...")
    pytester.runpytest_inprocess("-p", "no:vecgate").assert_outcomes(passed=1)


def test_options_are_in_one_group(pytester: pytest.Pytester) -> None:
    """All start with --vecgate-, and each can stand in the ini file."""
    said = pytester.runpytest_inprocess("--help").stdout.str()
    group = said.split("S3 Vectors:")[1]
    for name in ("target", "region", "results", "level", "yes"):
        assert f"--vecgate-{name}" in group
        assert f"vecgate_{name}" in group
