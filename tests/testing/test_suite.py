"""A conformance run, by suites of a few tests against an endpoint."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest
from suites import RunSuite

from vecgate.targets.leftovers import records_folder

PASSES = "@must('a.passes')\ndef test_passes(): ...\n"
FAILS = "@must('a.fails')\ndef test_fails(): assert 1 == 2\n"


def listed(folder: Path, ids: list[str], *, lacks: str = "") -> str:
    """The option that names a list of deviations with these entries."""
    path = folder / "known.toml"
    text = f"[[deviation]]\nrequirements = {ids}\nreason = 'Why.'\nevidence = 'There.'\n" if ids else ""
    text += f"[[lacks]]\ncapability = '{lacks}'\nreason = 'r'\nevidence = 'e'\n" if lacks else ""
    path.write_text(text)
    return f"--vecgate-deviations={path}"


def test_outcomes_are_recorded(run_suite: RunSuite) -> None:
    """Each requirement once: passed, failed, and failed before or after its test."""
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
    ran = run_suite(PASSES + FAILS + body)
    assert ran.code == 1
    assert {id_: (each.outcome, each.reason) for id_, each in ran.results.items()} == {
        "a.passes": ("passed", ""),
        "a.fails": ("failed", "assert 1 == 2"),
        "a.setup": ("failed", "in setup: ValueError: no"),
        "a.teardown": ("failed", "in teardown: ValueError: late"),
        "a.skips": ("skipped", "not today"),
    }
    assert ran.footer.is_complete


def test_a_failure_carries_its_evidence(run_suite: RunSuite, endpoint_url: str) -> None:
    """Requirement, source, request, answer, expectation, request id and a program that repeats it."""
    ran = run_suite(
        """
@must("get-index.unknown")
def test_unknown(refused):
    'It is not there.'
    refused("GetIndex", {"vectorBucketName": "vg-none", "indexName": "none"}, code="ConflictException")
"""
    )
    result = ran.results["get-index.unknown"]
    for text in (
        "get-index.unknown (must, model)\nIt is not there.\nhttps://a.example/",
        "request     GetIndex\n            {'indexName': 'none', 'vectorBucketName': 'vg-none'}",
        "answer      404",
        "expected 409 ConflictException",
        "got      404 NotFoundException",
        f"endpoint_url='{endpoint_url}'",
        "print(client.get_index(**{'vectorBucketName': 'vg-none', 'indexName': 'none'}))",
    ):
        assert text in result.detail
        assert text in ran.said
    assert result.request_id
    assert f"request id  {result.request_id}" in result.detail


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def test_a(): ...", "carries 0 requirements"),
        (PASSES + "@must('a.passes')\ndef test_b(): ...", "a.passes is checked by"),
        ("@must('passes')\ndef test_a(): ...", "does not read group.name"),
    ],
)
def test_a_suite_without_ids_is_not_run(run_suite: RunSuite, body: str, said: str) -> None:
    """Collection fails on a missing, a repeated and a misspelt id."""
    ran = run_suite(body)
    assert ran.code in {2, 4}
    assert said in ran.said


def test_a_known_deviation_is_no_failure(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """It is counted as such, with its reason and evidence."""
    ran = run_suite(PASSES + FAILS, listed(pytester.path, ["a.fails"]))
    assert (ran.code, ran.outcomes) == (0, {"a.passes": "passed", "a.fails": "deviation"})
    assert ran.results["a.fails"].reason == "Why. (There.)"


def test_a_deviation_that_passes_fails_the_run(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """The list cannot rot."""
    ran = run_suite(PASSES + FAILS, listed(pytester.path, ["a.fails", "a.passes"]))
    assert (ran.code, ran.outcomes) == (1, {"a.passes": "outgrown", "a.fails": "deviation"})
    assert ran.results["a.passes"].reason == "passes, although it is listed: Why. (There.)"


def test_a_deviation_of_nothing_fails_the_run(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """Nor may it name a requirement that is not there, or a capability that is."""
    ran = run_suite(PASSES, listed(pytester.path, ["a.gone"], lacks="text"))
    assert ran.code == 1
    assert ran.footer.stale == ("a.gone: no requirement has this id", "text: the target has it")
    assert "a.gone: no requirement has this id" in ran.said


def test_a_part_of_the_suite_says_nothing_of_the_list(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """What was not collected is not missing; what was deselected neither."""
    option = listed(pytester.path, ["a.fails", "a.gone"])
    ran = run_suite(PASSES + FAILS, option, str(pytester.path / "suite" / "test_few.py"))
    assert ran.footer.stale == ("a.gone: no requirement has this id",)
    only = run_suite(PASSES + FAILS, listed(pytester.path, ["a.fails"]), "-k", "a.passes")
    assert (only.code, only.outcomes, only.footer.left_out) == (0, {"a.passes": "passed"}, ("a.fails",))


def test_a_list_that_is_wrong_stops_the_run(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """Before anything is sent."""
    (pytester.path / "bad.toml").write_text("x = [")
    ran = run_suite(PASSES, f"--vecgate-deviations={pytester.path / 'bad.toml'}")
    assert ran.code == 4
    assert "lists no deviations" in ran.said


def test_what_the_target_lacks_is_skipped_with_one_reason(
    run_suite: RunSuite, pytester: pytest.Pytester, endpoint_url: str
) -> None:
    """By what a requirement needs, or by the operation that its id names."""
    target = pytester.path / "few.toml"
    target.write_text(f"url = '{endpoint_url}'\nname = 'few'\ncapabilities = ['raw', 'quota']\n")
    body = """
