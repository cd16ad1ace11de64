"""The suite plugin, tested with small suites against a local endpoint."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest
from suites import RunSuite

from vecgate.resources.creation_log import creation_log_folder

PASSES = "@must('a.passes')\ndef test_passes(): ...\n"
FAILS = "@must('a.fails')\ndef test_fails(): assert 1 == 2\n"


def deviations_option(folder: Path, ids: list[str], *, unsupported: str = "") -> str:
    """Write a deviation file with *ids* and one unsupported capability, and return the option for it."""
    path = folder / "known.toml"
    text = f"[[deviation]]\nrequirements = {ids}\nreason = 'Why.'\nevidence = 'There.'\n" if ids else ""
    if unsupported:
        text += f"[[unsupported]]\ncapability = '{unsupported}'\nreason = 'r'\nevidence = 'e'\n"
    path.write_text(text)
    return f"--vecgate-deviations={path}"


def test_outcomes_are_recorded(run_suite: RunSuite) -> None:
    """Each requirement is recorded once: passed, failed, skipped, and failed in setup or teardown."""
    body = """
@pytest.fixture
def broken():
    raise ValueError("no")
@pytest.fixture
def leaving():
    yield
    raise ValueError("late")
@must("a.setup")
def test_setup(broken): ...
@must("a.teardown")
def test_teardown(leaving): ...
@must("a.skips")
def test_skips(): pytest.skip("not today")
"""
    result = run_suite(PASSES + FAILS + body)
    assert result.code == 1
    assert {id_: (each.outcome, each.reason) for id_, each in result.results.items()} == {
        "a.passes": ("passed", ""),
        "a.fails": ("failed", "assert 1 == 2"),
        "a.setup": ("failed", "in setup: ValueError: no"),
        "a.teardown": ("failed", "in teardown: ValueError: late"),
        "a.skips": ("skipped", "not today"),
    }
    assert result.footer.is_complete


def test_a_failure_has_its_evidence(run_suite: RunSuite, endpoint_url: str) -> None:
    """The detail has requirement, source, request, answer, expectation, request id and a program to repeat it."""
    suite_result = run_suite(
        """
@must("get-index.unknown")
def test_unknown(expect_error):
    'It does not exist.'
    expect_error("GetIndex", {"vectorBucketName": "vg-none", "indexName": "none"}, code="ConflictException")
