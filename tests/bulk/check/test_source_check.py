"""A check counts the records that an index would reject, and suggests non-filterable keys."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.bulk.check.check_report import CheckReport
from vecgate.bulk.check.source_check import check_source
from vecgate.bulk.core.record_validation import IndexRules
from vecgate.bulk.sources import open_source, source_from_records

Record = tuple[str, list[float], dict[str, Any]]
NAMES = ["a", "bb", "body", "text", "url"]


def size(metadata: Mapping[str, Any], without: Sequence[str] = ()) -> int:
    """Return the size by the service's model, in a second, naive implementation."""
    total = 4
    for key, value in metadata.items():
        if key not in without:
            total += 8 + len(key.encode()) + (len(value.encode()) if isinstance(value, str) else 4)
    return total


def records() -> st.SearchStrategy[list[Record]]:
    """Generate records with some repeated keys, and with text near the limits."""
    text = st.sampled_from([0, 5, 100, 700, 1100, 1990, 2034, 2100]).map(lambda n: "x" * n)
    metadata = st.dictionaries(st.sampled_from(NAMES), st.one_of(text, st.integers(0, 5)), max_size=5)
    vectors = st.lists(st.sampled_from([0.0, 1.0, -2.0]), min_size=2, max_size=2)
    keys = st.sampled_from([f"k{i}" for i in range(8)])
    return st.lists(st.tuples(keys, vectors, metadata), min_size=1, max_size=12)


@given(records(), st.sampled_from([(), ("body",), ("a", "url")]))
@example([("k", [1.0, 0.0], {"a": "x" * 2035}), ("k", [0.0, 0.0], {"a": "x" * 2036})], ())
def test_counts_are_those_of_a_naive_count(drawn: list[Record], fixed: tuple[str, ...]) -> None:
    """Records, rejects, duplicates, sizes and norms are exact."""
    report = check_source(source_from_records(drawn), IndexRules(2, "cosine", frozenset(fixed)))
    over = [size(m, fixed) > 2048 for _, _, m in drawn]
    zero = [not any(v) for _, v, _ in drawn]
    problems = Counter(
        "cosine distance does not support vectors with zero norm"
        if is_zero
        else "Filterable metadata must have at most 2048 bytes"
        for is_zero, is_over in zip(zero, over, strict=True)
        if is_zero or is_over
    )
    keys = Counter(key for key, _, _ in drawn)
    norms = [math.hypot(*v) for _, v, _ in drawn]
    assert (report.records, report.invalid) == (len(drawn), sum(problems.values()))
    assert report.valid == report.records - report.invalid
    found = Counter[str]()
    for problem in report.problems:
        found[problem.problem.partition(":")[0]] += problem.records
    assert found == problems
    assert report.filterable_over == sum(over)
    assert report.duplicates.keys == sum(count > 1 for count in keys.values())
    assert report.duplicates.superseded == len(drawn) - len(keys)
    assert set(report.duplicates.examples) <= {key for key, count in keys.items() if count > 1}
    assert report.duplicates.is_certain
    assert (report.norms.vectors, report.norms.zero) == (len(drawn), sum(zero))
    assert report.norms.unit == norms.count(1.0)
    assert math.isclose(report.norms.smallest, min(norms), rel_tol=1e-12)
    assert math.isclose(report.norms.largest, max(norms), rel_tol=1e-12)
    assert report.lengths == ((2, len(drawn)),)
    for key in report.metadata:
        sizes = [size({key.name: m[key.name]}) - 4 for _, _, m in drawn if key.name in m]
        assert (key.records, key.bytes_max) == (len(sizes), max(sizes))
        assert math.isclose(key.bytes_mean, sum(sizes) / len(sizes))
    assert {key.name for key in report.metadata} == {name for _, _, m in drawn for name in m}


@given(records(), st.sampled_from([(), ("url",)]))
def test_the_suggestion_is_minimal(drawn: list[Record], fixed: tuple[str, ...]) -> None:
    """It lets every record fit, and no smaller set does."""
    report = check_source(source_from_records(drawn), IndexRules(2, "euclidean", frozenset(fixed)))
    over = [m for _, _, m in drawn if size(m, fixed) > 2048]
    if not over:
        assert report.suggestion is None
        return
    assert report.suggestion is not None
    found = report.suggestion.keys
    assert set(found) >= set(fixed)
    assert all(size(m, found) <= 2048 for m in over)
    assert report.suggestion.rescued == len(over)
    free = [name for name in NAMES if name not in fixed]
    for smaller in combinations(free, len(found) - len(fixed) - 1):
        assert any(size(m, (*fixed, *smaller)) > 2048 for m in over)


