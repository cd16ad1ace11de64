from __future__ import annotations

import json

from comparisons import bench, bench_stream
from goldens import is_golden
from load_streams import head, load_stream
from runs import footer, header, result

from vecgate.gate.compare import compare
from vecgate.gate.limits import Limit
from vecgate.reporting.comparison import comparison_dict, comparison_markdown, comparison_text, rows_of
from vecgate.results.records import Stream

BOTH = ("PutVectors", "QueryVectors")
CALM, THROTTLED = load_stream(60, BOTH), load_stream(60, BOTH, throttled_from=20, stall_at=10)
LOAD = compare(CALM, THROTTLED)
BEFORE = Stream(
    header(versions={"vecgate": "0.1"}),
    (result("a.worse"), result("a.mended", "failed"), result("a.gone"), result("a.same")),
    footer(),
)
AFTER = Stream(
    header(versions={"vecgate": "0.2"}),
    (
        result("a.worse", "failed", reason="assert <1>\n == 2"),
        result("a.mended"),
        result("a.same"),
        *(result(f"b.new{number}") for number in range(3)),
        result("b.new3", "failed", reason="x" * 300),
    ),
    footer(),
)
CONFORMANCE = compare(BEFORE, AFTER)


def test_the_terminal_shows_what_changed_the_worse_first() -> None:
    """And counts what is the same, or may be."""
    assert is_golden("compare-load.txt", comparison_text(LOAD))
    assert is_golden("compare-conformance.txt", comparison_text(CONFORMANCE))


def test_everything_is_shown_where_it_is_asked_for() -> None:
    """Also what is the same, or in doubt."""
    assert is_golden("compare-load-all.txt", comparison_text(LOAD, everything=True))


def test_the_summary_of_a_job_has_the_table_also_where_all_is_well() -> None:
    """Of figures; of requirements what changed."""
    assert is_golden("compare-load.md", comparison_markdown(LOAD))
    assert is_golden("compare-conformance.md", comparison_markdown(CONFORMANCE))
    assert "| p50(PutVectors) |" in comparison_markdown(compare(CALM, CALM))


def test_nothing_changed_in_one_line() -> None:
    """With how many were looked at."""
    text = comparison_text(compare(CALM, CALM))
    assert text.startswith("no change beyond noise: 13 the same (--all shows them)\n\n")


def test_benchmarks_are_told_in_their_own_times() -> None:
    """Micro- or milliseconds; why it cannot be told stands where the grade does."""
    base = bench_stream(bench("a", 0.0123), bench("b", 10.0), bench("old", 1))
    now = bench_stream(bench("a", 0.0150), bench("b", 20.0, vectors=1), bench("young", 1))
    rows = {row[0].split("/")[1]: row[1:] for row in rows_of(compare(base, now))}
    assert rows == {
        "a": ["12.3 µs", "15.0 µs", "+22.0 %", "+19.5 … +24.4 %", "worse"],
        "old": ["1.00 ms", "", "", "", "gone"],
        "young": ["", "1.00 ms", "", "", "new"],
        "b": ["10.0 ms", "20.0 ms", "+0.0 %", "", "changed: the work is another"],
    }


def test_differences_are_told_first() -> None:
    """They may be why."""
    other = Stream(head("load", environment={}), CALM.records, CALM.footer)
    text = comparison_text(compare(CALM, other, anyway=True))
    assert text.startswith("differs  machine: x86_64 and none\ndiffers  processor: Example CPU and none\n")


def test_json_has_all_of_it() -> None:
    """Numbers as they are, and what has no end as null."""
    told = json.loads(json.dumps(comparison_dict(LOAD)))
    figures = {each["name"]: each for each in told["figures"]}
    assert (told["kind"], told["verdict"], len(figures)) == ("load", "failed", 13)
    assert figures["errors(PutVectors)"]["grade"] == "worse"
    low, high = figures["errors(PutVectors)"]["between"]
    assert 0 < low < figures["errors(PutVectors)"]["worse_by"] < high
    assert [each["name"] for each in comparison_dict(CONFORMANCE)["requirements"]] == [  # type: ignore[attr-defined]  # a list
        "a.gone",
        "a.mended",
        "a.worse",
        "b.new0",
        "b.new1",
        "b.new2",
        "b.new3",
    ]


def test_limits_stand_among_the_checks() -> None:
    """With what they allow."""
    markdown = comparison_markdown(compare(CALM, THROTTLED, [Limit("errors", 0.01)]))
    assert "| errors at most 1 % worse | 2 of 2 figures worse than allowed | failed |" in markdown
