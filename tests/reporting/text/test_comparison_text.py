from __future__ import annotations

import json
import re
from collections.abc import Sequence

from benchmark_streams import bench, bench_stream
from result_builders import footer, header, result
from sample_streams import head, load_stream

from vecgate.gate.compare.comparison import compare, comparison_line
from vecgate.gate.compare.regression_limits import Limit
from vecgate.reporting.text.comparison_text import (
    FIGURE_HEADINGS,
    comparison_dict,
    comparison_markdown,
    comparison_rows,
    comparison_text,
)
from vecgate.results.records import Stream

BOTH = ("PutVectors", "QueryVectors")
CALM, THROTTLED = load_stream(60, BOTH), load_stream(60, BOTH, throttled_from=20, stall_at=10)
LOAD = compare(CALM, THROTTLED)
BEFORE = Stream(
    header(versions={"vecgate": "0.1"}),
    (result("a.regressed"), result("a.fixed", "failed"), result("a.missing"), result("a.same")),
    footer(),
)
AFTER = Stream(
    header(versions={"vecgate": "0.2"}),
    (
        result("a.regressed", "failed", reason="assert <1>\n == 2"),
        result("a.fixed"),
        result("a.same"),
        *(result(f"b.new{number}") for number in range(3)),
        result("b.new3", "failed", reason="x" * 300),
    ),
    footer(),
)
CONFORMANCE = compare(BEFORE, AFTER)
ERRORS = ["errors(PutVectors)", "0 %", "14.64 %", "+14.6 points", "+11.9 … +17.2 points", "regressed"]
REQUIREMENTS = [
    ["a.regressed", "passed", "failed", "regressed", "assert <1> == 2"],
    ["a.missing", "passed", "", "missing", ""],
    ["a.fixed", "failed", "passed", "improved", ""],
    ["b.new3", "", "failed", "new", "x" * 100],
]


def split_rows(lines: Sequence[str]) -> list[list[str]]:
    return [re.split(" {3,}", line.strip()) for line in lines]


def grades(rows: Sequence[Sequence[str]]) -> list[str]:
    return [row[5].partition(":")[0] for row in rows]


def test_figures_that_regressed_are_shown_with_their_interval() -> None:
    """Figures without a significant change are counted."""
    rows = comparison_rows(LOAD)
    assert ERRORS in rows
    assert ["achieved", "100 %", "85.36 %", "+14.6 points", "+7.7 … +20.4 points", "regressed"] in rows
    assert grades(rows) == ["regressed"] * 6
    table, checks, line = comparison_text(LOAD).split("\n\n")
    assert split_rows(table.splitlines()[:-1]) == [[*FIGURE_HEADINGS[:-1]], *rows]
    assert table.splitlines()[-1] == "and 4 unclear, 3 unchanged (--all shows them)"
    assert checks.endswith("   FAIL")
    assert line == comparison_line(LOAD)


def test_all_figures_are_shown_on_request() -> None:
    """The worst first."""
    rows = comparison_rows(LOAD, show_all=True)
    assert grades(rows) == ["regressed"] * 6 + ["unclear"] * 4 + ["unchanged"] * 3
    assert ["p50(PutVectors)", "10.0 ms", "10.1 ms", "+0.9 %", "-0.8 … +2.6 %", "unchanged"] in rows
    text = comparison_text(LOAD, show_all=True)
    assert split_rows(text.split("\n\n", maxsplit=1)[0].splitlines())[1:] == rows
    assert "--all" not in text


def test_requirements_that_changed_are_shown() -> None:
    """New requirements that pass are counted with the unchanged ones."""
    assert comparison_rows(CONFORMANCE) == REQUIREMENTS
    differences, table, _, line = comparison_text(CONFORMANCE).split("\n\n")
    assert differences == "differs  vecgate: 0.1 and 0.2"
    assert table.splitlines()[-1] == "and 3 new, 1 unchanged (--all shows them)"
    assert line.startswith("FAIL  ")


def test_the_job_summary_lists_all_figures_but_only_changed_requirements() -> None:
    """Also if nothing changed."""
    text = comparison_markdown(LOAD)
    assert text.startswith("## FAIL  ")
    assert f"| {' | '.join(ERRORS)} |" in text
    assert "| p50(PutVectors) |" in text
    assert "| p50(PutVectors) |" in comparison_markdown(compare(CALM, CALM))
    text = comparison_markdown(CONFORMANCE)
    assert "| a.regressed | passed | failed | regressed | assert &lt;1&gt; == 2 |" in text
    assert "a.same" not in text
    assert "- Differs: vecgate: 0.1 and 0.2" in text


def test_no_significant_change_is_a_line() -> None:
    """It counts the figures that were compared."""
    text = comparison_text(compare(CALM, CALM))
    assert text.startswith("no significant change: 13 unchanged (--all shows them)\n\n")


def test_benchmarks_are_shown_in_the_unit_that_fits() -> None:
    """Micro- or milliseconds. A reason is shown beside the grade."""
    base = bench_stream(bench("a", 0.0123), bench("b", 10.0), bench("old", 1))
    now = bench_stream(bench("a", 0.0150), bench("b", 20.0, vectors=1), bench("young", 1))
    rows = {row[0].split("/")[1]: row[1:] for row in comparison_rows(compare(base, now))}
    changed = rows.pop("b")
    assert changed[:4] == ["10.0 ms", "20.0 ms", "+0.0 %", ""]
    assert changed[4].startswith("changed: ")
    assert rows == {
        "a": ["12.3 µs", "15.0 µs", "+22.0 %", "+19.5 … +24.4 %", "regressed"],
        "old": ["1.00 ms", "", "", "", "missing"],
        "young": ["", "1.00 ms", "", "", "new"],
    }


def test_differences_between_the_runs_are_first() -> None:
    """They may be the cause of a change."""
    other = Stream(head("load", environment={}), CALM.records, CALM.footer)
    text = comparison_text(compare(CALM, other, force=True))
    assert text.startswith("differs  machine: x86_64 and none\ndiffers  processor: Example CPU and none\n")


def test_json_has_all_data() -> None:
    """Numbers are not rounded."""
    document = json.loads(json.dumps(comparison_dict(LOAD)))
    figures = {each["name"]: each for each in document["figures"]}
    assert (document["kind"], document["verdict"], len(figures)) == ("load", "failed", 13)
    assert figures["errors(PutVectors)"]["grade"] == "regressed"
    low, high = figures["errors(PutVectors)"]["interval"]
    assert 0 < low < figures["errors(PutVectors)"]["regression"] < high
    assert [each["name"] for each in comparison_dict(CONFORMANCE)["requirements"]] == [  # type: ignore[attr-defined]  # a list
        "a.fixed",
        "a.missing",
        "a.regressed",
        "b.new0",
        "b.new1",
        "b.new2",
        "b.new3",
    ]


def test_limits_are_among_the_checks() -> None:
    """A check for each limit."""
    comparison = compare(CALM, THROTTLED, [Limit("errors", 0.01)])
    check = comparison.verdict.checks[0]
    assert check.measured.startswith("2 of 2 figures")
    assert f"| {check.name} | {check.measured} | failed |" in comparison_markdown(comparison)
