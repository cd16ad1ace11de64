"""The suite and its gate against servers whose answers are well-formed and wrong: no lie can pass."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from lying_server import (
    AtFirst,
    Cached,
    DeletedIsReturned,
    ForgettingMetadata,
    Lie,
    OfAnother,
    OneIn,
    OnSome,
    RepeatingOnePerPage,
    Reply,
    StaleReads,
    answer,
    closed,
    finding_no_text,
    honest,
    losing_one_per_page,
    lying_server,
    plausible,
    rewritten,
    with_distances_off,
    with_rounded_distances,
    with_ties_reversed,
    without,
    without_in,
    without_last_record,
)
from tests.conformance.faulty_endpoint import TIMEOUT_S
from tests.conformance.mutants import IGNORED_VARIABLES, ROOT

from vecgate.endpoint.local import LocalEndpoint
from vecgate.gate.conformance_verdict import conformance_verdict_line, judge_conformance
from vecgate.gate.requirement_outcomes import requirement_name
from vecgate.gate.requirement_rules import Rule
from vecgate.results.records import ConformanceRun
from vecgate.results.result_stream import read_conformance_run
from vecgate.targets.capabilities import PROBES

READS = ("GetVectors", "ListVectors", "QueryVectors")
INTERNAL_ERROR = Reply(500, {"message": "internal"}, "InternalServerException")
THROTTLED = Reply(429, {"message": "slow down"}, "TooManyRequestsException")
BUSY = Reply(503, {"message": "slow down"}, "ServiceUnavailableException")
NOT_FOUND = Reply(404, {"message": "nothing here"})
#: Name of a lie to the function that makes it. Some lies remember requests, so each run gets a new one.
LIES: Mapping[str, Callable[[], Lie]] = {
    "404-for-everything": lambda: answer(NOT_FOUND),
    "empty-200-for-everything": lambda: answer(Reply()),
    "always-throttled": lambda: answer(THROTTLED),
    "every-third-put-500": lambda: OnSome("PutVectors", lie=OneIn(3, answer(INTERNAL_ERROR))),
    "every-third-query-500": lambda: OnSome("QueryVectors", lie=OneIn(3, answer(INTERNAL_ERROR))),
    "every-third-put-is-dropped": lambda: OnSome("PutVectors", lie=OneIn(3, answer(Reply()))),
    "one-put-in-50-is-dropped": lambda: OnSome("PutVectors", lie=OneIn(50, answer(Reply()))),
    "metadata-of-one-vector-in-100-is-dropped": lambda: OnSome("PutVectors", lie=ForgettingMetadata()),
    "reads-are-stale": StaleReads,
    "in-ignored": lambda: OnSome("QueryVectors", lie=without_in),
    "distances-are-rounded": lambda: OnSome("QueryVectors", lie=with_rounded_distances),
    "distances-are-off-by-a-thousandth": lambda: OnSome("QueryVectors", lie=with_distances_off),
    "deleted-vectors-are-returned-once-more": DeletedIsReturned,
    "plausible-200-for-everything": lambda: plausible,
    "crashes-after-500-requests": lambda: AtFirst(500, honest, closed),
    "tags-are-forgotten": lambda: OnSome("TagResource", lie=answer(Reply())),
    "texts-are-not-searched": lambda: OnSome("QueryVectors", lie=without("queryTexts")),
    "texts-find-nothing": lambda: OnSome("QueryVectors", lie=finding_no_text),
    "buckets-cannot-be-removed": lambda: OnSome("DeleteVectorBucket", lie=answer(INTERNAL_ERROR)),
    "one-in-20-503-without-a-code": lambda: OneIn(20, answer(Reply(503, {"message": "x"}))),
    "one-operation-always-throttled": lambda: OnSome("DeleteVectors", lie=answer(THROTTLED)),
    "last-vector-of-a-put-is-dropped": lambda: OnSome("PutVectors", lie=without_last_record),
    "deletions-do-nothing": lambda: OnSome("DeleteVectors", lie=answer(Reply())),
    "filter-ignored": lambda: OnSome("QueryVectors", lie=without("filter")),
    "answers-are-cached": lambda: OnSome(*READS, lie=Cached()),
    "answers-of-another-query": lambda: OnSome("QueryVectors", lie=OfAnother()),
    "pages-lose-a-vector": lambda: OnSome("ListVectors", lie=losing_one_per_page),
    "pages-repeat-a-vector": lambda: OnSome("ListVectors", lie=RepeatingOnePerPage()),
    "pages-repeat-an-index": lambda: OnSome("ListIndexes", lie=RepeatingOnePerPage("indexes")),
    "index-deletions-do-nothing": lambda: OnSome("DeleteIndex", lie=answer(Reply())),
}
#: Those of the default run, with the tests that notice them: a file, and a part of the names in it.
SHORT = {
    "last-vector-of-a-put-is-dropped": ("test_first_steps.py", "test_"),
    "pages-lose-a-vector": ("operations/test_list_vectors.py", "page_has_500 or max_results"),
}


@pytest.fixture(scope="module")
def endpoint_url() -> Iterator[str]:
    with LocalEndpoint() as running:
        yield running.url


def run_suite_on(url: str, tests: Sequence[str], stream: Path, *options: str) -> ConformanceRun:
    """Return the run of *tests* on the server at *url*, which ended by itself."""
    environment = {name: value for name, value in os.environ.items() if name not in IGNORED_VARIABLES}
    command = [
        "-m",
        "pytest",
        "-q",
        *tests,
        *options,
        f"--vecgate-target={url}",
        f"--vecgate-results={stream}",
    ]
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**environment, "XDG_STATE_HOME": str(stream.parent)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ended.returncode in {0, 1}, ended.stdout[-2_000:] + ended.stderr[-2_000:]
    run = read_conformance_run(stream)
    assert run.footer is not None
    assert run.footer.is_complete
    return run


def failed_musts(run: ConformanceRun) -> set[str]:
    """Return the requirements of level must that failed."""
    return {each.id for each in run.results if each.outcome == "failed" and each.level == "must"}


def test_the_proxy_itself_changes_nothing(endpoint_url: str, tmp_path: Path) -> None:
    """Otherwise it, and not its lie, would be noticed."""
    with lying_server(endpoint_url, honest) as url:
        run = run_suite_on(url, ["conformance/test_first_steps.py"], tmp_path / "results.jsonl")
    assert {each.outcome for each in run.results} == {"passed"}
    assert set(run.header.unsupported) == {"auth"}


@pytest.mark.parametrize("name", SHORT)
def test_a_lie_is_noticed_by_its_file(endpoint_url: str, tmp_path: Path, name: str) -> None:
    """By a requirement of level must."""
    with lying_server(endpoint_url, LIES[name]()) as url:
        file, selected = SHORT[name]
        run = run_suite_on(url, [f"conformance/{file}"], tmp_path / "results.jsonl", "-k", selected)
    assert failed_musts(run)
    assert judge_conformance(run).grade == "failed"


#: Distances that are written alike and are not equal.
BEYOND = "query-vectors.euclidean-beyond-float32"
#: True answers in another form, and the requirements of level must and should that fail because of it.
FORMS: Mapping[str, tuple[Callable[[], Lie], set[str]]] = {
    "chunked": (lambda: rewritten(is_chunked=True), set()),
    "ties-reversed": (lambda: OnSome("QueryVectors", lie=with_ties_reversed), {BEYOND}),
    "throttled-429": (lambda: OneIn(5, answer(THROTTLED)), set()),
    "throttled-503": (lambda: OneIn(5, answer(BUSY)), set()),
    "text-plain": (
        lambda: rewritten(content_type="text/plain"),
        {"wire.content-type", "wire.error-content-type"},
    ),
    "no-request-id": (lambda: rewritten(request_id=""), {"wire.request-id", "wire.request-id-of-boto3"}),
}


def test_a_server_that_limits_the_rate_is_not_blamed(endpoint_url: str, tmp_path: Path) -> None:
    """Its refusals are counted, in the verdict, too. They hide no capability that it does not have."""
    throttled = answer(THROTTLED)
    with lying_server(endpoint_url, AtFirst(len(PROBES) + 1, throttled, OneIn(2, throttled))) as url:
        run = run_suite_on(
            url, ["conformance/test_first_steps.py"], tmp_path / "results.jsonl", "-k", "query"
        )
    assert {each.outcome for each in run.results} == {"passed"}
    assert set(run.header.unsupported) == {"auth"}
    assert run.footer is not None
    assert run.footer.throttled > 0
    assert "throttled requests sent again" in conformance_verdict_line(judge_conformance(run), run)


@pytest.mark.nightly
@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("name", FORMS)
def test_another_form_fails_the_requirement_about_it(endpoint_url: str, tmp_path: Path, name: str) -> None:
    """And nothing else."""
    lie, blamed = FORMS[name]
    with lying_server(endpoint_url, lie()) as url:
        run = run_suite_on(url, ["conformance"], tmp_path / "results.jsonl", "--vecgate-level=quick")
    failed = {each.id for each in run.results if each.outcome == "failed" and each.level != "may"}
    assert {requirement_name(id_) for id_ in failed} == blamed


@pytest.fixture(scope="module")
def honest_run(endpoint_url: str, tmp_path_factory: pytest.TempPathFactory) -> ConformanceRun:
    """The quick level on the endpoint itself."""
    stream = tmp_path_factory.mktemp("honest") / "results.jsonl"
    return run_suite_on(endpoint_url, ["conformance"], stream, "--vecgate-level=quick")


@pytest.mark.nightly
@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("name", LIES)
def test_no_lie_passes_the_gate(
    endpoint_url: str, honest_run: ConformanceRun, tmp_path: Path, name: str
) -> None:
    """Neither by the default rules, nor by the weakest rule, nor by a baseline alone; nothing is excused."""
    with lying_server(endpoint_url, LIES[name]()) as url:
        run = run_suite_on(url, ["conformance"], tmp_path / "results.jsonl", "--vecgate-level=quick")
    if name != "404-for-everything":
        assert set(run.header.unsupported) <= {"auth"}
        assert failed_musts(run)
    assert judge_conformance(run).grade == "failed"
    assert judge_conformance(run, [Rule.parse("must")]).grade == "failed"
    assert judge_conformance(run, (), honest_run).grade == "failed"
