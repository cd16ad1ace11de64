from __future__ import annotations

import pytest
from result_builders import result

from vecgate.reporting.html.evidence_parts import (
    KNOWN_PART_CHARACTERS,
    PAGE_CHARACTERS,
    PART_CHARACTERS,
    Evidence,
    parse_evidence,
    select_evidence,
)

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


@pytest.mark.parametrize(
    "text",
    [TEXT, TEXT.replace("answer  ", "response").replace("to repeat it", "to reproduce it")],
    ids=["schema 1", "schema 2"],
)
def test_evidence_is_split_into_its_parts(text: str) -> None:
    """Request, response, assertion, and the program that reproduces the failure."""
    assert parse_evidence(text) == Evidence(
        request="PutVectors\n{'indexName': 'i',\n 'vectors': []}",
        response="200 content-type: application/json\n{}",
        assertion="AssertionError: expected 400\ngot 200",
        program="import boto3\nclient.put_vectors(vectors=[])",
    )


def test_evidence_of_a_known_deviation_is_short() -> None:
    """It has no program."""
    evidence = parse_evidence(TEXT.replace("{}", "x" * 1_000), is_known=True)
    assert evidence.program == ""
    assert len(evidence.response) == KNOWN_PART_CHARACTERS + 1
    assert evidence.response.endswith("…")


def test_other_text_is_shown_as_it_is() -> None:
    """It is truncated if it is long. A part may be missing."""
    assert parse_evidence("any text") == Evidence(text="any text")
    assert parse_evidence("x" * 5_000).text == "x" * PART_CHARACTERS + "…"
    assert parse_evidence("request     X\nanswer      200\n\na.py:1: in f\nE   no").assertion == "no"
    assert parse_evidence("request     X\n            {}\n\nto repeat it\n\nsome code").program == "some code"


def test_failures_get_space_before_known_deviations() -> None:
    """Then one deviation for each reason. The limit counts escaped characters."""
    long = "<" * 1_000
    known = [result(f"known.{n}", "deviation", reason=f"r{n % 2}", detail=long) for n in range(400)]
    failed = [result(f"failed.{n}", "failed", detail=long) for n in range(3)]
    found = select_evidence([*known, *failed, result("passed")])
    assert list(found)[:5] == ["failed.0", "failed.1", "failed.2", "known.0", "known.1"]
    escaped = 4 * (3 * 1_000) + 4 * KNOWN_PART_CHARACTERS * (len(found) - 3)
    assert PAGE_CHARACTERS - 4 * KNOWN_PART_CHARACTERS < escaped <= PAGE_CHARACTERS
