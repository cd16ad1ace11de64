"""The helpers of these tests: what they read of a page, and what they let pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_lines import problems_of
from documents import ROOT, Page, commands_in, slug_of, target_of
from hypothesis import example, given
from hypothesis import strategies as st
from load_streams import foot, head, load_stream, scale_stream, written
from quantities import UNITS, figures, json_quantities, quantities, quantity
from renderings import is_printed, renderings, renewed, segments
from stated import Stated, problems, read_stated, value_of

from vecgate.load.capacity import Goal, TrialOutcome, find_capacity
from vecgate.results.load import Capacity, Plan, Trial
from vecgate.results.records import Stream

PAGE = """# A `title`, and more

See [this](other.md#part) and ![it](a.png); not `[that](code.md)`.

## Part

```text
[no](link.md)
# no heading
```

<!-- result: reports/a.jsonl reports/b.jsonl -->
```console
$ vecgate ramp a
one 1 ms
…
two 2 ms

```
<!-- /result -->

## Part
"""


@pytest.fixture
def page() -> Page:
    """A page with all that there is."""
    return Page("docs/page.md", PAGE)


def test_a_page_is_read_line_by_line(page: Page) -> None:
    """Headings, links and code of the prose alone."""
    assert page.anchors == {"a-title-and-more", "part", "part-1"}
    assert page.links == ((3, "other.md#part"), (3, "a.png"))
    assert page.code == ((1, "title"), (3, "[that](code.md)"))
    assert [(block.language, block.line, str(block)) for block in page.blocks] == [
        ("text", 7, "docs/page.md:7"),
        ("console", 13, "docs/page.md:13"),
    ]
    assert page.lines[2].section == "a-title-and-more"


def test_a_command_may_go_on_in_the_next_line() -> None:
    """As a shell reads it."""
    lines = Page("p.md", "```console\n$ vecgate a \\\n  --b\nsaid\n$ c\n```").lines
    assert list(commands_in(lines)) == [(2, "vecgate a   --b"), (5, "c")]


def test_a_region_is_between_its_marks(page: Page) -> None:
    """What was printed is in runs, without the command and what is left out."""
    inside = [line for line in page.lines if line.region]
    assert {line.region.files for line in inside if line.region} == {("reports/a.jsonl", "reports/b.jsonl")}
    assert [[line.text for line in run] for run in segments(inside)] == [["one 1 ms"], ["two 2 ms"]]
    assert page.with_lines(lambda lines: [line.text for line in lines]) == page


@pytest.mark.parametrize(
    "text",
    [
        "```\nno end",
        "<!-- result: a -->\nno end",
        "<!-- /result -->",
        "<!-- result -->\n<!-- /result -->",
        "<!-- output: a -->\n<!-- /output -->",
        "<!-- output -->\n<!-- /result -->",
        "<!-- output -->\n<!-- output -->",
    ],
)
def test_marks_that_do_not_fit_are_refused(text: str) -> None:
    """Or what is between them would go unread."""
    with pytest.raises(ValueError, match=r"p\.md"):
        _ = Page("p.md", text).lines


def test_a_link_is_from_the_page_that_has_it(page: Page) -> None:
    """With or without a file."""
    assert target_of(page, "other.md#part") == (ROOT / "docs" / "other.md", "part")
    assert target_of(page, "#part") == (ROOT / "docs" / "page.md", "part")
    assert slug_of("`--target`: what [it](x.md) is, 100 %") == "--target-what-it-is-100-"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,001 vectors/s and 10 requests a second", ["1,001 vectors/s", "10 requests a second"]),
        ("p99 10.7 ms, $0.0061, 22.8 MiB", ["10.7 ms", "$0.0061", "22.8 MiB"]),
        ("26 × with lists, 36 times, 500 × 1,024, 64 × float32", ["26 ×", "36 times"]),
        ("at 1 min 06 s; 99.5% of 2 cores", ["1 min", "06 s", "99.5%", "2 cores"]),
        ("p99=50%, s3vectors, 3.11.7, 2^30 bytes, v1.2s, 500 vectors, 10 searches", ["50%"]),
        ("2,271 of 2,271 requirements", ["2,271 requirements"]),
    ],
)
def test_numbers_with_units_are_found(text: str, found: list[str]) -> None:
    """Shapes, versions and counts are none."""
    assert [each.text for each in quantities(text)] == found


def test_numbers_of_json_have_the_units_of_their_names() -> None:
    """A count has none, and a percentile is of times."""
    line = '{"steps": 7, "ms":13.4, "latency_ms": {"p50": 2.7}, "vectors_per_s": 1048.9, "left_s": 2}'
    assert [each.text for each in json_quantities(line)] == ["13.4 ms", "2.7 ms", "1048.9/s", "2 s"]


@given(
    st.floats(0.001, 1e6), st.sampled_from([unit for unit in UNITS if unit not in {"$", "/s", " a second"}])
)
@example(8.67, "ms")
def test_a_number_may_be_repeated_in_fewer_digits(value: float, unit: str) -> None:
    """But in no others."""
    whole = quantity(f"{value:.4f} {unit}")
    for digits in (0, 1, 2):
        assert quantity(f"{value:.{digits}f} {unit}").rounds(whole)
    assert not quantity(f"{2 * value + 3:.0f} {unit}").rounds(whole)


def test_what_a_table_has_without_a_unit_is_taken_in_that_of_the_prose() -> None:
    """36,000 may be said of 35,852; of another unit nothing is."""
    (bare,) = figures("| 35,852 |")
    assert quantity("36,000 vectors/s").rounds(bare)
    assert not quantity("35,000 vectors/s").rounds(bare)
    assert quantity("1.5 s").rounds(quantity("1,500 ms"))
    assert not quantity("1.5 s").rounds(quantity("1.5 MB"))
    assert quantity("2,500 vectors a second").same_as(quantity("2,500 vectors/s"))
    with pytest.raises(ValueError, match="no number with its unit"):
        quantity("20 parsecs")


def test_what_is_shown_must_have_been_printed() -> None:
    """In one run of lines; blanks at their ends do not matter."""
    rendering = "head\na 1   \nb 2\nend\n"
    assert is_printed(["a 1", "b 2"], rendering)
    assert not is_printed(["a 1", "end"], rendering)
    assert not is_printed(["a 2"], rendering)


def test_what_was_shown_is_renewed() -> None:
    """What begins and ends alike, the most alike of several; longer where there are more lines now."""
    old = ["a  1 ms", "b  2 ms", "PASS  3 of 3"]
    new = "x\na  9 µs\nb  8 ms\nc  7 ms\nPASS  4 of 4\n"
    assert renewed(old, [new]) == ["a  9 µs", "b  8 ms", "c  7 ms", "PASS  4 of 4"]
    assert renewed(old, ["nothing"]) == old
    assert renewed(["a 1", "b 1"], ["a 5\nx\ny\nb 5\na 6\nb 6\n"]) == ["a 6", "b 6"]


def test_results_of_every_kind_are_printed_as_their_commands_do(tmp_path: Path) -> None:
    """From the stream alone: what was on the terminal, its last line included."""
    said = {
        name: renderings(written(tmp_path / f"{name}.jsonl", stream))
        for name, stream in {
            "load": load_stream(8),
            "scale": scale_stream(),
            "capacity": a_search(),
        }.items()
    }
    assert "at most" in said["load"][0].splitlines()[0]
    assert said["load"][0].splitlines()[-1].startswith(("PASS", "FAIL", "NOT JUDGED"))
    assert said["scale"][0].splitlines()[-1].startswith("SCALE  send 100 vectors a request")
    assert said["capacity"][0].splitlines()[0].startswith("trial  1  bracket")
    assert said["capacity"][0].splitlines()[-1].startswith("CAPACITY  800 vectors/s held")
    peers, micro = (ROOT / "loadtests" / name / "results" / f"{name}.jsonl" for name in ("peers", "micro"))
    assert "| client |" in renderings(peers)[0]
    assert renderings(micro)[0].splitlines()[-1].startswith("PASS  ")
    (tmp_path / "a.txt").write_text("as it is")
    assert renderings(tmp_path / "a.txt") == ["as it is"]


def a_search() -> Stream:
    """A search for a capacity that is 800 vectors a second."""
    found: list[Trial | Capacity] = []
    goal = Goal(100, 1_600, confirmations=1)
    find_capacity(goal, lambda rate: TrialOutcome(rate <= 800, rate), found.append)
    options = {"from": "100", "to": "1600", "resolution": "5%"}
    return Stream(head("capacity", options=options), (load_stream(8).of(Plan)[0], *found), foot(9.0))


def test_what_is_stated_is_held_to_its_source(tmp_path: Path) -> None:
    """Of a constant, in its unit or in that of the page; of a file, that it is there."""

    def wrong(says: str, source: str) -> list[str]:
        return list(problems(Stated(source, (quantity(says),), ())))

    assert wrong("20 MiB", "vecgate.s3vectors.limits.PAYLOAD_BYTES_MAX") == []
    assert wrong("2 KB", "vecgate.s3vectors.limits.FILTERABLE_BYTES_MAX") == []
    assert wrong("95 %", "vecgate.load.scale.NEAR_BEST") == []
    assert wrong("10 ms", "vecgate.load.recorder.LATE_S") == []
    assert wrong("20 s", "vecgate capacity --trial") == []
    assert wrong("1,000 vectors/s", "vecgate.bulk.config.PRESETS.steady.vectors_per_s") == []
    assert wrong("21 MiB", "vecgate.s3vectors.limits.PAYLOAD_BYTES_MAX") != []
    assert wrong("3 s", "vecgate.s3vectors.model.service_model") != []
    assert wrong("1 s", "tests/none.py") == ["there is no tests/none.py"]
    assert wrong("1 s", "https://a.example/") == []
    with pytest.raises(LookupError):
        value_of("nothing.at.all")
    wild = tmp_path / "stated.toml"
    wild.write_text('[[stated]]\nsource = "https://a.example/"\nat = ["docs/put.md"]\n')
    with pytest.raises(ValueError, match="allows every number"):
        read_stated(wild)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("vecgate put FILES… --target TARGET", 0),
        ("AWS_REGION=eu-west-1 vecgate doctor --target http://h  # look", 0),
        ("vecgate doctor --policy COMMAND [--bucket-prefix PREFIX | --bucket B]", 0),
        ("vecgate scan --no-data 2>/dev/null | head", 0),
        ("the option of `vecgate bench --show", 0),
        ("vecgate put a b --chek", 1),
        ("vecgate conform --level quik", 1),
        ("vecgate ramp smoke again", 1),
        ("vecgate bensch; vecgate serv", 2),
        ("vecgate", 0),
    ],
)
def test_a_command_line_is_held_against_the_options_that_there_are(text: str, count: int) -> None:
    """Their names, their values, and how many words there may be."""
    assert len(list(problems_of(text.replace("`", "")))) == count