@must("laws.text", needs="raw text")
def test_text(): ...
@must("query-vectors.a")
def test_query(): ...
@must("laws.quota", needs="quota")
def test_quota(): ...
@must("laws.raw", needs="raw")
def test_raw(): ...
"""
    ran = run_suite(body, target=str(target))
    assert ran.run is not None
    assert ran.run.header.unlisted == ("query",)
    assert "quota" not in ran.run.header.lacking
    assert {id_: (each.outcome, each.reason) for id_, each in ran.results.items()} == {
        "laws.text": ("unsupported", "text: not declared"),
        "query-vectors.a": ("unsupported", "query: not declared"),
        "laws.quota": ("skipped", "quota: request rates are tested only with --quota"),
        "laws.raw": ("passed", ""),
    }
    again = run_suite(body, "--vecgate-quota", listed(pytester.path, [], lacks="query"), target=str(target))
    assert again.run is not None
    assert again.run.header.unlisted == ()
    assert again.outcomes["laws.quota"] == "passed"


def test_only_what_failed_runs_again(run_suite: RunSuite, pytester: pytest.Pytester) -> None:
    """By the result stream of the run before."""
    run_suite(PASSES + FAILS)
    before = (pytester.path / "results.jsonl").rename(pytester.path / "before.jsonl")
    ran = run_suite(PASSES + FAILS, f"--vecgate-rerun-failed={before}")
    assert (ran.outcomes, ran.footer.left_out) == ({"a.fails": "failed"}, ("a.passes",))
    none = run_suite(PASSES + FAILS, f"--vecgate-rerun-failed={pytester.path / 'none.jsonl'}")
    assert none.code == 4


def test_a_quick_run_leaves_out_what_is_slow(run_suite: RunSuite) -> None:
    """And says so."""
    ran = run_suite(PASSES + "@must('a.slow', slow=True)\ndef test_slow(): ...", "--vecgate-level=quick")
    assert (ran.outcomes, ran.footer.left_out) == ({"a.passes": "passed"}, ("a.slow",))


def test_the_order_is_that_of_the_seed(run_suite: RunSuite) -> None:
    """And the results are the same."""
    body = "@pytest.mark.parametrize('n', range(30))\n@must('a.b')\ndef test_n(n): ...\n"
    plain, shuffled = run_suite(body), run_suite(body, "--vecgate-shuffle=7")
    assert list(plain.outcomes) != list(shuffled.outcomes)
    assert plain.outcomes == shuffled.outcomes


LEAVES = """
@must("a.leaves", needs="raw")
def test_leaves(client, make_bucket, make_index, new_name):
    make_index().put(("k", [1.0, 0.0]))
    inside = {"indexName": "inside", "dataType": "float32", "dimension": 1, "distanceMetric": "cosine"}
    client.create_index(vectorBucketName=make_bucket().name, **inside)
    client.create_vector_bucket(vectorBucketName=new_name())
    client.create_vector_bucket(vectorBucketName="vg-should-have-been-refused")
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