"""
    )
    result = suite_result.results["get-index.unknown"]
    for text in (
        "get-index.unknown (must, model)\nIt does not exist.\nhttps://a.example/",
        "request     GetIndex\n            {'indexName': 'none', 'vectorBucketName': 'vg-none'}",
        "answer      404",
        "expected 409 ConflictException",
        "got      404 NotFoundException",
        f"endpoint_url='{endpoint_url}'",
        "print(client.get_index(**{'vectorBucketName': 'vg-none', 'indexName': 'none'}))",
    ):
        assert text in result.detail
        assert text in suite_result.output
    assert result.request_id
    assert f"request id  {result.request_id}" in result.detail


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def test_a(): ...", "has 0 requirements"),
        (PASSES + "@must('a.passes')\ndef test_b(): ...", "a.passes is checked by"),
        ("@must('passes')\ndef test_a(): ...", "is not `group.name`"),
    ],
)
def test_a_suite_with_invalid_marks_does_not_run(run_suite: RunSuite, body: str, message: str) -> None:
    """Collection fails on a missing, a duplicate and an invalid id."""
    result = run_suite(body)
    assert result.code in {2, 4}
    assert message in result.output


def test_a_known_deviation_is_not_a_failure(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """Its result has the reason and the evidence."""
    result = run_suite(PASSES + FAILS, deviations_option(pytester.path, ["a.fails"]))
    assert (result.code, result.outcomes) == (0, {"a.passes": "passed", "a.fails": "deviation"})
    assert result.results["a.fails"].reason == "Why. (There.)"


def test_an_unexpected_pass_fails_the_run(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """The list of deviations must stay up to date."""
    result = run_suite(PASSES + FAILS, deviations_option(pytester.path, ["a.fails", "a.passes"]))
    assert (result.code, result.outcomes) == (1, {"a.passes": "unexpected-pass", "a.fails": "deviation"})
    assert result.results["a.passes"].reason == "passes, although it is listed as a deviation: Why. (There.)"


def test_a_stale_deviation_fails_the_run(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """An entry is stale if its requirement does not exist or the target supports its capability."""
    result = run_suite(PASSES, deviations_option(pytester.path, ["a.missing"], unsupported="text"))
    assert result.code == 1
    assert result.footer.stale_deviations == (
        "a.missing: no requirement has this id",
        "text: the target supports it",
    )
    assert "a.missing: no requirement has this id" in result.output


def test_a_part_of_the_suite_finds_no_stale_deviation(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """Requirements that were not collected or were deselected are not missing."""
    option = deviations_option(pytester.path, ["a.fails", "a.missing"])
    result = run_suite(PASSES + FAILS, option, str(pytester.path / "suite" / "test_few.py"))
    assert result.footer.stale_deviations == ("a.missing: no requirement has this id",)
    only = run_suite(PASSES + FAILS, deviations_option(pytester.path, ["a.fails"]), "-k", "a.passes")
    assert (only.code, only.outcomes, only.footer.deselected) == (0, {"a.passes": "passed"}, ("a.fails",))


def test_an_invalid_deviation_file_stops_the_run(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """It stops before the first request."""
    (pytester.path / "bad.toml").write_text("x = [")
    result = run_suite(PASSES, f"--vecgate-deviations={pytester.path / 'bad.toml'}")
    assert result.code == 4
    assert "is not valid TOML" in result.output


def test_unsupported_capabilities_are_skipped(
    run_suite: RunSuite, pytester: pytest.Pytester, endpoint_url: str
) -> None:
    """A test is skipped by its needs or by the operation in its id."""
    target = pytester.path / "few.toml"
    target.write_text(f"url = '{endpoint_url}'\nname = 'few'\ncapabilities = ['raw', 'quota']\n")
    body = """
@must("text.words", needs="raw text")
def test_text(): ...
@must("query-vectors.a")
def test_query(): ...
@must("load.quota", needs="quota")
def test_quota(): ...
@must("wire.raw", needs="raw")
def test_raw(): ...
"""
    result = run_suite(body, target=str(target))
    assert result.run is not None
    assert result.run.header.missing_core == ("query",)
    assert "quota" not in result.run.header.unsupported
    assert {id_: (each.outcome, each.reason) for id_, each in result.results.items()} == {
        "text.words": ("unsupported", "text: not declared"),
        "query-vectors.a": ("unsupported", "query: not declared"),
        "load.quota": ("skipped", "quota: request rates are tested only with --quota"),
        "wire.raw": ("passed", ""),
    }
    repeated = run_suite(
        body, "--vecgate-quota", deviations_option(pytester.path, [], unsupported="query"), target=str(target)
    )
    assert repeated.run is not None
    assert repeated.run.header.missing_core == ()
    assert repeated.outcomes["load.quota"] == "passed"


def test_failed_requirements_can_be_rerun(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """They are read from the result stream of the earlier run."""
    run_suite(PASSES + FAILS)
    before = (pytester.path / "results.jsonl").rename(pytester.path / "before.jsonl")
    result = run_suite(PASSES + FAILS, f"--vecgate-rerun-failed={before}")
    assert (result.outcomes, result.footer.deselected) == ({"a.fails": "failed"}, ("a.passes",))
    none = run_suite(PASSES + FAILS, f"--vecgate-rerun-failed={pytester.path / 'none.jsonl'}")
    assert none.code == 4


def test_a_rerun_reads_old_ids(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """The stream may be from a version in which `properties.*` was `laws.*`."""
    body = "@must('properties.fails')\ndef test_fails(): assert 1 == 2\n"
    run_suite(PASSES + body)
    before = pytester.path / "before.jsonl"
    before.write_text((pytester.path / "results.jsonl").read_text().replace("properties.fails", "laws.fails"))
    result = run_suite(PASSES + body, f"--vecgate-rerun-failed={before}")
    assert result.outcomes == {"properties.fails": "failed"}


def test_a_rerun_needs_every_requirement_that_failed(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """Without one of them, the run could pass although nothing shows that this one does."""
    run_suite(PASSES + FAILS)
    before = (pytester.path / "results.jsonl").rename(pytester.path / "before.jsonl")
    for options in ((), ("-n", "1")):
        result = run_suite(PASSES, f"--vecgate-rerun-failed={before}", *options, in_process=not options)
        assert result.code == 4
        assert "a.fails failed there, and no requirement has this id: run all" in result.output


REFUSES = """
@must("a.refused")
def test_refused(client, suite):
    suite.patience.wait_s("GetIndex", 1, status=429, code="", headers={})
