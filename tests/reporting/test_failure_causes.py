from __future__ import annotations

from collections.abc import Mapping, Sequence

import botocore.session
import pytest
from result_builders import result

from vecgate.reporting.failure_causes import MEMBERS, find_causes
from vecgate.results.records import Result

ACCEPTED = "AssertionError: expected 400 ValidationException\ngot      an answer: {}"


def failed(id_: str, reason: str = "", *, level: str = "must", detail: str = "") -> Result:
    return result(id_, "failed", level=level, reason=reason, detail=detail)


def other_error(got: str, differs: str, *, message: str = "''") -> str:
    return f"expected 400 ValidationException\ngot      {got}, message {message}\ndiffers  {differs}"


CASES: Mapping[str, tuple[Sequence[Result], Mapping[str, int]]] = {
    "an operation that is not there": (
        [
            failed("get-index.a", "ClientError: An error occurred (400) when calling the UpdateIndexMode operation (x): y"),
            failed("names.b[UpdateIndexMode]", "expected 404 NotFoundException\ngot      400 400, message ''\ndiffers  code",
                   detail="request     UpdateIndexMode\nanswer      400 \n"),
            failed("wire.c", "assert 400 == 200", detail="request     POST /UpdateIndexMode\nanswer      400 \n"),
        ],
        {"UpdateIndexMode answers 400 without an error code": 3},
    ),
    "an internal error": (
        [failed("a.b", "x", detail="request     QueryVectors\nanswer      500 content-type: y\n"), failed("a.c", "y")],
        {"QueryVectors answers with an internal error": 1, "a.c: ": 1},
    ),
    "a target that is given up": (
        [
            failed(id_, f"E: {operation} got no response: the target is too slow: its answers took 902 s, so it is …")
            for id_, operation in (("get-index.a", "GetIndex"), ("list-indexes.prefix", "CreateIndex"))
        ],
        {"the target is too slow": 2},
    ),
    "an operation that is given up": (
        [failed("a.b", "E: GetIndex got no response: the operation does not answer: 3 requests got …"),
         failed("a.c", "x", detail="request     GetIndex\nanswer      none \n")],
        {"GetIndex does not answer": 2},
    ),
    "an internal error before the test": (
        [
            failed(id_, "in setup: E: An error occurred (InternalServerException) when calling the CreateIndex operation: x")
            for id_ in ("list-indexes.prefix", "get-index.mode")
        ],
        {"CreateIndex answers with an internal error": 2},
    ),
    "a rejection before the test": (
        [
            failed(id_, f"{phase}An error occurred (ValidationException) when calling the CreateIndex operation: x")
            for id_, phase in (("list-indexes.prefix", "in setup: E: "), ("get-index.mode", "E: "))
        ],
        {"CreateIndex rejects valid requests with ValidationException: x": 2},
    ),
    "no answer": (
        [failed("a.b", "x", detail="request     GET /tags/x\nanswer      none \n")], {"tags does not answer": 1}
    ),
    "a fault that a simpler requirement shows": (
        [failed("list-indexes.prefix[a]"), failed("properties.index-pages"), failed("list-indexes.prefix[b]")],
        {"a prefix is ignored": 3},
    ),
    "an invalid request beside a fault of valid ones": (
        [failed("create-index.text-keys", "KeyError: 'metadataConfiguration'"),
         failed("create-index.text-key-length", ACCEPTED)],
        {"the metadata configuration is not described": 1, "invalid requests to CreateIndex are accepted": 1},
    ),
    "the same without the simpler one": ([failed("properties.index-pages")], {"properties.index-pages: ": 1}),
    "invalid requests of a topic": (
        [failed(f"filters.broken[{n}]", ACCEPTED, level="should") for n in range(9)]
        + [failed("filters.wrong-operand", ACCEPTED, level="should")],
        {"invalid filters are accepted": 10},
    ),
    "invalid requests of an operation": (
        [failed("put-vectors.a", ACCEPTED), failed("put-vectors.b", "DID NOT RAISE ClientError")],
        {"invalid requests to PutVectors are accepted": 2},
    ),
    "other errors": (
        [
            failed("a.b", other_error("404 NotFoundException", "code; status")),
            failed("c.d", other_error("404 NotFoundException", "code; status")),
            failed("c.e", other_error("400 ValidationException", "message", message="'x'")),
            failed("c.f", other_error("400 ValidationException", "field")),
        ],
        {
            "404 NotFoundException instead of 400 ValidationException": 2,
            "error messages are worded differently": 1,
            "errors have no fieldList": 1,
        },
    ),
    "valid requests that are rejected": (
        [
            failed(f"c.{n}", f"An error occurred (ValidationException) when calling the CreateIndex operation (z): "
                   f"name 'vg-{n}' is wrong")
            for n in "ab"
        ],
        {"CreateIndex rejects valid requests with ValidationException: name … is wrong": 2},
    ),
    "a missing member": ([failed("a.b", "KeyError: 'scores'"), failed("c.d", "KeyError: 'scores'")], {"answers have no scores": 2}),
    "a missing vector": (
        [
            failed("a.b", "KeyError: 'k'"),
            failed("get-vectors.absent-keys", "assert {} == {'a'}"),
            failed("first-steps.put-and-get", "KeyError: 'a'"),
        ],
        {"GetVectors does not return what was put": 3},
    ),
    "a vector that only a list has not": (
        [failed("a.b", "KeyError: 'k'", detail="request     ListVectors\nanswer      200 \n")],
        {"ListVectors does not return what was put": 1},
    ),
    "a rate that is limited": (
        [failed("a.b", "An error occurred (TooManyRequestsException) when calling the GetIndex operation: x",
                detail="request     GetIndex\nanswer      429 \n"),
         failed("c.d", "assert 429 == 200", detail="request     POST /PutVectors\nanswer      429 \n")],
        {"requests are refused because of their rate, after waiting, too": 2},
    ),
    "equal failures of an operation": (
        [failed("get-index.a", "assert 1 == 2"), failed("get-index.b", "assert 1\n == 2"), failed("a.c", "assert 1 == 2")],
        {"get-index.a: ": 2, "a.c: ": 1},
    ),
    "deviations that pass": ([result("a.b", "unexpected-pass"), result("a.c", "unexpected-pass")], {"listed deviations that pass": 2}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_failures_have_a_likely_cause(name: str) -> None:
    """Each failure belongs to exactly one."""
    failures, expected = CASES[name]
    causes = find_causes(failures)
    assert {cause.title: len(cause.results) for cause in causes} == expected
    assert sorted(each.id for cause in causes for each in cause.results) == sorted(
        each.id for each in failures
    )


def test_the_members_of_answers_are_those_of_the_model() -> None:
    """Any other name in a KeyError of a test is the key of a vector."""
    model = botocore.session.get_session().get_service_model("s3vectors")
    found: set[str] = set()
    shapes = [model.operation_model(name).output_shape for name in model.operation_names]
    while shapes:
        shape = shapes.pop()
        members = getattr(shape, "members", {})
        found.update(members)
        shapes += [*members.values(), *([shape.member] if hasattr(shape, "member") else [])]
    assert found == MEMBERS


def test_causes_are_ordered_by_level_and_size() -> None:
    """Each names a requirement once, and its results of level must first."""
    failures = [
        failed("filters.broken[a]", ACCEPTED, level="should"),
        failed("tags.number", ACCEPTED, level="may"),
        failed("tags.key-length[a]", ACCEPTED),
        failed("tags.key-length[b]", ACCEPTED),
        failed("keys.empty", ACCEPTED),
    ]
    causes = find_causes(failures)
    assert [(cause.level, cause.requirements) for cause in causes] == [
        ("must", ("tags.key-length", "tags.number")),
        ("must", ("keys.empty",)),
        ("should", ("filters.broken",)),
    ]
