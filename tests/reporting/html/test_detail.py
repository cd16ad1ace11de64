from __future__ import annotations

from runs import result

from vecgate.reporting.html.detail import EACH, EACH_KNOWN, ROOM, Detail, detail_of, details_of

TEXT = """put-vectors.a (must, model)
It answers 400.
https://a.example/

request     PutVectors
            {'indexName': 'i',
             'vectors': []}
answer      200 content-type: application/json
            {}
request id  id-1

to repeat it

import boto3
client.put_vectors(vectors=[])

/suite/test_put.py:12: in test_a
    assert False
E   AssertionError: expected 400
E   got 200"""


def test_evidence_is_cut_into_its_parts() -> None:
    """What was sent, what came, what was said of it, and how to repeat it."""
    assert detail_of(TEXT) == Detail(
        sent="PutVectors\n{'indexName': 'i',\n 'vectors': []}",
        got="200 content-type: application/json\n{}",
        said="AssertionError: expected 400\ngot 200",
        repeat="import boto3\nclient.put_vectors(vectors=[])",
    )


def test_what_is_known_is_told_in_short() -> None:
    """Without the program."""
    detail = detail_of(TEXT.replace("{}", "x" * 1_000), is_known=True)
    assert detail.repeat == ""
    assert len(detail.got) == EACH_KNOWN + 1
    assert detail.got.endswith("…")


def test_evidence_of_another_shape_is_shown_as_it_is() -> None:
    """Cut where it is too long."""
    assert detail_of("any text") == Detail(whole="any text")
    assert detail_of("x" * 5_000).whole == "x" * EACH + "…"
    assert detail_of("request     X\nanswer      200\n\na.py:1: in f\nE   no").said == "no"
    assert detail_of("request     X\n            {}\n\nto repeat it\n\nnothing more").repeat == "nothing more"


def test_what_failed_comes_first_then_one_for_each_reason() -> None:
    """As far as there is room, counted as the page will hold it."""
    long = "<" * 1_000
    known = [result(f"known.{n}", "deviation", reason=f"r{n % 2}", detail=long) for n in range(400)]
    failed = [result(f"failed.{n}", "failed", detail=long) for n in range(3)]
    found = details_of([*known, *failed, result("passed")])
    assert list(found)[:5] == ["failed.0", "failed.1", "failed.2", "known.0", "known.1"]
    escaped = 4 * (3 * 1_000) + 4 * EACH_KNOWN * (len(found) - 3)
    assert ROOM - 4 * EACH_KNOWN < escaped <= ROOM