def _vector(key: str, **metadata: object) -> tuple[str, list[float], dict[str, object]]:
    return key, [0.6, 0.8], metadata


def test_the_suggestion_comes_with_the_option() -> None:
    """The option can be pasted; of two single keys that fit, it has the one that leaves less."""
    long = [_vector(f"k{i}", title="t" * 900, body="b" * 1500, text="x" * 1600) for i in range(3)]
    report = check_source(source_from_records([*long, _vector("s", title="short")]))
    assert report.suggestion is not None
    assert report.suggestion.option == "--non-filterable text,body"
    assert (report.suggestion.rescued, report.invalid) == (3, 3)
    assert "  suggestion  create the index with --non-filterable text,body" in report.lines()


def test_twelve_large_keys_cannot_be_rescued() -> None:
    """An index allows ten non-filterable keys."""
    report = check_source(source_from_records([_vector("k", **{f"m{i:02}": "x" * 1200 for i in range(12)})]))
    assert report.suggestion is not None
    assert (report.suggestion.keys, report.suggestion.rescued, report.suggestion.option) == ((), 0, "")
    assert any("no set of 10 non-filterable keys lets every record fit" in line for line in report.lines())


def test_beyond_twelve_keys_the_largest_are_tried() -> None:
    """Small ones stay filterable."""
    metadata = {f"m{i:02}": "x" * 50 for i in range(20)} | {"body": "y" * 2000}
    report = check_source(source_from_records([_vector("k", **metadata)]))
    assert report.suggestion is not None
    assert report.suggestion.keys == ("body",)


def test_keys_that_an_index_cannot_name_are_not_suggested() -> None:
    """Non-filterable keys have 1 to 63 characters."""
    report = check_source(source_from_records([_vector("k", **{"n" * 64: "x" * 3000})]))
    assert report.suggestion is not None
    assert report.suggestion.keys == ()


def test_records_beyond_all_limits_need_no_suggestion() -> None:
    """Above 40 KB in total, no setting of the index helps."""
    report = check_source(source_from_records([_vector("k", body="x" * 50_000)]))
    assert (report.total_over, report.filterable_over, report.suggestion) == (1, 1, None)
    assert "  " + " " * 12 + "1 record above 40,960 bytes of metadata in total" in report.lines()


def test_a_source_that_can_be_read_once_is_checked_by_hashes() -> None:
    """Duplicates are probable and unnamed, and there is no suggestion."""
    twice = [_vector("a", t="x" * 3000), _vector("a"), _vector("b")]
    report = check_source(source_from_records(iter(twice)))
    assert (report.duplicates.keys, report.duplicates.superseded) == (1, 1)
    assert (report.duplicates.examples, report.duplicates.is_certain) == ((), False)
    assert report.suggestion is None
    assert "  duplicates  probably 1 key more than once" in report.lines()


def test_problems_are_grouped_with_their_first_keys(tmp_path: Path) -> None:
    """Each has five examples; locations do not split a group; a record without a key is named by its
    location.
    """
    path = tmp_path / "f.jsonl"
    good = {"key": "g", "vector": [1.0, 2.0]}
    short = [{"key": f"s{i}", "vector": [1.0]} for i in range(7)]
    lines = [json.dumps(r) for r in [good, *short, {"key": "n", "vector": [1, None]}]] + ["{", "{"]
    path.write_text("\n".join(lines))
    report = check_source(open_source(path))
    assert [(p.problem, p.records, p.keys) for p in report.problems] == [
        ("vector must have length 2, but has length 1", 7, ("s0", "s1", "s2", "s3", "s4")),
        ("line N is not JSON, from column N", 2, ("line 10", "line 11")),
        ("vector must hold numbers only, but element N is null", 1, ("n",)),
    ]
    assert report.lengths == ((1, 7), (2, 2))
    assert report.lines()[2] == (
        "  rejected    7: vector must have length 2, but has length 1; keys s0, s1, s2, s3, s4, …"
    )
    assert report.lines()[-1] == "FAIL  10 of 11 records would be rejected"


