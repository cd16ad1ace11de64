from __future__ import annotations

from typing import Any, TypeAlias

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from vecgate.errors import UsageError
from vecgate.s3vectors.model import service_model
from vecgate.targets.capabilities import (
    CAPABILITIES,
    PROBES,
    UNSIGNED_ACCEPTED,
    Capabilities,
    parse_capabilities,
    probe_capabilities,
    required_capabilities,
)

Answer: TypeAlias = tuple[int, str] | Exception | None
NOT_FOUND: Answer = (404, "NotFoundException")


class ScriptedClient:
    """A client whose operations fail with these answers, by default with 404 NotFoundException.

    An answer is a status and an error code, or an exception; None is success.
    """

    def __init__(self, answers: dict[str, Answer] | None = None, *, default: Answer = NOT_FOUND) -> None:
        self._answers, self._default = answers or {}, default

    def __getattr__(self, name: str) -> Any:
        def call(**_: object) -> dict[str, object]:
            answer = self._answers.get(name, self._default)
            if answer is None:
                return {}
            if isinstance(answer, Exception):
                raise answer
            status, code = answer
            response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(response, name)

        return call


REFUSED = ScriptedClient(default=(403, "AccessDeniedException"))
TAG_CALLS = ("tag_resource", "untag_resource", "list_tags_for_resource")


def test_a_target_that_implements_every_operation_supports_everything() -> None:
    """An error code of the model shows that the operation is implemented, as success does."""
    client = ScriptedClient({"query_vectors": (400, "ValidationException"), "put_vector_bucket_policy": None})
    assert probe_capabilities(client, REFUSED).unsupported == {}


@pytest.mark.parametrize(
    "answer",
    [
        (404, "404"),
        (404, ""),
        (501, "501"),
        (501, "NotImplemented"),
        (404, "UnknownOperationException"),
        (400, "UnknownOperationException"),
        (400, "NotImplemented"),
    ],
)
def test_unknown_operations_make_their_capability_unsupported(answer: Answer) -> None:
    """404 without a code, 501, or a code that says so. The reason names the operations."""
    unsupported = probe_capabilities(ScriptedClient(dict.fromkeys(TAG_CALLS, answer)), REFUSED).unsupported
    assert unsupported == {"tags": "TagResource and UntagResource and ListTagsForResource not implemented"}


@pytest.mark.parametrize(
    "answer",
    [
        (500, "500"),
        (500, "UnknownOperationException"),
        (502, "502"),
        (503, "ServiceUnavailableException"),
        (400, "400"),
        (403, "AccessDeniedException"),
        (404, "NoSuchBucket"),
        (301, "PermanentRedirect"),
        ReadTimeoutError(endpoint_url="http://h"),
        ConnectionClosedError(endpoint_url="http://h"),
        ValueError("year 58884 is out of range"),
    ],
    ids=str,
)
def test_a_broken_operation_is_not_an_unsupported_one(answer: Answer) -> None:
    """A crash, a reset, a timeout or an unknown code: the requirements run, and fail."""
    assert probe_capabilities(ScriptedClient(dict.fromkeys(TAG_CALLS, answer)), REFUSED).unsupported == {}


@pytest.mark.parametrize("unknown", TAG_CALLS)
def test_one_unknown_operation_does_not_hide_its_group(unknown: str) -> None:
    """A capability is unsupported if all of its operations are unknown."""
    assert probe_capabilities(ScriptedClient({unknown: (404, "404")}), REFUSED).unsupported == {}


def test_a_target_that_answers_404_to_everything_supports_nothing() -> None:
    """Not even buckets, without which no requirement is tested."""
    client = ScriptedClient(default=(404, "404"))
    probed = {name for name, operations in CAPABILITIES.items() if operations} | {"auth"}
    assert probe_capabilities(client, client).unsupported.keys() == probed
    assert "buckets" in probed


