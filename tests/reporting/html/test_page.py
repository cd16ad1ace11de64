"""The report as a whole: what is in it, where, and that it is the same each time."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from collections.abc import Callable

import msgspec
import pytest
from load_streams import (
    EXAMPLES,
    OPERATIONS,
    capacity_stream,
    cut_off,
    foot,
    head,
    load_stream,
    peers_stream,
    scale_stream,
)
from msgspec import structs
from pages import Page
from runs import footer, header, result

from vecgate.errors import UsageError
from vecgate.reporting.html.page import render
from vecgate.results.benchmarks import Benchmark
from vecgate.results.load import Plan, Second
from vecgate.results.records import Record, Result, Run, Stream

MATRIX = (
    "Requirements by operation and outcome: passed of those that were judged, by level, "
    "then how many did not pass and why"
)
CONDITIONS = ["h2 Conditions", "h3 Run", "h3 Machine", "h3 Versions", "h3 Options"]
OUTLINES = {
    "load": [
        "h1 ramp-1000 on local",
        "h2 Verdict",
        "table: What the verdict rests on",
        "h2 Over time",
        "figure: Offered and achieved vectors a second achieved offered",
        "figure: What went wrong requests a second failed late",
        "figure: In flight requests",
        "figure: Busiest worker of the generator % of a core",
        "h2 Latency",
        "table: Latency by operation, in milliseconds",
        "h3 PutVectors",
        "figure: PutVectors: response time ms p50 p95 p99",
        "figure: PutVectors: service time ms p50 p95 p99",
        "figure: PutVectors: distribution ms response service",
        "figure: PutVectors: requests requests a second done failed",
        "h3 QueryVectors",
        "figure: QueryVectors: response time ms p50 p95 p99",
        "figure: QueryVectors: service time ms p50 p95 p99",
        "figure: QueryVectors: distribution ms response service",
        "figure: QueryVectors: requests requests a second done failed",
        "h2 In detail",
        "table: Requests by operation",
        "table: Errors by code",
        "table: Recall",
        "table: Stages",
        "table: Workers of the generator",
        "table: Events",
        "h2 Conditions",
        "h3 Scenario",
        *CONDITIONS[1:],
        "h3 Requests sent",
    ],
    "capacity": [
        "h1 Capacity of local",
        "h2 Verdict",
        "h2 What was tried",
        "figure: Path of the search vectors a second rate held not held",
        "table: Trials",
        *CONDITIONS,
    ],
    "scale": [
        "h1 Scaling on local",
        "h2 Verdict",
        "h2 What was tried",
        "figure: Vectors a second, and efficiency down: vectors per request; across: requests in flight",
        "table: All configurations",
        *CONDITIONS,
    ],
    "benchmarks": [
        "h1 Microbenchmarks",
        "h2 Verdict",
        "h2 put 500 x 1024",
        "figure: Median, and the middle half of the rounds",
        "table: Medians and spread",
        "h2 query 100",
        "figure: Median, and the middle half of the rounds",
        "table: Medians and spread",
        "h2 decide when to leave",
        "figure: Median, and the middle half of the rounds",
        "table: Medians and spread",
        *CONDITIONS,
    ],
    "peers": [
        "h1 Clients side by side",
        "h2 Verdict",
        "h2 put 10,000 x 1024",
        "figure: Vectors a second",
        "table: Clients in figures",
        *CONDITIONS,
    ],
    "bulk": [
        "h1 Ingest into local",
        "h2 Verdict",
        "table: What the verdict rests on",
        "h2 Over time",
        "figure: Records taken records a second taken at most",
        "figure: Processor of the client % of a core",
        "h2 Latency",
        "table: Latency by operation, in milliseconds",
        "h3 PutVectors",
        "figure: PutVectors: service time ms p50 p95 p99",
        "figure: PutVectors: distribution ms service",
        "figure: PutVectors: requests requests a second done",
        "h2 Conditions",
        "h3 Batch client",
        *CONDITIONS[1:],
        "h3 Requests sent",
    ],
    "conformance": [
        "h1 Conformance of http://h:1",
        "h2 Verdict",
        "table: What the verdict rests on",
        "h2 By operation",
        f"table: {MATRIX}",
        "h2 Known deviations",
        "h2 Not offered by the target",
        "h2 Not tested",
        "h2 Listed deviations that are no longer true",
        "h2 Left behind",
        "h2 Requirements",
        "h2 Sources",
        "h2 Conditions",
        "h3 Run",
        "h3 Versions",
    ],
}


@pytest.fixture
def example(kind: str, mixed: Run) -> Stream:
    """A stream of that *kind*."""
    return Stream(mixed.header, mixed.results, mixed.footer) if kind == "conformance" else EXAMPLES[kind]()


@pytest.mark.parametrize("kind", OUTLINES)
def test_a_page_has_the_verdict_first_then_why_then_evidence(example: Stream, kind: str) -> None:
    """For each kind of run; ids are told apart, and what labels something is there."""
    page = Page(render([example]))
    assert page.outline == OUTLINES[kind]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = {
        name for _, attributes in page.elements for name in (attributes.get("aria-labelledby") or "").split()
    }
    linked = {(each.get("href") or "")[1:] for each in page.all("a") if (each.get("href") or "")[:1] == "#"}
    assert named | linked <= set(ids)


def test_runs_of_one_scenario_are_told_apart() -> None:
    """The list of verdicts says when each was."""
    starts = ("2026-11-24T10:00:00+00:00", "2026-11-24T11:30:00+00:00")
    words = Page(render([load_stream(6, header={"started_at": each}) for each in starts])).words
    for told in ("2026-11-24 10:00:00 UTC", "2026-11-24 11:30:00 UTC"):
        assert f"ramp-1000 on local {told} · " in words


def test_several_runs_are_one_page() -> None:
    """A list of verdicts, then each run one level lower; what could not be read is named."""
    page = Page(render([scale_stream(), peers_stream()], ["x.jsonl is no result stream"]))
    assert page.outline[:4] == [
        "h1 2 runs",
        "h2 Scaling on local",
        "h3 What was tried",
        "figure: Vectors a second, and efficiency down: vectors per request; across: requests in flight",
    ]
    assert "Not everything could be read. x.jsonl is no result stream" in page.words
    assert {"#run1", "#run2"} <= {each.get("href") for each in page.all("a")}


@pytest.mark.parametrize("kind", OUTLINES)
def test_the_same_stream_gives_the_same_bytes(example: Stream) -> None:
    """No clock and no chance in it."""
    assert render([example]) == render([example])


@pytest.mark.parametrize("kind", OUTLINES)
def test_a_page_can_do_nothing_but_what_is_in_it(example: Stream) -> None:
    """One style, one script, both by their hashes; no attribute does anything, nothing is fetched."""
    html = render([example])
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
    told = result(
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
        structs.replace(told, id=f'"><b>{at}', outcome=outcome, source='https://a.example/"><b>')
        for at, outcome in enumerate(("deviation", "passed", "unsupported", "skipped", "outgrown"))
    ]
    first = header(
        target=HOSTILE, lacking={HOSTILE: HOSTILE}, unlisted=(HOSTILE,), versions={HOSTILE: HOSTILE}
    )
    return Stream(first, (told, *others), footer(stale=(HOSTILE,), leaks=(HOSTILE,)), (HOSTILE,))


def hostile_load() -> Stream:
    stream = load_stream(3, ("PutVectors",))
    plan, second = stream.records[0], stream.of(Second)[0]
    assert isinstance(plan, Plan)
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
    found = Benchmark(name=HOSTILE, group=HOSTILE, median_s=1.0, is_baseline=True)
    return Stream(head("benchmarks"), (found,), foot(1.0))


def hostile_peers() -> Stream:
    found = peers_stream()
    records = [structs.replace(each, client=HOSTILE, work=HOSTILE, problem="") for each in found.records]
    return structs.replace(found, records=tuple(records))


@pytest.mark.parametrize("make", [hostile_conformance, hostile_load, hostile_benchmarks, hostile_peers])
def test_what_a_server_says_is_shown_as_text(make: Callable[[], Stream]) -> None:
    """Scripts, quotes, addresses that do something, marks that turn text around, 10,000 characters."""
    page = Page(render([make()]))
    assert [each for each in page.all("script") if each.get("type") != "application/json"] == [{}]
    assert not page.all("img")
    assert not page.all("b")
    assert all(re.match(r"#|https?://", each.get("href") or "") for each in page.all("a"))
    assert "<script>alert(1)</script>" in page.words
    assert "{{7*7}}" in page.words
    assert "\u202e" not in page.words
    assert "\x00" not in page.words
    assert "more characters)" in page.words
    assert not {name for _, told in page.elements for name in told if name.startswith("on")}


def bytes_of(*streams: Stream) -> int:
    return len(render(streams).encode())


def test_a_run_of_ten_minutes_stays_below_500_kb() -> None:
    """With five operations; an hour of them, below 700 KB."""
    assert bytes_of(load_stream(600, OPERATIONS, stall_at=300, throttled_from=500)) < 500_000
    assert bytes_of(load_stream(3_600, OPERATIONS, stall_at=300, throttled_from=500)) < 700_000


def test_a_run_of_2279_requirements_stays_below_500_kb() -> None:
    """Whether all pass or all fail, each for a reason of its own."""
    claim, source = (
        "It does what its name says, in so many words as usual.",
        "https://docs.example/" + "x" * 70,
    )
    detail = (
        "request     PutVectors\n            {'a': 1}\nanswer      200\n            {}\n" + "E   x\n" * 200
    )

    def made(outcome: str, at: int, **more: str) -> Result:
        id_ = f"put-vectors.name-of-{at // 3}[case-{at % 3}]"
        return result(id_, outcome, claim=claim, source=f"{source}{at % 70}", **more)

    passed = [made("passed", at) for at in range(2_279)]
    failed = [made("failed", at, reason=f"{at} " * 60, detail=detail) for at in range(2_279)]
    assert bytes_of(Stream(header(), tuple(passed), footer())) < 400_000
    assert bytes_of(Stream(header(), tuple(failed), footer())) < 500_000


def test_a_run_that_was_cut_off_shows_what_it_holds() -> None:
    """And says so, first of all."""
    page = Page(render([cut_off(load_stream(20), 12)]))
    words = page.words
    assert "NOT JUDGED the run did not come to its end: 9 of 20 s of it are known" in words
    assert "This stream is not whole. run.jsonl was cut off" in words
    assert "figure: Offered and achieved vectors a second achieved offered" in page.outline


@pytest.mark.parametrize("keep", [0, 1])
def test_a_run_that_was_cut_off_before_its_first_second_is_a_page_too(keep: int) -> None:
    """With or without its plan."""
    page = Page(render([cut_off(load_stream(20), keep)]))
    assert "figure" not in " ".join(page.outline)
    assert "NOT JUDGED" in page.words


def test_a_load_run_without_its_plan_shows_its_seconds() -> None:
    """The line of the plan may be the one that is broken."""
    stream = load_stream(20)
    page = Page(render([structs.replace(stream, records=stream.records[1:])]))
    words = page.words
    assert "NOT JUDGED its plan is missing" in words
    assert "the plan of this run is missing" in words
    assert "figure: PutVectors: response time ms p50 p95 p99" in page.outline


def test_histograms_that_cannot_be_read_leave_the_rest() -> None:
    """Rates, errors and the percentiles of seconds do not depend on them."""
    stream = load_stream(5, ("PutVectors",))
    (second,) = stream.of(Second)[-1:]
    operation = second.operations["PutVectors"]
    broken = structs.replace(operation, response=structs.replace(operation.response, histogram="?"), ok=10**6)
    records = tuple(
        structs.replace(each, operations={"PutVectors": broken}) if each is second else each
        for each in stream.records
    )
    page = Page(render([structs.replace(stream, records=records)]))
    assert (
        "Percentiles of the whole run cannot be shown: a latency histogram is no HdrHistogram" in page.words
    )
    assert "figure: PutVectors: response time ms p50 p95 p99" in page.outline
    assert "figure: PutVectors: distribution ms response service" not in page.outline
    assert "table: Stages" in page.outline


def test_a_generator_that_was_the_limit_is_named_before_any_figure() -> None:
    """The run says how fast the generator is, and nothing of the target."""
    words = Page(render([load_stream(20, generator_bound_from=10)])).words
    assert words.index("NOT JUDGED the generator was the limit") < words.index("Over time")
    assert "The figures below say how fast this generator is: in 10 of 20 seconds" in words


def test_nothing_went_wrong_is_said() -> None:
    """In place of an empty chart."""
    page = Page(render([load_stream(20)]))
    assert "No request failed, was throttled, dropped, lost or late." in page.words
    assert not [line for line in page.outline if "What went wrong" in line]


def test_long_runs_say_what_a_point_stands_for() -> None:
    """A chart has no room for each second of them."""
    told = "Charts show the lowest and the highest value for every"
    assert told not in Page(render([load_stream(200)])).words
    assert f"{told} 4 s." in Page(render([load_stream(400)])).words
    assert f"{told} 6 s, wide ones for 3 s." in Page(render([load_stream(600)])).words


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        (capacity_stream(), "RESULT 2,380 vectors/s held, confirmed twice"),
        (capacity_stream(found=False), "FAIL no rate was found and confirmed"),
        (Stream(head("capacity"), ()), "NOT JUDGED the run did not end; so far: no rate was found"),
        (scale_stream(), "RESULT 100 vectors per request with 5 in flight: 8,929 vectors/s"),
        (Stream(head("scale"), (), foot(1.0)), "FAIL none of 0 configurations is recommended"),
        (Stream(head("benchmarks"), (), foot(1.0)), "FAIL nothing was measured"),
        (peers_stream(), "RESULT 3 of 4 measurements taken: 4 clients, 1 work"),
        (Stream(head("peers"), peers_stream().records[3:], foot(1.0)), "FAIL nothing was measured"),
        (Stream(head("conformance"), (), foot(1.0)), "FAIL nothing ran: no requirement was judged"),
    ],
)
def test_every_run_has_a_verdict_in_words(stream: Stream, told: str) -> None:
    """Nothing is not a pass; what has no gate has a result."""
    assert told in Page(render([stream])).words


def test_a_search_that_found_no_limit_says_so() -> None:
    """The highest rate that was allowed held."""
    stream = capacity_stream()
    found = structs.replace(stream.records[-1], failed_per_s=None)
    words = Page(render([structs.replace(stream, records=(*stream.records[:3], found))])).words
    assert "lowest that failed none the highest rate that was allowed held" in words


def test_a_missing_template_engine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(UsageError, match="reports need jinja2, which is not installed") as raised:
        render([Stream(head("conformance"), ())])
    assert raised.value.hint == "pip install 'vecgate[report]'"


@pytest.mark.parametrize("value", [1e308, -1.0, 5e-324])
@pytest.mark.parametrize("kind", EXAMPLES)
def test_figures_beyond_all_measure_make_a_page_too(kind: str, value: float) -> None:
    """A stream may hold anything that is a number."""
    stream = load_stream(2, ("PutVectors",)) if kind == "load" else EXAMPLES[kind]()
    assert Page(render([with_floats(stream, value)])).outline[-1].startswith("h3")


def with_floats(stream: Stream, value: float) -> Stream:
    """*stream* with *value* for every number that may be a fraction."""
    told = re.sub(
        rb"-?\d+\.\d+(e-?\d+)?", repr(value).encode(), b"\n".join(map(msgspec.json.encode, stream.records))
    )
    records = (msgspec.json.decode(line, type=Record) for line in told.split(b"\n"))
    return structs.replace(stream, records=tuple(records))