def test_a_record_without_a_key_is_named_by_its_position() -> None:
    """Positions start at 0, as in the rejects file."""
    report = check_source(source_from_records([_vector("a"), {"vector": [1.0, 2.0]}]))
    assert [(p.problem, p.keys) for p in report.problems] == [("key is missing", ("record 1",))]


def test_the_report_on_a_clean_file(tmp_path: Path) -> None:
    """The whole text."""
    path = tmp_path / "f.parquet"
    keys = [f"k{i}" for i in range(1200)]
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.tile([0.6, 0.8], 1200).astype(np.float32)), 2)
    table = {"id": [*keys[:-1], "k0"], "vector": vectors, "year": [2026] * 1200, "ok": [True] * 1200}
    pq.write_table(pa.table(table), path)
    assert check_source(open_source(path)).lines() == [
        f"{path}: 1,200 records",
        'key ← "id", vector ← "vector" (2 × float32), metadata ← year, ok',
        "  duplicates  1 key more than once: k0",
        "              the last of each wins; 1 record replaced",
        "  vectors     1,200 of 2 values",
        "  norms       1 to 1: all of unit norm, suited to cosine",
        "  metadata    year: number, in 1,200 records, 16 bytes on average, 16 at most",
        "  metadata    ok: boolean, in 1,200 records, 10 bytes on average, 10 at most",
        "  requests    about 3 PutVectors, 91.2 KiB in total",
        "PASS  1,200 of 1,200 records would be accepted",
    ]


def test_values_of_every_type_are_named() -> None:
    """Mixed types are listed, and so are types that the service rejects."""
    report = check_source(
        source_from_records(
            [_vector("a", m="x", n={"deep": 1}), _vector("b", m=1.5, n=[1]), _vector("c", m=True)]
        )
    )
    types = {key.name: key.types for key in report.metadata}
    assert types == {"m": ("boolean", "number", "string"), "n": ("array", "other")}


def test_a_source_without_valid_records_has_a_report_too() -> None:
    """No vector, no norm, no request."""
    report = check_source(
        source_from_records([{"key": "a", "vector": None}, {"key": "b", "vector": [float("nan")]}])
    )
    assert (report.valid, report.requests, report.norms.vectors, report.norms.smallest) == (0, 0, 0, 0.0)
    assert report.lines()[-1] == "FAIL  2 of 2 records would be rejected"
    assert not report.suggests_cosine


def test_a_lone_surrogate_has_no_size() -> None:
    """Such metadata are rejected and not measured."""
    report = check_source(source_from_records([_vector("a", m="\ud800"), _vector("b", m="x")]))
    assert (report.invalid, [key.records for key in report.metadata]) == (1, [1])


def test_zero_vectors_are_reported_without_an_index() -> None:
    """They matter only under cosine, which may be chosen later."""
    report = check_source(source_from_records([("a", [0.0, 0.0]), ("b", [3.0, 4.0])]))
    assert report.invalid == 0
    assert "              1 vector of norm zero, which a cosine index rejects" in report.lines()


