"""The report as a whole: its structure, its safety, its size, and that it is reproducible."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest
from html_page import Page
from msgspec import structs
from result_builders import footer, header, result
from sample_streams import (
    EXAMPLES,
    OPERATIONS,
    capacity_stream,
    foot,
    head,
    load_stream,
    peers_stream,
    scale_stream,
    sweep_stream,
    truncated,
)

from vecgate.errors import UsageError
from vecgate.reporting.html.report_page import render_report
from vecgate.results.benchmark_records import Benchmark
from vecgate.results.load.load_records import LoadPlan, Second, Trial
from vecgate.results.records import Record, Result, Stream

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
#: By kind: the ids of sections and figures in order, without the prefix of the run, and the number of tables.
STRUCTURES: dict[str, tuple[list[str], int]] = {
    "load": (
        [
            *("title", "time", "run-1", "run-2", "run-3", "run-4", "run-5", "latency", "all-1", "all-2"),
            *(f"operation-{operation}-{figure}" for operation in (1, 2) for figure in (1, 2)),
            *("details", "conditions"),
        ],
        8,
    ),
    "capacity": (["title", "results", "curve", "path", "conditions"], 1),
    "sweep": (["title", "results", "curve", "conditions"], 3),
    "scale": (["title", "results", "grid-1", "conditions"], 1),
    "benchmarks": (
        ["title", *(f"{each}-{group}" for group in (1, 2, 3) for each in ("group", "spread")), "conditions"],
        3,
    ),
    "peers": (["title", "group-1", "speed-1", "conditions"], 1),
    "bulk": (
        [
            *("title", "time", "run-1", "run-2", "latency", "conditions"),
        ],
        2,
    ),
    "conformance": (
        [
            *("title", "matrix", "known", "list-1", "list-2", "list-3"),
            *("requirements", "sources", "conditions"),
        ],
        2,
    ),
}


@pytest.fixture
def example(kind: str, mixed_stream: Stream) -> Stream:
    """A stream of that *kind*."""
    return mixed_stream if kind == "conformance" else EXAMPLES[kind]()


PAGES: dict[str, str] = {}


@pytest.fixture
def html(kind: str, example: Stream) -> str:
    """The page of the example. It is rendered once for all tests."""
    if kind not in PAGES:
        PAGES[kind] = render_report([example])
    return PAGES[kind]


def section_ids(page: Page) -> list[str]:
    """Return the ids of headings and figures in order, without the prefix of the run."""
    ids = [told["id"] or "" for tag, told in page.elements if "id" in told and tag in {*HEADINGS, "figure"}]
    return [each.removeprefix("run1-") for each in ids]


@pytest.mark.parametrize("kind", STRUCTURES)
def test_a_page_has_its_sections_in_order(html: str, kind: str) -> None:
    """The verdict is first, the conditions last. Every section has a heading and every table a caption."""
    page = Page(html)
    sections, tables = STRUCTURES[kind]
    assert section_ids(page) == sections
    captions = [line.removeprefix("table:").strip() for line in page.outline if line.startswith("table:")]
    assert len(page.all("table")) == len(captions) == tables
    assert all(captions)
    levels = [int(line[1]) for line in page.outline if line[:2] in HEADINGS]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("kind", STRUCTURES)
def test_ids_are_unique_and_references_resolve(html: str) -> None:
    """Links within the page, and the labels for screen readers."""
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = {
        name for _, attributes in page.elements for name in (attributes.get("aria-labelledby") or "").split()
    }
    links = {(each.get("href") or "")[1:] for each in page.all("a") if (each.get("href") or "")[:1] == "#"}
    assert labels | links <= set(ids)


def test_runs_of_one_scenario_have_their_times() -> None:
    """The list of verdicts shows when each started."""
    starts = ("2026-11-24T10:00:00+00:00", "2026-11-24T11:30:00+00:00")
    words = Page(render_report([load_stream(6, header={"started_at": each}) for each in starts])).words
    for text in ("2026-11-24 10:00:00 UTC", "2026-11-24 11:30:00 UTC"):
        assert f"ramp-1000 on local {text} · " in words


def test_several_runs_share_a_page() -> None:
    """A list of verdicts, then each run one heading level lower. Unreadable files are named."""
    page = Page(render_report([scale_stream(), peers_stream()], ["x.jsonl is not a result stream"]))
    assert page.outline[:2] == ["h1 2 runs", "h2 Scaling on local"]
    assert page.outline[2].startswith("h3 ")
    assert "x.jsonl is not a result stream" in page.words
    assert {"#run1", "#run2"} <= {each.get("href") for each in page.all("a")}


@pytest.mark.parametrize("kind", STRUCTURES)
def test_the_same_stream_gives_the_same_bytes(example: Stream, html: str) -> None:
    """The page contains neither the time of rendering nor anything random."""
    assert render_report([example]) == html


@pytest.mark.parametrize("kind", STRUCTURES)
def test_a_page_runs_only_its_own_style_and_script(html: str) -> None:
    """The policy allows both by their hashes. No attribute runs code, and nothing is loaded."""
    page = Page(html)
    (policy,) = [each["content"] or "" for each in page.all("meta") if "http-equiv" in each]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    for name, element in (("style", "style"), ("script", "script")):
        (text,) = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    names = {name for _, attributes in page.elements for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in {"style", "src", "srcset"}}
    assert {tag for tag, _ in page.elements} & {"link", "img", "iframe", "object", "base"} == set()


LONG = "ü<&\"'>" * 1_700
HOSTILE = (
    f"<script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x00'\"&{{{{7*7}}}} \u05e9\u05dc {LONG}"
)


def hostile_conformance() -> Stream:
    failed = result(
        f"put-vectors.a[{HOSTILE}]",
        "failed",
        claim=HOSTILE,
        reason=HOSTILE,
        source="javascript:alert(1)",
        evidence=HOSTILE,
        detail=f"request     PutVectors\n{HOSTILE}\nanswer      500 {HOSTILE}\nrequest id  {HOSTILE}",
        request_id=HOSTILE,
        test=HOSTILE,
    )
    others = [
        structs.replace(failed, id=f'"><b>{at}', outcome=outcome, source='https://a.example/"><b>')
        for at, outcome in enumerate(("deviation", "passed", "unsupported", "skipped", "unexpected-pass"))
    ]
    first = header(
        target=HOSTILE,
        unsupported={HOSTILE: HOSTILE},
        missing_core=(HOSTILE,),
        versions={HOSTILE: HOSTILE},
    )
    last = footer(stale_deviations=(HOSTILE,), orphaned=(HOSTILE,))
    return Stream(first, (failed, *others), last, (HOSTILE,))


def hostile_load() -> Stream:
    stream = load_stream(3, ("PutVectors",))
    plan, second = stream.records[0], stream.of(Second)[0]
    assert isinstance(plan, LoadPlan)
    operation = structs.replace(second.operations["PutVectors"], errors={HOSTILE: 2})
    return structs.replace(
        stream,
        header=structs.replace(stream.header, url=HOSTILE, region=HOSTILE, started_at=HOSTILE),
        records=(
            structs.replace(plan, scenario=HOSTILE, description=HOSTILE, data=HOSTILE, thresholds=(HOSTILE,)),
            structs.replace(second, operations={HOSTILE: operation}),
        ),
    )


def hostile_benchmarks() -> Stream:
    benchmark = Benchmark(name=HOSTILE, group=HOSTILE, median_s=1.0, is_baseline=True)
    return Stream(head("benchmarks"), (benchmark,), foot(1.0))


def hostile_peers() -> Stream:
    stream = peers_stream()
    records = [structs.replace(each, client=HOSTILE, work=HOSTILE, problem="") for each in stream.records]
    return structs.replace(stream, records=tuple(records))


@pytest.mark.parametrize("make", [hostile_conformance, hostile_load, hostile_benchmarks, hostile_peers])
def test_text_from_a_server_is_shown_as_text(make: Callable[[], Stream]) -> None:
    """Scripts, quotes, dangerous URLs, bidirectional overrides, and 10,000 characters."""
    page = Page(render_report([make()]))
    assert [each for each in page.all("script") if each.get("type") != "application/json"] == [{}]
    assert not page.all("img")
    assert not page.all("b")
    assert all(re.match(r"#|https?://", each.get("href") or "") for each in page.all("a"))
    assert "<script>alert(1)</script>" in page.words
    assert "{{7*7}}" in page.words
    assert "\u202e" not in page.words
    assert "\x00" not in page.words
    assert "more characters)" in page.words
    assert not {name for _, attributes in page.elements for name in attributes if name.startswith("on")}


def size_bytes(*streams: Stream) -> int:
    return len(render_report(streams).encode())


@pytest.mark.nightly
def test_a_run_of_ten_minutes_stays_below_500_kb() -> None:
    """With five operations. An hour of them stays below 700 KB."""
    assert size_bytes(load_stream(600, OPERATIONS, stall_at=300, throttled_from=500)) < 500_000
    assert size_bytes(load_stream(3_600, OPERATIONS, stall_at=300, throttled_from=500)) < 700_000


def test_a_run_of_2279_requirements_stays_below_500_kb() -> None:
    """Also if all of them fail, each with another reason."""
    claim, source = (
        "It does what its name says, in about as many words as usual.",
        "https://docs.example/" + "x" * 70,
    )
    detail = (
        "request     PutVectors\n            {'a': 1}\nanswer      200\n            {}\n" + "E   x\n" * 200
    )

    def requirement(outcome: str, at: int, **more: str) -> Result:
        id_ = f"put-vectors.name-of-{at // 3}[case-{at % 3}]"
        return result(id_, outcome, claim=claim, source=f"{source}{at % 70}", **more)

    passed = [requirement("passed", at) for at in range(2_279)]
    failed = [requirement("failed", at, reason=f"{at} " * 60, detail=detail) for at in range(2_279)]
    assert size_bytes(Stream(header(), tuple(passed), footer())) < 400_000
    assert size_bytes(Stream(header(), tuple(failed), footer())) < 500_000


def test_an_incomplete_run_shows_what_it_contains() -> None:
    """The page starts with a note about it."""
    stream = truncated(load_stream(20), 12)
    page = Page(render_report([stream]))
    assert "INCONCLUSIVE" in page.words
    assert "9 of 20 s" in page.words
    assert all(problem in page.words for problem in stream.problems)
    assert "run-1" in section_ids(page)


@pytest.mark.parametrize("keep", [0, 1])
def test_a_run_without_seconds_has_a_page(keep: int) -> None:
    """With or without its plan. There are no charts."""
    page = Page(render_report([truncated(load_stream(20), keep)]))
    assert not page.all("figure")
    assert "INCONCLUSIVE" in page.words


def test_a_load_run_without_its_plan_shows_its_seconds() -> None:
    """The line of the plan may be the one that is damaged."""
    stream = load_stream(20)
    page = Page(render_report([structs.replace(stream, records=stream.records[1:])]))
    assert "INCONCLUSIVE" in page.words
    assert "the plan of this run is missing" in page.words
    assert "operation-1-1" in section_ids(page)


def test_damaged_histograms_hide_only_the_percentiles_of_the_run() -> None:
    """Rates, errors and the percentiles of each second do not need them."""
    stream = load_stream(10, ("PutVectors",))
    (second,) = stream.of(Second)[-1:]
    operation = second.operations["PutVectors"]
    damaged = structs.replace(
        operation, response=structs.replace(operation.response, histogram="?"), ok=10**6
    )
    records = tuple(
        structs.replace(each, operations={"PutVectors": damaged}) if each is second else each
        for each in stream.records
    )
    whole, page = (Page(render_report([each])) for each in (stream, structs.replace(stream, records=records)))
    assert "Percentiles of the whole run cannot be shown: " in page.words
    figures = [each for each in section_ids(whole) if each.startswith("operation-1")]
    # The distribution is missing.
    assert len(figures) == 2
    assert [each for each in section_ids(page) if each.startswith("operation-1")] == figures[:1]
    assert "table: Stages" in page.outline


def test_errors_of_the_target_are_not_called_those_of_the_generator() -> None:
    """A run that a starved generator measured, and that fails by errors that lateness cannot cause."""
    stream = load_stream(20, generator_bound_from=10)
    plan = stream.first(LoadPlan)
    assert plan is not None
    seconds = (
        structs.replace(
            each,
            operations={
                name: structs.replace(counts, ok=0, errors={"InternalServerException": counts.ok})
                for name, counts in each.operations.items()
            },
        )
        for each in stream.of(Second)
    )
    broken = (structs.replace(plan, thresholds=("errors < 1%",)), *seconds)
    words = Page(render_report([structs.replace(stream, records=broken)])).words
    assert words.index("FAIL") < words.index("Only the errors that the verdict names are proven")


def test_a_limit_of_the_generator_is_shown_before_the_figures() -> None:
    """The figures describe the generator, not the target."""
    words = Page(render_report([load_stream(20, generator_bound_from=10)])).words
    assert words.index("INCONCLUSIVE") < words.index("The load generator was the limit, not the target.")
    assert words.index("The load generator was the limit") < words.index("Over time")
    assert "in 10 of 20 seconds" in words


def test_a_run_without_problems_says_so() -> None:
    """A sentence replaces the charts of problems."""
    page = Page(render_report([load_stream(20)]))
    assert "No request failed" in page.words
    assert [each for each in section_ids(page) if each.startswith("run-")] == ["run-1", "run-2", "run-3"]


def test_a_failed_clean_up_is_shown_below_the_verdict() -> None:
    """With the resources and the command that removes them. The verdict does not change."""
    stream = structs.replace(load_stream(20), footer=footer(orphaned=("bucket vg-1",)))
    words = Page(render_report([stream])).words
    assert words.index("PASS") < words.index("CLEANUP FAILED") < words.index("bucket vg-1")
    assert "vecgate clean" in words
    assert "CLEANUP FAILED" not in Page(render_report([load_stream(20)])).words


def test_long_runs_show_the_resolution_of_their_charts() -> None:
    """A chart has no space for every second of them."""
    text = "Charts show the lowest and the highest value for every"
    assert text not in Page(render_report([load_stream(200)])).words
    assert f"{text} 4 s." in Page(render_report([load_stream(400)])).words
    assert f"{text} 6 s, wide charts for every 3 s." in Page(render_report([load_stream(600)])).words


def too_low_search() -> Stream:
    """Return a search whose lowest rate did not hold."""
    stream = capacity_stream()
    failed = next(each for each in stream.of(Trial) if not each.held)
    return structs.replace(stream, records=(failed,))


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        (capacity_stream(), "RESULT 2,380 vectors/s sustained, confirmed twice"),
        (
            capacity_stream(found=False),
            "INCONCLUSIVE no rate was confirmed: it had too few trials; 2,380/s passed, unconfirmed",
        ),
        (too_low_search(), "FAIL no rate was found and confirmed: achieved >= 99%: 61.3 %"),
        (sweep_stream(), "PASS held up to 400 requests/s; 6 rates measured; knee at 398/s, p99 18 ms"),
        (sweep_stream(grade="failed"), "FAIL "),
        (sweep_stream(grade="inconclusive"), "INCONCLUSIVE "),
        (sweep_stream(grade=None), "INCONCLUSIVE the run has no verdict; so far: 6 rates measured"),
        (Stream(head("capacity"), ()), "INCONCLUSIVE the run is incomplete; so far: no rate was found"),
        (scale_stream(), "RESULT 100 vectors per request with 5 in flight: 8,929 vectors/s"),
        (Stream(head("scale"), (), foot(1.0)), "FAIL no configuration is recommended"),
        (Stream(head("benchmarks"), (), foot(1.0)), "FAIL nothing was measured"),
        (peers_stream(), "RESULT 3 of 4 measurements succeeded: 4 clients, 1 workload"),
        (Stream(head("peers"), peers_stream().records[3:], foot(1.0)), "FAIL nothing was measured"),
        (Stream(head("conformance"), (), foot(1.0)), "FAIL no requirement was tested"),
    ],
)
def test_every_run_has_a_verdict_and_its_reason(stream: Stream, text: str) -> None:
    """A run without any result does not pass. A measurement without a gate is a RESULT."""
    assert text in Page(render_report([stream])).words


def test_a_search_without_a_failed_rate_says_so() -> None:
    """The highest allowed rate passed."""
    stream = capacity_stream()
    found = structs.replace(stream.records[-1], failed_per_s=None)
    words = Page(render_report([structs.replace(stream, records=(*stream.records[:3], found))])).words
    assert "lowest rate that failed none the highest allowed rate passed" in words


def test_a_missing_template_engine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that contains it."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(UsageError, match="jinja2") as raised:
        render_report([Stream(head("conformance"), ())])
    assert raised.value.hint == "pip install 'vecgate[report]'"


@pytest.mark.parametrize("value", [1e308, -1.0, 5e-324])
@pytest.mark.parametrize("kind", EXAMPLES)
def test_extreme_numbers_do_not_break_a_page(kind: str, value: float) -> None:
    """A stream may contain any number."""
    stream = load_stream(2, ("PutVectors",)) if kind == "load" else EXAMPLES[kind]()
    assert Page(render_report([with_floats(stream, value)])).outline[-1].startswith("h3")


def with_floats(stream: Stream, value: float) -> Stream:
    """Return *stream* with *value* in place of every decimal number."""
    lines = re.sub(
        rb"-?\d+\.\d+(e-?\d+)?", repr(value).encode(), b"\n".join(map(msgspec.json.encode, stream.records))
    )
    records = (msgspec.json.decode(line, type=Record) for line in lines.split(b"\n"))
    return structs.replace(stream, records=tuple(records))
