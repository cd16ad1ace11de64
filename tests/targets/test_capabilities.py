from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from vecgate.s3vectors.model import service_model
from vecgate.targets.capabilities import CAPABILITIES, PROBES, Capabilities, declared, needed_for, probe


class ScriptedClient:
    """A client whose operations are answered with error codes, by default that of nothing found."""

    def __init__(self, codes: dict[str, str] | None = None, *, status: int = 404) -> None:
        self._codes, self._status = codes or {}, status

    def __getattr__(self, name: str) -> Any:
        def call(**_: object) -> dict[str, object]:
            code = self._codes.get(name, "NotFoundException")
            if code == "":
                return {}
            if code == "gone":
                raise EndpointConnectionError(endpoint_url="http://h")
            answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": self._status}}
            raise ClientError(answer, name)

        return call


def test_a_target_that_knows_every_operation_lacks_nothing() -> None:
    """Error codes of the model tell that an operation is known, as answers do."""
    client = ScriptedClient({"query_vectors": "ValidationException", "put_vector_bucket_policy": ""})
    assert probe(client, ScriptedClient(status=403)).lacking == {}


@pytest.mark.parametrize("code", ["404", "UnknownOperationException", "NotImplemented", "none", "gone"])
def test_an_operation_that_is_not_known_is_a_capability_that_lacks(code: str) -> None:
    """One reason, which names the operations."""
    client = ScriptedClient({"tag_resource": code, "untag_resource": code})
    lacking = probe(client, ScriptedClient(status=401)).lacking
    assert lacking == {"tags": "TagResource and UntagResource not implemented"}


@pytest.mark.parametrize(
    ("unsigned", "has_auth"),
    [
        (ScriptedClient(status=403), True),
        (ScriptedClient(status=401), True),
        (ScriptedClient(status=404), False),
        (ScriptedClient({"list_vector_buckets": ""}), False),
        (ScriptedClient({"list_vector_buckets": "gone"}), False),
    ],
)
def test_auth_is_there_where_an_unsigned_request_is_refused(
    unsigned: ScriptedClient, *, has_auth: bool
) -> None:
    """Refused for that, and not because nothing was found."""
    assert ("auth" not in probe(ScriptedClient(), unsigned).lacking) is has_auth


def test_what_is_not_declared_lacks() -> None:
    """A target that declares what it has is not asked."""
    assert declared(CAPABILITIES.keys()).lacking == {}
    assert declared(CAPABILITIES.keys() - {"text", "kms"}).lacking == {
        "kms": "not declared",
        "text": "not declared",
    }


def test_the_reason_is_that_of_the_first_that_lacks() -> None:
    """And empty where all that is needed is there."""
    capabilities = Capabilities({"text": "none", "query": "no such operation"})
    assert capabilities.reason_for({"text", "query"}) == "query: no such operation"
    assert capabilities.reason_for({"tags"}) == capabilities.reason_for(()) == ""


def test_what_is_lacking_comes_before_what_nobody_asked_for() -> None:
    """Of that nobody knows whether the target has it."""
    capabilities = Capabilities({"text": "none"}, {"quota": "not asked for"})
    assert capabilities.reason_for({"quota", "text"}) == "text: none"
    assert capabilities.reason_for({"quota"}) == "quota: not asked for"


@pytest.mark.parametrize(
    ("group", "needs"),
    [
        ("query-vectors", {"query"}),
        ("untag-resource", {"tags"}),
        ("update-metadata-configuration", {"text"}),
        ("put-vector-bucket-default-index-mode", {"modes"}),
        ("delete-vector-bucket-policy", {"policies"}),
        ("put-vectors", set()),
        ("QueryVectors", {"query"}),
        ("PutVectors", set()),
        ("filters", set()),
    ],
)
def test_an_operation_needs_what_it_is_part_of(group: str, needs: set[str]) -> None:
    """No test of it has to say so."""
    assert needed_for(group) == needs


def test_probes_are_requests_of_operations_that_are_there() -> None:
    """Every operation of a capability has one, and its members are those of the model."""
    assert PROBES.keys() == {name for operations in CAPABILITIES.values() for name in operations}
    for operation, members in PROBES.items():
        shape = service_model().operation_model(operation).input_shape
        assert members.keys() <= shape.members.keys()