"""


@pytest.mark.parametrize(("options", "throttled"), [((), 1), (("--vecgate-quota",), 0)])
def test_throttled_requests_are_counted(
    run_suite: RunSuite, options: tuple[str, ...], throttled: int
) -> None:
    """A run that tests the request rates does not send them again."""
    assert run_suite(REFUSES, *options).footer.throttled == throttled


def test_a_quick_run_deselects_slow_requirements(run_suite: RunSuite) -> None:
    """And those that random examples test. They are recorded as deselected."""
    random = "@must('a.random')\n@given(st.none())\ndef test_random(_): ..."
    more = f"from hypothesis import given, strategies as st\n{random}\n@must('a.slow', slow=True)\ndef test_slow(): ..."
    result = run_suite(PASSES + more, "--vecgate-level=quick")
    assert (result.outcomes, result.footer.deselected) == ({"a.passes": "passed"}, ("a.random", "a.slow"))
    assert len(run_suite(PASSES + more).outcomes) == 3


def test_the_seed_decides_the_order(run_suite: RunSuite) -> None:
    """The results are the same."""
    body = "@pytest.mark.parametrize('n', range(30))\n@must('a.b')\ndef test_n(n): ...\n"
    plain, shuffled = run_suite(body), run_suite(body, "--vecgate-shuffle=7")
    assert list(plain.outcomes) != list(shuffled.outcomes)
    assert plain.outcomes == shuffled.outcomes


CREATES_RESOURCES = """
@must("a.creates", needs="raw")
def test_creates(client, make_bucket, make_index, new_name):
    make_index().put(("k", [1.0, 0.0]))
    inside = {"indexName": "inside", "dataType": "float32", "dimension": 1, "distanceMetric": "cosine"}
    client.create_index(vectorBucketName=make_bucket().name, **inside)
    client.create_vector_bucket(vectorBucketName=new_name())
    client.create_vector_bucket(vectorBucketName="vg-should-have-been-rejected")
    client.create_index(**{**inside, "vectorBucketName": make_index().bucket})
    assert 1 == 2
@must("a.destroys")
def test_destroys(client, make_index):
    index = make_index()
    index.remove()
    client.delete_vector_bucket(vectorBucketName=index.bucket)
@must("a.goes-on")
def test_goes_on(make_index):
    assert make_index().keys() == set()
"""


def buckets_at(url: str) -> set[str]:
    client = boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    names = {each["vectorBucketName"] for each in client.list_vector_buckets()["vectorBuckets"]}
    client.close()
    return names


def test_all_resources_are_removed(run_suite: RunSuite, endpoint_url: str) -> None:
    """They are removed even after a failure. A test that deletes shared resources does not affect others."""
    before = buckets_at(endpoint_url)
    result = run_suite(CREATES_RESOURCES)
    assert result.outcomes == {"a.creates": "failed", "a.destroys": "passed", "a.goes-on": "passed"}
    assert result.footer.orphaned == ()
    assert buckets_at(endpoint_url) == before
    assert list(creation_log_folder().glob("*")) == []


def test_orphaned_resources_are_reported(run_suite: RunSuite) -> None:
    """They are listed at the end, and do not fail a test."""
    body = """