@pytest.mark.parametrize(
    ("answer", "has_auth"),
    [
        (None, False),
        ((403, "AccessDeniedException"), True),
        ((401, "401"), True),
        ((404, "404"), False),
        ((404, "NotFoundException"), True),
        ((500, "500"), True),
        (ConnectionClosedError(endpoint_url="http://h"), True),
    ],
    ids=str,
)
def test_auth_is_unsupported_if_an_unsigned_request_is_accepted_or_unknown(
    answer: Answer, *, has_auth: bool
) -> None:
    """If it fails in any other way, the requirements on signatures judge how."""
    unsupported = probe_capabilities(ScriptedClient(), ScriptedClient(default=answer)).unsupported
    assert unsupported.keys() == (set() if has_auth else {"auth"})


def test_a_capability_that_is_not_declared_is_unsupported() -> None:
    """A target that declares its capabilities is probed for buckets and unsigned requests only."""
    broken = ScriptedClient(default=(404, "404"))
    everything = CAPABILITIES.keys()
    assert probe_capabilities(ScriptedClient(), REFUSED, declared=everything).unsupported == {}
    assert probe_capabilities(
        ScriptedClient(), REFUSED, declared=everything - {"text", "kms"}
    ).unsupported == {
        "kms": "not declared",
        "text": "not declared",
    }
    assert probe_capabilities(broken, REFUSED, declared=everything).unsupported.keys() == {"buckets"}


def test_a_declared_auth_is_tested_although_unsigned_requests_are_accepted() -> None:
    """Its requirements fail then. Without the declaration, the reason says that they are accepted."""
    accepts = ScriptedClient(default=None)
    assert probe_capabilities(accepts, accepts, declared=CAPABILITIES).unsupported == {}
    others = probe_capabilities(accepts, accepts, declared=CAPABILITIES.keys() - {"auth"})
    assert others.unsupported == {"auth": UNSIGNED_ACCEPTED}


def test_names_of_capabilities_are_parsed() -> None:
    """Separated by commas; an unknown one is answered with the allowed ones."""
    assert parse_capabilities(" query,tags ,,query") == ("query", "tags")
    assert parse_capabilities("") == ()
    with pytest.raises(UsageError, match="'tag' is not a capability") as caught:
        parse_capabilities("query,tag")
    assert "query, policies, tags" in caught.value.hint


def test_the_skip_reason_is_that_of_the_first_unsupported_capability() -> None:
    """It is empty if all needs are supported."""
    capabilities = Capabilities({"text": "none", "query": "no such operation"})
    assert capabilities.skip_reason({"text", "query"}) == "query: no such operation"
    assert capabilities.skip_reason({"tags"}) == capabilities.skip_reason(()) == ""


def test_unsupported_comes_before_not_requested() -> None:
    """It is unknown whether the target supports what was not requested."""
    capabilities = Capabilities({"text": "none"}, {"quota": "not requested"})
    assert capabilities.skip_reason({"quota", "text"}) == "text: none"
    assert capabilities.skip_reason({"quota"}) == "quota: not requested"


@pytest.mark.parametrize(
    ("group", "needs"),
    [
        ("query-vectors", {"query"}),
        ("untag-resource", {"tags"}),
        ("update-metadata-configuration", {"text"}),
        ("put-vector-bucket-default-index-mode", {"modes"}),
        ("delete-vector-bucket-policy", {"policies"}),
        ("put-vectors", set()),
        ("get-vector-bucket", {"buckets"}),
        ("QueryVectors", {"query"}),
        ("PutVectors", set()),
        ("filters", set()),
    ],
)
def test_an_operation_needs_its_capability(group: str, needs: set[str]) -> None:
    """So no test has to declare it."""
    assert required_capabilities(group) == needs


def test_probes_are_valid_requests() -> None:
    """Every operation of a capability has a probe, with members of the service model."""
    assert PROBES.keys() == {name for operations in CAPABILITIES.values() for name in operations}
    for operation, members in PROBES.items():
        shape = service_model().operation_model(operation).input_shape
        assert members.keys() <= shape.members.keys()
