"""The page that compares two sides, beside what `vecgate compare` prints."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from html_page import Page
from msgspec import structs
from result_builders import footer, header, result
from sample_streams import benchmark_stream, capacity_stream, load_stream

from vecgate.gate.compare.comparison import compare, compare_repeated, comparison_line
from vecgate.reporting.html.comparison_page import ComparedRun, render_comparison
from vecgate.reporting.text.comparison_text import comparison_rows
from vecgate.results.records import Stream

HOSTILE = "</script><img src=x onerror=alert(1)>"


def side(name: str, streams: Sequence[Stream]) -> list[ComparedRun]:
    return [ComparedRun(name, each, f"{name}.jsonl", f"{name}.html") for each in streams]


def page_of(base: Stream, head: Stream, *, force: bool = False) -> Page:
    """Return the page that compares two runs."""
    found = compare(base, head, force=force)
    return Page(render_comparison(side("base", [base]), side("head", [head]), found))


def figures(page: Page) -> list[str]:
    return [line.removeprefix("figure: ") for line in page.outline if line.startswith("figure: ")]


def test_the_page_has_the_verdict_and_the_figures_of_the_command() -> None:
    """In the same words: every row of `vecgate compare --all`, its checks and its last line."""
    base, head = load_stream(60, ("PutVectors",)), load_stream(60, ("PutVectors",), stall_at=30)
    head = structs.replace(head, header=structs.replace(head.header, run="5eed0002"))
    found = compare(base, head)
    page = page_of(base, head)
    assert " ".join(comparison_line(found).split()) in page.words
    for row in comparison_rows(found, show_all=True):
        assert " ".join(" ".join(row).split()) in page.words
    assert all(check.measured in page.words for check in found.verdict.checks)
    assert {"base.html", "head.html"} <= {each.get("href") for each in page.all("a")}


def test_load_runs_are_on_the_same_axes() -> None:
    """The rate, and of each operation the p99 over time and the distribution. Lines of the base are dashed."""
    base, head = load_stream(30, ("PutVectors", "QueryVectors")), load_stream(20, ("PutVectors",))
    page = page_of(base, head, force=True)
    assert [re.sub(r" (base|head)\b", "", name) for name in figures(page)][2:] == [
        "Achieved rate vectors per second",
        "PutVectors: p99 response time ms",
        "PutVectors: response times ms",
        "QueryVectors: p99 response time ms",
        "QueryVectors: response times ms",
    ]
    assert "prevents a comparison: forced" in page.words


def test_conditions_that_differ_are_listed() -> None:
    """Or a sentence says that none does."""
    base = load_stream(30)
    assert "No condition differs" in page_of(base, base).words
    newer = structs.replace(base.header, versions={**base.header.versions, "locust": "9.9"})
    assert "locust 2.47.0 9.9" in page_of(base, structs.replace(base, header=newer)).words


def test_several_runs_of_each_side_are_drawn() -> None:
    """Each has a line, and the distributions are those of a side."""
    base, head = (
        [load_stream(20, header={"run": f"5eed000{side}{number}"}) for number in range(3)] for side in (1, 2)
    )
    page = Page(render_comparison(side("base", base), side("head", head), compare_repeated(base, head)))
    assert any("base 1" in name and "head 3" in name for name in figures(page))
    assert "base (3 runs)" in page.words


def test_capacity_searches_are_curves_of_latency_by_rate() -> None:
    """Both in one chart."""
    page = page_of(capacity_stream(), capacity_stream())
    assert any(name.startswith("p99 by achieved rate") for name in figures(page))


def test_microbenchmarks_have_the_chart_of_differences() -> None:
    """They have no curve."""
    page = page_of(benchmark_stream(), benchmark_stream())
    assert [name.partition(" ")[0] for name in figures(page)] == ["Regression"]


def test_conformance_runs_list_the_requirements_that_changed() -> None:
    """A page without a chart."""
    base, head = (Stream(header(), (result("a.b", each),), footer()) for each in ("passed", "failed"))
    page = page_of(base, head)
    assert figures(page) == []
    assert "table: Requirements that changed" in page.outline
    assert "FAIL" in page.words


@pytest.mark.parametrize("field", ["target", "url", "started_at"])
def test_foreign_text_is_shown_as_text(field: str) -> None:
    """Also names of operations and stages."""
    hostile = load_stream(20, header={field: HOSTILE})
    page = page_of(load_stream(20), hostile, force=True)
    assert page.all("img") == []
    assert len([each for each in page.all("script") if not each.get("type")]) == 1


def test_the_same_runs_give_the_same_bytes() -> None:
    """The bootstrap of the comparison has a fixed seed."""
    base, head = load_stream(30), load_stream(30, stall_at=20)
    found = [compare(base, head) for _ in range(2)]
    pages = [render_comparison(side("base", [base]), side("head", [head]), each) for each in found]
    assert pages[0] == pages[1]