@must("a.orphaned")
def test_orphaned(make_bucket, resources, monkeypatch):
    make_bucket()
    resources.cleaner = Stuck(resources.cleaner)
class Stuck:
    def __init__(self, client): self._client = client
    def __getattr__(self, name): return getattr(self._client, name)
    def delete_vector_bucket(self, **members):
        return self._client.delete_vector_bucket(vectorBucketName="no")
"""
    result = run_suite(body)
    assert result.outcomes == {"a.orphaned": "passed"}
    (orphan,) = result.footer.orphaned
    assert orphan.startswith("bucket vg-")
    assert "ValidationException" in orphan
    assert "orphaned resources" in result.output
    assert list(creation_log_folder().glob("*")) == []


def test_workers_share_a_target(run_suite: RunSuite, endpoint_url: str) -> None:
    """The outcomes are the same as in one process, and no resources remain."""
    before = buckets_at(endpoint_url)
    body = CREATES_RESOURCES.replace("client.delete_vector_bucket(vectorBucketName=index.bucket)", "")
    result = run_suite(body + PASSES, "-n", "2", in_process=False)
    assert result.outcomes == {
        "a.creates": "failed",
        "a.destroys": "passed",
        "a.goes-on": "passed",
        "a.passes": "passed",
    }
    assert {each.worker for each in result.results.values()} == {"gw0", "gw1"}
    assert result.footer.is_complete
    assert result.footer.requests["CreateIndex"] >= 4
    assert "request     CreateIndex" in result.results["a.creates"].detail
    assert buckets_at(endpoint_url) == before


def test_workers_do_not_run_a_suite_with_invalid_marks(run_suite: RunSuite) -> None:
    """The same problems stop a run with one process or several."""
    result = run_suite("def test_a(): ...", "-n", "2", in_process=False)
    assert result.code == 4
    assert "has 0 requirements" in result.output


def test_aws_requires_consent(run_suite: RunSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run on AWS needs --vecgate-yes or a bucket prefix."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "opens-nothing")
    result = run_suite(PASSES, "--vecgate-region=us-east-1", target="aws")
    assert result.code == 4
    assert "requests to real AWS cost money and need your consent" in result.output


@pytest.mark.parametrize("prefix", ["-vg", "Vg", "v_g", "v" * 37])
def test_an_invalid_bucket_prefix_is_rejected(run_suite: RunSuite, prefix: str) -> None:
    """One clear error is better than a failure of every test."""
    result = run_suite(
        "@must('a.b')\ndef test_a(make_bucket): make_bucket()", f"--vecgate-bucket-prefix={prefix}"
    )
    assert "cannot start a bucket name" in result.output


BLOCKED = """
@pytest.fixture(scope="session")
def top_k_error():
    return "no more than 100"
@must("query-vectors.many")
@pytest.mark.usefixtures("more_than_a_page")
def test_many(): raise AssertionError
@must("query-vectors.one-more-than-a-page")
def test_one(): assert False
"""


def test_a_requirement_that_another_one_blocks_is_skipped(run_suite: RunSuite) -> None:
    """Its reason names the other one, which fails; the target does not lack a capability."""
    result = run_suite(BLOCKED)
    assert result.outcomes == {
        "query-vectors.many": "skipped",
        "query-vectors.one-more-than-a-page": "failed",
    }
    reason = result.results["query-vectors.many"].reason
    assert reason.startswith("blocked by query-vectors.one-more-than-a-page: ")
    assert "no more than 100" in reason


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_file_that_cannot_be_collected_makes_the_run_incomplete(
    run_suite: RunSuite, pytester: pytest.Pytester, workers: list[str]
) -> None:
    """With xdist, the tests of all other files run and pass."""
    (pytester.path / "suite" / "test_broken.py").write_text("import nothing_has_this_name")
    result = run_suite(PASSES, *workers, in_process=not workers)
    assert result.code == int(pytest.ExitCode.INTERRUPTED)
    assert not result.footer.is_complete
    assert "test_broken.py" in result.output
