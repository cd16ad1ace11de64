"""Capabilities, causes and speed on the compatibility page."""

from __future__ import annotations

from typing import Any

from html_page import Page
from result_builders import footer, header, result

from vecgate.reporting.html.matrix_page import render_matrix
from vecgate.reporting.html.matrix_rows import MatrixCell
from vecgate.reporting.html.matrix_sections import capability_rows, speed_rows, top_causes
from vecgate.results.benchmark_records import Benchmark
from vecgate.results.records import Stream

ONE = Stream(header(target="one"), (result("put-vectors.a"),), footer())
TWO = Stream(
    header(target="two", unsupported={"query": "no QueryVectors"}),
    (result("list-indexes.prefix[s]", "failed", reason="assert 1 == 2"), result("put-vectors.a")),
    footer(),
)


def benchmark(name: str, group: str, times_s: tuple[float, ...], **more: Any) -> Benchmark:
    return Benchmark(name=name, group=group, times_s=times_s, median_s=1.0, is_baseline=name == "one", **more)


SPEED = Stream(
    header(kind="benchmarks", target="servers", environment={"processor": "P", "cores": "2", "load": "0.10"}),
    (
        benchmark("one", "query 100,000 × 4", (0.01, 0.02, 0.03)),
        benchmark("one", "put into 10,000 × 4", (0.5, 0.5), vectors=500, memory_mb=100.0),
        benchmark("two", "put into 10,000 × 4", (1.0, 1.0), vectors=500, memory_mb=300.0),
        benchmark("one", "query 10,000 × 4", (0.01, 0.02, 0.03)),
        benchmark("two", "query 10,000 × 4", (0.04, 0.04, 0.04)),
        benchmark("one", "start", (0.5, 0.4, 0.6)),
        benchmark("three", "start", (0.5,)),
    ),
    footer(),
)


def test_a_capability_that_one_target_lacks_has_a_row() -> None:
    """Those that all support would be noise."""
    (row,) = capability_rows([ONE, TWO])
    assert (row.name, [cell.text for cell in row.cells]) == ("query", ["–", "–"])
    assert [cell.note for cell in row.cells] == ["not tested", "not supported"]
    assert capability_rows([ONE]) == []


def test_a_capability_that_no_one_denies_shows_what_passed() -> None:
    """A server that answers an unknown operation with 500 does not say that it lacks it."""
    queries = (result("query-vectors.a"), result("query-vectors.b", "failed"), result("text.c", "failed"))
    head = header(target="half", unsupported={"text": "no", "auth": "no"})
    half = Stream(header(target="half"), (*queries, result("wire.unsigned")), footer())
    rows = {row.name: row.cells[0] for row in capability_rows([half, TWO, Stream(head, (), footer())])}
    assert rows == {
        "auth": MatrixCell("all", "1/1", "passed"),
        "query": MatrixCell("some", "1/2", "passed"),
        "text": MatrixCell("failed", "0/1", "passed"),
    }


def test_causes_are_sorted_by_level_and_number() -> None:
    """Failures by their likely cause, known deviations by their reason; cases count once, at most five."""
    deviation = {"reason": "Counts from 0. (https://b.example/)"}
    found = top_causes(
        [
            result("list-indexes.prefix[s]", "failed", reason="r"),
            result("list-indexes.prefix[t]", "failed", reason="r"),
            *(result(f"keys.{name}", "deviation", **deviation) for name in "abc"),
            result("names.a", "deviation", level="should", reason="Another."),
            *(result(f"tags.{name}", "deviation", level="may", reason=f"{name}.") for name in "abcdefg"),
        ]
    )
    assert [(each.title, each.level, each.count) for each in found[:3]] == [
        ("Counts from 0. (https://b.example/)", "must", 3),
        ("a prefix is ignored", "must", 1),
        ("Another.", "should", 1),
    ]
    assert len(found) == 5
    assert top_causes([result("a.b")]) == []


def test_speed_is_shown_beside_the_baseline() -> None:
    """In the order of a server's life, and a dash for what was not measured."""
    rows = {row.name: row.cells for row in speed_rows(["one", "two"], [SPEED])}
    assert list(rows) == [
        "start until the first answer",
        "put, up to 10,000 × 4",
        "memory with 10,000 × 4",
        "query p50, 10,000 × 4",
        "query p99, 10,000 × 4",
        "query p50, 100,000 × 4",
        "query p99, 100,000 × 4",
    ]
    assert rows["put, up to 10,000 × 4"] == (
        MatrixCell("plain", "1,000 vectors/s", ""),
        MatrixCell("plain", "500 vectors/s", "0.500 × one"),
    )
    assert rows["memory with 10,000 × 4"][1] == MatrixCell("plain", "300 MB", "3.00 × one")
    assert [cell.text for cell in rows["query p50, 10,000 × 4"]] == ["20.0 ms", "40.0 ms"]
    assert rows["start until the first answer"][1] == MatrixCell("none", "–", "not measured")
    assert speed_rows(["other"], [SPEED]) == []


def test_the_page_has_all_sections() -> None:
    """Benchmarks are no target of their own."""
    page = Page(render_matrix([ONE, SPEED, TWO], (), ("", "", "two.html")))
    sections = [line.removeprefix("h2 ") for line in page.outline if line.startswith("h2")]
    assert sections[:4] == ["Summary", "Most common causes", "Speed", "By operation and topic"]
    assert "a prefix is ignored must, source" in page.words
    assert "2 cores, load 0.10 at the start" in page.words
    assert "servers" not in page.words
    assert "two.html" in [each.get("href") for each in page.all("a")]