def test_wide_vectors_need_more_requests() -> None:
    """They reach 20 MiB before 500 vectors."""
    matrix = np.random.default_rng(7).standard_normal((500, 4096)).astype(np.float32)
    report = check_source(source_from_records([(str(i), row) for i, row in enumerate(matrix)]))
    assert report.requests == math.ceil(500 / (20 * 2**20 * 0.97 // report.bytes_per_vector)) > 1


def test_sizes_have_a_suitable_unit() -> None:
    """From bytes to gibibytes."""

    def requests(bytes_per_vector: float, valid: int) -> str:
        base = check_source(source_from_records([("a", [1.0])]))
        fields = {name: getattr(base, name) for name in CheckReport.__slots__}
        report = CheckReport(**fields | {"bytes_per_vector": bytes_per_vector, "valid": valid})
        return report.lines()[-2].partition(" PutVectors, ")[2]

    assert [requests(100, n) for n in (1, 100, 10_000_000, 10_000_000_000)] == [
        "100 B in total",
        "9.8 KiB in total",
        "953.7 MiB in total",
        "931.3 GiB in total",
    ]


def test_the_report_is_json() -> None:
    """It has everything that the text says, and the option to paste."""
    report = check_source(source_from_records([_vector("a", body="x" * 3000)]))
    found = json.loads(json.dumps(report.to_dict()))
    assert (found["records"], found["invalid"], found["option"]) == (1, 1, "--non-filterable body")
    assert found["suggestion"] == {"keys": ["body"], "rescued": 1, "added": ["body"]}
    assert check_source(source_from_records([_vector("a")])).to_dict()["option"] == ""


def test_the_advice_states_its_price() -> None:
    """A key that becomes non-filterable is lost to filters, which a permission must not be."""
    sids = [f"S-1-5-21-{i}-9999999999999999999999999999999999" for i in range(50)]
    lines = check_source(source_from_records([_vector("a", allowed_group_sids=sids)])).lines()
    text = "\n".join(lines)
    assert (
        'Filterable metadata must have at most 2048 bytes: the largest key, "allowed_group_sids", is an array'
        in text
    )
    assert "--non-filterable allowed_group_sids" in text
    assert "the price: no query can filter by allowed_group_sids any more" in text
    assert "an array costs 4 bytes and its value for each element" in text
    assert "as permissions must, store fewer or shorter elements" in text


def test_the_advice_prefers_a_long_text() -> None:
    """As the content of a document, which nobody filters, even beside a longer array."""
    sids = [f"group-{i:05}" for i in range(60)]
    records = [_vector("a", sids=sids, _node_content="x" * 1_500, kind="text")]
    report = check_source(source_from_records(records))
    assert report.suggestion is not None
    assert report.suggestion.keys == ("_node_content",)
    assert "array costs" not in "\n".join(report.lines())
    fixed = check_source(source_from_records(records), IndexRules(2, "cosine", frozenset({"sids"})))
    assert fixed.suggestion is None
    both = check_source(
        source_from_records([_vector("a", sids=["s"], body="x" * 3_000)]),
        IndexRules(2, "cosine", frozenset({"sids"})),
    )
    assert both.suggestion is not None
    assert both.suggestion.keys == ("sids", "body")
    assert any("no query can filter by body any more" in line for line in both.lines())


@pytest.mark.parametrize(
    ("metadata", "hint"),
    [
        ({"m": ["a", None]}, "--nulls drop leaves out null entries, --nulls prune also null elements"),
        ({"m": []}, "--nulls prune leaves out empty arrays"),
        ({"m": {"x": 1}}, "--flatten makes each entry of an object metadata, such as object.entry"),
        ({"m": math.inf}, "leave the column out with --metadata, or correct its values"),
        ({"m": [1.0, math.inf]}, "leave the column out with --metadata, or correct its values"),
    ],
)
def test_a_problem_of_metadata_comes_with_the_option_that_helps(metadata: dict[str, Any], hint: str) -> None:
    """Below it, and the key and its type are named."""
    lines = check_source(source_from_records([_vector("a", **metadata), _vector("b", m=1)])).lines()
    (number,) = [number for number, line in enumerate(lines) if "rejected  " in line]
    assert ': "m" is an ' in lines[number]
    assert lines[number + 1].strip() == hint


def test_vectors_that_are_not_normalised_are_explained() -> None:
    """What it means for each metric, and for models made for the dot product."""
    text = "\n".join(check_source(source_from_records([("a", [3.0, 4.0]), ("b", [0.6, 0.8])])).lines())
    assert "norms       1 to 5" in text
    assert "cosine ignores the norms, euclidean does not" in text
    assert "for dot product, a metric the service lacks" in text
    for unit in ([("a", [0.6, 0.8])], [("a", [0.6, 0.8]), ("z", [0.0, 0.0])]):
        assert "not normalised" not in "\n".join(check_source(source_from_records(unit)).lines())


def test_conversions_are_part_of_the_report() -> None:
    """In the text and in the JSON."""
    report = check_source(source_from_records([_vector("a", day=dt.date(2026, 1, 2))]))
    assert list(report.to_dict()["conversions"]) == list(report.conversions) != []
    assert any(line.startswith("  converted   day as ISO 8601 text") for line in report.lines())