def test_all_that_was_made_is_removed(run_suite: RunSuite, endpoint_url: str) -> None:
    """Also after a failure; a test that destroys what others share is not felt by them."""
    before = buckets_at(endpoint_url)
    ran = run_suite(LEAVES)
    assert ran.outcomes == {"a.leaves": "failed", "a.destroys": "passed", "a.goes-on": "passed"}
    assert ran.footer.leaks == ()
    assert buckets_at(endpoint_url) == before
    assert list(records_folder().glob("*")) == []


def test_what_cannot_be_removed_is_told(run_suite: RunSuite) -> None:
    """At the end, without failing a test, and it stays on record."""
    body = """
@must("a.leaks")
def test_leaks(make_bucket, resources, monkeypatch):
    make_bucket()
    resources._client = Stuck(resources._client)
class Stuck:
    def __init__(self, client): self._client = client
    def __getattr__(self, name): return getattr(self._client, name)
    def delete_vector_bucket(self, **members):
        return self._client.delete_vector_bucket(vectorBucketName="no")
"""
    ran = run_suite(body)
    assert ran.outcomes == {"a.leaks": "passed"}
    (leak,) = ran.footer.leaks
    assert leak.startswith("bucket vg-")
    assert "ValidationException" in leak
    assert "left behind" in ran.said
    assert list(records_folder().glob("*")) == []


def test_workers_share_a_target_and_say_what_one_process_would(
    run_suite: RunSuite, endpoint_url: str
) -> None:
    """Same outcomes, same leftovers: none."""
    before = buckets_at(endpoint_url)
    body = LEAVES.replace("client.delete_vector_bucket(vectorBucketName=index.bucket)", "")
    ran = run_suite(body + PASSES, "-n", "2", in_process=False)
    assert ran.outcomes == {
        "a.leaves": "failed",
        "a.destroys": "passed",
        "a.goes-on": "passed",
        "a.passes": "passed",
    }
    assert {each.worker for each in ran.results.values()} == {"gw0", "gw1"}
    assert ran.footer.is_complete
    assert ran.footer.requests["CreateIndex"] >= 4
    assert "request     CreateIndex" in ran.results["a.leaves"].detail
    assert buckets_at(endpoint_url) == before


def test_workers_do_not_run_a_suite_without_ids(run_suite: RunSuite) -> None:
    """What collection refuses in one process it refuses in many."""
    ran = run_suite("def test_a(): ...", "-n", "2", in_process=False)
    assert ran.code == 4
    assert "carries 0 requirements" in ran.said


def test_amazon_is_not_used_unasked(run_suite: RunSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs money: --vecgate-yes, or a prefix of one's own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "opens-nothing")
    ran = run_suite(PASSES, "--vecgate-region=us-east-1", target="aws")
    assert ran.code == 4
    assert "real AWS costs money and is not used unasked" in ran.said


@pytest.mark.parametrize("prefix", ["-vg", "Vg", "v_g", "v" * 37])
def test_a_prefix_that_starts_no_bucket_name_is_refused(run_suite: RunSuite, prefix: str) -> None:
    """Rather than failing every test."""
    ran = run_suite(
        "@must('a.b')\ndef test_a(make_bucket): make_bucket()", f"--vecgate-bucket-prefix={prefix}"
    )
    assert "starts no bucket name" in ran.said
