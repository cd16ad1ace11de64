"""Streams of schema version 1, as literal lines of a run of that time."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from vecgate.gate.conformance_verdict import judge_conformance, recorded_verdict
from vecgate.results.bulk_records import BulkTotals
from vecgate.results.load.load_records import LoadPlan, Trial
from vecgate.results.records import SCHEMA_VERSION, Footer, Header, Record
from vecgate.results.result_stream import parse_conformance_run, parse_stream
from vecgate.results.schema_upgrade import RENAMED_FIELDS, RENAMED_VALUES
from vecgate.results.stream_follower import StreamFollower
from vecgate.results.verdict_records import VerdictRecord

HEADER = (
    b'{"record":"header","schema":1,"kind":"conformance","run":"r1","started_at":"2026-11-24T10:00:00+00:00",'
    b'"target":"t","lacking":{"query":"no QueryVectors"},"unlisted":["query"],"versions":{},"environment":{},'
    b'"options":{"visits":"3","expression":"put"}}\n'
)
RESULTS = (
    b'{"record":"requirement","id":"a.b","test":"t::b","level":"must","evidence":"model","source":"u",'
    b'"outcome":"passed"}\n'
    b'{"record":"requirement","id":"a.c","test":"t::c","level":"must","evidence":"model","source":"u",'
    b'"outcome":"outgrown","reason":"passes, although it is listed"}\n'
)
FOOTER = (
    b'{"record":"footer","ended_at":"e","duration_s":1.5,"requests":{},"left_out":["a.d"],'
    b'"stale":["a.e: not there"],"leaks":["bucket vg-1: no"],"is_complete":true}\n'
)
VERDICT = (
    b'{"record":"verdict","grade":"unjudged","checks":[{"name":"whole run","measured":"m","grade":"unjudged",'
    b'"ids":[]},{"name":"must","measured":"m","grade":"passed","ids":["a.b"]}]}\n'
)
LOAD = HEADER.replace(b'"conformance"', b'"load"')


def test_a_conformance_run_keeps_every_field() -> None:
    """A field that was lost could turn a failed run into a passed one."""
    run = parse_conformance_run(HEADER + RESULTS + FOOTER, "old")
    assert run.footer is not None
    assert (run.header.unsupported, run.header.missing_core) == ({"query": "no QueryVectors"}, ("query",))
    assert run.header.options == {"runs": "3", "expression": "put"}
    assert [each.outcome for each in run.results] == ["passed", "unexpected-pass"]
    assert (run.footer.deselected, run.footer.stale_deviations) == (("a.d",), ("a.e: not there",))
    assert (run.footer.orphaned, run.footer.is_complete) == (("bucket vg-1: no",), True)
    failed = {check.name for check in judge_conformance(run).checks if check.grade == "failed"}
    assert failed == {"core", "deviations"}


def test_a_recorded_verdict_keeps_its_grades() -> None:
    """Also those of its checks."""
    stream = parse_stream(HEADER + RESULTS + FOOTER + VERDICT, "old")
    record = stream.first(VerdictRecord)
    assert record is not None
    assert record.grade == "inconclusive"
    assert [check.grade for check in record.checks] == ["inconclusive", "passed"]
    assert recorded_verdict(stream).grade == "inconclusive"


def test_a_load_run_keeps_its_deadline_and_its_price() -> None:
    """The deadline decides whether dropped requests are the generator's fault."""
    plan = (
        b'{"record":"plan","scenario":"s","operations":{"PutVectors":1.0},"dimension":8,"vectors_per_request":1,'
        b'"stages":[],"duration_s":1,"scheduled":1,"in_flight_max":8,"start_within_s":2.5,"usd_before":0.25}\n'
    )
    read = parse_stream(LOAD + plan, "old").first(LoadPlan)
    assert read is not None
    assert (read.start_deadline_s, read.preload_usd) == (2.5, 0.25)


def test_a_trial_and_bulk_totals_keep_their_fields() -> None:
    """A trial that proves nothing must not become one that held."""
    lines = (
        b'{"record":"trial","number":1,"phase":"bracket","rate_per_s":5,"held":false,"is_invalid":true}\n'
        b'{"record":"bulk-totals","read":3,"set_aside":2,"causes":{"NaN":2},"acknowledged":1}\n'
    )
    stream = parse_stream(LOAD + lines, "old")
    trial, totals = stream.first(Trial), stream.first(BulkTotals)
    assert trial is not None
    assert totals is not None
    assert trial.is_inconclusive
    assert (totals.rejected, totals.reject_causes) == (2, {"NaN": 2})


@pytest.mark.parametrize("schema", [b'"schema":1,', b""], ids=["schema-1", "no-schema"])
def test_a_header_without_a_version_is_of_the_first(schema: bytes) -> None:
    """The first version had no need to write one."""
    run = parse_conformance_run(HEADER.replace(b'"schema":1,', schema) + RESULTS + FOOTER, "old")
    assert run.header.missing_core == ("query",)


def test_a_stream_of_today_is_not_changed() -> None:
    """An option may have a name that was renamed elsewhere."""
    header = HEADER.replace(b'"schema":1', b'"schema":%d' % SCHEMA_VERSION)
    assert parse_stream(header, "new").header.options["visits"] == "3"


def test_a_stream_that_is_being_written_is_upgraded_as_well(tmp_path: Path) -> None:
    """Every reader uses the same table."""
    path, seen = tmp_path / "old.jsonl", list[Record]()
    path.write_bytes(HEADER + FOOTER)
    with StreamFollower(path, seen.append) as follower:
        follower.poll()
    first, last = seen
    assert isinstance(first, Header)
    assert isinstance(last, Footer)
    assert (first.missing_core, last.orphaned) == (("query",), ("bucket vg-1: no",))


@pytest.mark.parametrize("tag", RENAMED_FIELDS)
def test_the_table_names_fields_of_today(tag: str) -> None:
    """And no old name is in use again."""
    (kind,) = [each for each in get_args(Record) if each.__struct_config__.tag == tag]
    fields = {field.name for field in msgspec.structs.fields(kind)}
    assert set(RENAMED_FIELDS[tag].values()) <= fields
    assert not RENAMED_FIELDS[tag].keys() & fields


def test_the_table_names_values_of_today() -> None:
    """An outcome or a grade that does not exist could not be read."""
    for tag, fields in RENAMED_VALUES.items():
        kinds = [each for each in get_args(Record) if each.__struct_config__.tag == tag]
        for kind in kinds:
            types = {field.name: field.type for field in msgspec.structs.fields(kind)}
            for name, values in fields.items():
                assert set(values.values()) <= set(get_args(types[name]))
