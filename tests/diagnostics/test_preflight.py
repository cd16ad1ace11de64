"""The preflight checks find what would make a run fail, and change nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.credentials import Credentials
from constant_server import constant_server
from fault_proxy import fault_proxy
from serving import Server

from vecgate.diagnostics.diagnostic import Diagnostic, is_good
from vecgate.diagnostics.permission_probes import (
    ProbeAddress,
    ProbeReply,
    check_permission,
    is_read_only,
    send_probe,
)
from vecgate.diagnostics.preflight import preflight
from vecgate.diagnostics.service_quotas import check_buckets, report_quotas
from vecgate.diagnostics.write_probes import probe_writes
from vecgate.endpoint.auth.principals import Principal
from vecgate.endpoint.auth.sigv4 import KeyPair
from vecgate.endpoint.gateway import GatewaySettings
from vecgate.resources.creation_log import creation_log_folder
from vecgate.targets.iam_policy import OPERATIONS_BY_COMMAND, required_operations
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url_target import target_from_url

SECRET = "a-secret"
ALL = frozenset(OPERATIONS_BY_COMMAND["conform"])


@pytest.fixture(scope="module", autouse=True)
def _isolated_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("settings")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "VECGATE_"))]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", str(folder / "none"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("XDG_STATE_HOME", str(folder))
        yield


def principal(name: str, allowed: frozenset[str] | None) -> Principal:
    return Principal(name, KeyPair(name, SECRET), allowed)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    """An endpoint that checks signatures. A principal `noX` may do everything except X."""
    principals = [principal("administrator", None), *(principal(f"no{name}", ALL - {name}) for name in ALL)]
    with Server(GatewaySettings(tuple(principals))) as server:
        yield server


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """The endpoint, empty and with its metrics reset."""
    running.state.reset()
    running.metrics.requests.clear()
    yield running
    for path in creation_log_folder().glob("*"):
        path.unlink()


@pytest.fixture(scope="module")
def target_at() -> Callable[..., Target]:
    """The target at a URL, with the keys of a principal. All share one session, which is slow to create."""
    target = target_from_url("http://127.0.0.1:9", TargetChoice(), {})

    def at(url: str, access_key: str = "administrator") -> Target:
        return replace(target, name=url, endpoint_url=url, credentials=Credentials(access_key, SECRET))

    return at


@pytest.fixture
def target_as(server: Server, target_at: Callable[..., Target]) -> Callable[[str], Target]:
    """The endpoint as a target, with the keys of a principal."""
    return lambda name: target_at(server.url, name)


def found(diagnostics: tuple[Diagnostic, ...], check: str) -> Diagnostic:
    (diagnostic,) = [each for each in diagnostics if each.check == check]
    return diagnostic


def test_an_allowed_run_is_good(target_as: Callable[[str], Target], server: Server) -> None:
    """Operations that read are tested, those that write are skipped, and nothing is created."""
    diagnostics = preflight(target_as("administrator"), OPERATIONS_BY_COMMAND["conform"])
    assert is_good(diagnostics)
    assert [each.check for each in diagnostics[:3]] == ["credentials", "reachable", "clock"]
    grades = {each.check: each.grade for each in diagnostics[3:]}
    assert grades == {name: "ok" if is_read_only(name) else "skipped" for name in ALL}
    assert server.state.buckets == {}


@pytest.mark.parametrize("operation", sorted(ALL - {"CreateVectorBucket", "CreateIndex"}))
def test_an_operation_that_is_denied_is_found(target_as: Callable[[str], Target], operation: str) -> None:
    """Every operation except those that create something, although no resource exists."""
    diagnostics = preflight(target_as(f"no{operation}"), sorted({operation, "ListVectors"}), policy="conform")
    (failed,) = [each for each in diagnostics if each.grade == "failed"]
    assert failed.check == operation
    assert "403 AccessDeniedException" in failed.message
    assert failed.hint.startswith(f"Allow s3vectors:{operation}; `vecgate doctor --policy conform`")


def test_an_existing_index_is_only_read(target_as: Callable[[str], Target], server: Server) -> None:
    """Even if the run would write to it."""
    with server.client("administrator", SECRET) as client:
        client.create_vector_bucket(vectorBucketName="media")
        client.create_index(
            vectorBucketName="media",
            indexName="films",
            dataType="float32",
            dimension=3,
            distanceMetric="cosine",
        )
    before = server.metrics.requests.copy()
    diagnostics = preflight(
        target_as("administrator"),
        required_operations("local", "ramp"),
        address=ProbeAddress("media", "films", is_users=True),
    )
    sent = {operation for operation, _ in server.metrics.requests - before}
    assert sent == {name for name in OPERATIONS_BY_COMMAND["ramp"] if is_read_only(name)}
    assert found(diagnostics, "GetIndex").message == "allowed"
    # The query vector has the dimension of the index.
    assert found(diagnostics, "QueryVectors").message == "allowed"
    assert found(diagnostics, "PutVectors") == Diagnostic("PutVectors", "skipped", "it would write to media")


def test_an_index_of_the_user_that_is_missing_is_a_failure(target_as: Callable[[str], Target]) -> None:
    """A 404 shows that the caller is allowed, and that the run would fail. `put --create` makes the index."""
    address = ProbeAddress("media", "films", is_users=True)
    diagnostics = preflight(
        target_as("administrator"), OPERATIONS_BY_COMMAND["put"], address=address, policy="put"
    )
    failed = found(diagnostics, "GetIndex")
    assert (failed.grade, not is_good(diagnostics)) == ("failed", True)
    assert failed.message.startswith("media/films: answered with 404 NotFoundException: ")
    assert "Check both names" in failed.hint
    create = OPERATIONS_BY_COMMAND["put-create"]
    diagnostics = preflight(target_as("administrator"), create, address=address, policy="put-create")
    assert found(diagnostics, "GetIndex").message == "allowed: media/films does not exist yet"
    assert is_good(diagnostics)


def test_a_request_for_the_users_index_that_is_refused_is_a_failure(
    target_as: Callable[[str], Target],
) -> None:
    """Such as names that cannot exist. A bucket without a policy is no failure."""
    address = ProbeAddress("media", "films", is_users=True)
    target = target_as("administrator")
    diagnostics = preflight(target, ["GetVectorBucketPolicy"], address=address, policy="conform")
    assert found(diagnostics, "GetVectorBucketPolicy").message == "allowed: media has no policy"
    refused = ProbeAddress("media", "FILMS", is_users=True)
    diagnostics = preflight(target, ["QueryVectors"], address=refused, policy="query")
    assert found(diagnostics, "QueryVectors").grade == "failed"
    assert found(diagnostics, "QueryVectors").message.startswith("media/FILMS: answered with 40")


def test_a_run_on_an_existing_index_needs_no_list_of_buckets(target_as: Callable[[str], Target]) -> None:
    """ListVectorBuckets may be denied."""
    diagnostics = preflight(target_as("noListVectorBuckets"), OPERATIONS_BY_COMMAND["query"])
    assert is_good(diagnostics)
    assert found(diagnostics, "reachable").grade == "ok"


@pytest.mark.parametrize(
    ("keys", "code", "hint"),
    [
        (("unknown", SECRET), "UnrecognizedClientException", "This server does not know the access key."),
        (
            ("administrator", "wrong"),
            "InvalidSignatureException",
            "The secret key, the region or the clock is wrong.",
        ),
    ],
)
def test_a_failed_authentication_is_reported_once(
    target_as: Callable[[str], Target], server: Server, keys: tuple[str, str], code: str, hint: str
) -> None:
    """No further request is sent, because it would fail in the same way."""
    target = replace(target_as(""), credentials=Credentials(*keys))
    diagnostics = preflight(target, OPERATIONS_BY_COMMAND["ramp"])
    reachable = found(diagnostics, "reachable")
    assert (reachable.grade, reachable.hint) == ("failed", hint)
    assert f"answered with 403 {code}" in reachable.message
    assert len(diagnostics) == 3
    assert server.metrics.requests.total() == 1


@pytest.mark.parametrize(
    ("minutes", "grade", "ending"),
    [
        (0, "ok", "equal to the server's, to the second"),
        (3, "ok", "ahead of the server"),
        (-3, "ok", "behind the server"),
        (5, "failed", "ahead of the server"),
        (-5, "failed", "behind the server"),
    ],
)
def test_clocks_may_differ_by_four_minutes(
    target_at: Callable[..., Target], minutes: float, grade: str, ending: str
) -> None:
    """AWS refuses signatures that are more than five minutes off."""
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    with constant_server(
        b'{"vectorBuckets": []}', headers={"date": format_datetime(noon, usegmt=True)}
    ) as url:
        diagnostics = preflight(target_at(url), (), now=lambda: noon + timedelta(minutes=minutes))
    clock = found(diagnostics, "clock")
    assert clock.grade == grade
    assert clock.message.endswith(ending)
    assert bool(clock.hint) == (grade == "failed")


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_an_answer_without_a_date_skips_the_clock(target_at: Callable[..., Target], date: str) -> None:
    """That is not a failure."""
    with constant_server(b'{"vectorBuckets": []}', headers={"date": date} if date else {}) as url:
        clock = found(preflight(target_at(url), ()), "clock")
    assert (clock.grade, clock.message) == ("skipped", "the answer has no valid Date header")


def test_a_server_that_is_not_running(target_at: Callable[..., Target]) -> None:
    """The message has the URL without its password, and there is a hint."""
    diagnostics = preflight(target_at("http://user:password@127.0.0.1:9"), OPERATIONS_BY_COMMAND["ramp"])
    reachable = found(diagnostics, "reachable")
    assert reachable.grade == "failed"
    assert reachable.message.startswith("http://127.0.0.1:9: Could not connect")
    assert "password" not in reachable.message
    assert reachable.hint == "Check that the server is running and listens on this address."
    assert len(diagnostics) == 2


def test_on_amazon_a_failed_connection_is_a_network_problem(target_at: Callable[..., Target]) -> None:
    """The hint is not about a server that is not running."""
    target = replace(target_at("http://127.0.0.1:9"), name="aws")
    assert "proxy" in found(preflight(target, ()), "reachable").hint


def test_https_to_a_server_without_tls(target_at: Callable[..., Target], server: Server) -> None:
    """The hint is about certificates."""
    reachable = found(preflight(target_at(server.url.replace("http:", "https:")), ()), "reachable")
    assert (reachable.grade, "--ca-bundle" in reachable.hint) == ("failed", True)


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>Welcome</html>"), (200, b"{}"), (404, b"<html>"), (403, b"<html>"), (502, b"Bad gateway")],
)
def test_a_server_of_another_kind(target_at: Callable[..., Target], status: int, body: bytes) -> None:
    """It differs from a denial."""
    with constant_server(body, status=status) as url:
        diagnostics = preflight(target_at(url), OPERATIONS_BY_COMMAND["ramp"])
    reachable = found(diagnostics, "reachable")
    assert reachable.grade == "failed"
    assert f"answered with {status}, but not as S3 Vectors does" in reachable.message
    assert len(diagnostics) == 3


def test_a_server_error_is_a_warning(target_at: Callable[..., Target]) -> None:
    """The server answers as S3 Vectors does, so the checks can be repeated later."""
    headers = {"x-amzn-errortype": "ServiceUnavailableException"}
    with constant_server(b'{"message": "Busy"}', status=503, headers=headers) as url:
        diagnostics = preflight(target_at(url), ["ListVectorBuckets", "GetIndex"])
    assert is_good(diagnostics)
    assert {each.check: each.grade for each in diagnostics if each.grade == "warning"} == {
        "reachable": "warning",
        "ListVectorBuckets": "warning",
        "GetIndex": "warning",
    }


def test_only_the_first_line_of_a_message_is_shown(target_at: Callable[..., Target]) -> None:
    """AWS adds the string to sign, which contains the session token."""
    body = b'{"message": "It does not match.\\n\\nThe Canonical String is x-amz-security-token:SECRET"}'
    headers = {"x-amzn-errortype": "InvalidSignatureException"}
    with constant_server(body, status=403, headers=headers) as url:
        reachable = found(preflight(target_at(url), ()), "reachable")
    assert reachable.message.endswith("InvalidSignatureException: It does not match.")


def test_expired_credentials_end_the_checks(target_at: Callable[..., Target], server: Server) -> None:
    """No request is sent with them."""
    expired = Credentials("administrator", SECRET, "token")
    expired._expiry_time = datetime(2026, 1, 1, tzinfo=UTC)
    (only,) = preflight(replace(target_at(server.url), credentials=expired), OPERATIONS_BY_COMMAND["ramp"])
    assert (only.check, only.grade) == ("credentials", "failed")
    assert server.metrics.requests.total() == 0


@pytest.mark.parametrize(
    ("reply", "grade", "message"),
    [
        (ProbeReply(0, "ReadTimeoutError", "too late"), "failed", "no answer: too late"),
        (
            ProbeReply(429, "TooManyRequestsException"),
            "warning",
            "unknown: answered with 429 TooManyRequestsException",
        ),
        (ProbeReply(404, "404"), "failed", "unsupported: answered with 404"),
        (ProbeReply(501, "NotImplemented"), "failed", "unsupported: answered with 501 NotImplemented"),
        (ProbeReply(500, "500"), "warning", "unknown: answered with 500"),
    ],
)
def test_answers_that_do_not_show_a_permission(reply: ProbeReply, grade: str, message: str) -> None:
    """A server may be slow or busy, or not implement the operation."""
    diagnostic = check_permission("GetIndex", reply, policy="put")
    assert (diagnostic.grade, diagnostic.message.startswith(message)) == (grade, True)


def test_an_answer_without_what_the_operation_returns_is_a_failure(
    target_at: Callable[..., Target],
) -> None:
    """It is an answer to something else."""
    with constant_server(b'{"vectorBuckets": [], "index": null}') as url:
        diagnostics = preflight(target_at(url), ["GetIndex", "QueryVectors", "ListVectorBuckets"])
    grades = {name: found(diagnostics, name) for name in ("GetIndex", "QueryVectors", "ListVectorBuckets")}
    assert grades["ListVectorBuckets"].grade == "ok"
    assert (grades["GetIndex"].grade, grades["QueryVectors"].grade) == ("failed", "failed")
    assert grades["GetIndex"].message == "no answer: the answer has no index"


def test_tags_need_an_account(target_at: Callable[..., Target]) -> None:
    """On Amazon an ARN of another account is denied for every caller."""
    with constant_server(b'{"vectorBuckets": [], "tags": {}}') as url:
        target = replace(target_at(url), name="aws")
        skipped = found(preflight(target, ["ListTagsForResource"]), "ListTagsForResource")
        with_account = replace(
            target, credentials=Credentials("administrator", SECRET, account_id="123456789012")
        )
        known = found(preflight(with_account, ["ListTagsForResource"]), "ListTagsForResource")
    assert (skipped.grade, skipped.message) == ("skipped", "the account is unknown")
    assert known.grade == "ok"


def test_the_account_is_that_of_a_listed_bucket(target_at: Callable[..., Target]) -> None:
    """Its ARN has the account."""
    arn = b"arn:aws:s3vectors:us-east-1:123456789012:bucket/media"
    with constant_server(b'{"tags": {}, "vectorBuckets": [{"vectorBucketArn": "%b"}]}' % arn) as url:
        target = replace(target_at(url), name="aws")
        diagnostic = found(preflight(target, ["ListTagsForResource"]), "ListTagsForResource")
    assert diagnostic.grade == "ok"


def test_write_probes_send_every_operation_and_remove_their_bucket(
    target_as: Callable[[str], Target], server: Server
) -> None:
    """Each operation of a run is sent once."""
    diagnostics = probe_writes(
        target_as("administrator"), OPERATIONS_BY_COMMAND["ramp"], prefix="vg", run="1a2b"
    )
    assert {each.check: each.grade for each in diagnostics} == dict.fromkeys(
        set(required_operations("local", "ramp")) - {"ListVectorBuckets", "ListIndexes"}, "ok"
    )
    assert server.state.buckets == {}
    assert list(creation_log_folder().glob("*")) == []


def test_on_amazon_write_probes_tag_their_bucket(target_as: Callable[[str], Target]) -> None:
    """Like a run."""
    diagnostics = probe_writes(
        replace(target_as("administrator"), name="aws"),
        OPERATIONS_BY_COMMAND["ramp"],
        prefix="vg",
        run="1a2b",
    )
    assert found(diagnostics, "TagResource").grade == "ok"
    denied = probe_writes(
        replace(target_as("noTagResource"), name="aws"),
        OPERATIONS_BY_COMMAND["ramp"],
        prefix="vg",
        run="1a2b",
    )
    assert [(each.check, each.grade) for each in denied] == [("CreateVectorBucket", "failed")]
    assert "s3vectors:TagResource" in denied[0].message


def test_an_operation_that_a_run_does_not_need_may_be_denied(target_as: Callable[[str], Target]) -> None:
    """Without the permission to create a bucket nothing can be tested; `put` does not need it."""
    (only,) = probe_writes(
        target_as("noCreateVectorBucket"), OPERATIONS_BY_COMMAND["put"], prefix="vg", run="1a2b"
    )
    assert (only.check, only.grade) == ("CreateVectorBucket", "skipped")
    assert only.message.endswith("the run does not need it")


def test_a_bucket_that_cannot_be_removed_is_reported_and_stays_in_the_log(
    target_as: Callable[[str], Target], server: Server
) -> None:
    """So `vecgate clean` can find it."""
    diagnostics = probe_writes(
        target_as("noDeleteIndex"), OPERATIONS_BY_COMMAND["ramp"], prefix="vg", run="1a2b"
    )
    failed = [each.check for each in diagnostics if each.grade == "failed"]
    assert failed == ["DeleteIndex", "DeleteVectorBucket", "clean-up", "clean-up"]
    assert list(server.state.buckets) == ["vg-1a2b-doctor"]
    assert len(list(creation_log_folder().glob("*"))) == 1


@pytest.mark.parametrize("fault", ["fails_after", "drops_answers"])
def test_a_bucket_that_was_created_despite_an_error_is_removed(
    target_as: Callable[[str], Target], server: Server, fault: str
) -> None:
    """Its name is unique. Without an answer it may still be created, so it stays in the log."""
    with fault_proxy(server.url) as proxy:
        setattr(proxy, fault, {"CreateVectorBucket"})
        target = replace(target_as("administrator"), endpoint_url=proxy.url)
        (only,) = probe_writes(target, OPERATIONS_BY_COMMAND["ramp"], prefix="vg", run="1a2b")
    assert (only.check, only.grade) == ("CreateVectorBucket", "failed")
    assert proxy.seen.count("CreateVectorBucket") == 1
    assert server.state.buckets == {}
    assert len(list(creation_log_folder().glob("*"))) == (1 if fault == "drops_answers" else 0)


def test_a_failed_connection_leaves_no_bucket_and_no_log(target_as: Callable[[str], Target]) -> None:
    """The request was not sent."""
    (only,) = probe_writes(
        replace(target_as("administrator"), endpoint_url="http://127.0.0.1:9"),
        OPERATIONS_BY_COMMAND["ramp"],
        prefix="vg",
        run="1a2b",
    )
    assert (only.check, only.grade) == ("CreateVectorBucket", "failed")
    assert list(creation_log_folder().glob("*")) == []


@pytest.mark.parametrize("operation", ["CreateVectorBucket", "PutVectors"])
def test_interrupted_write_probes_remove_their_bucket(
    target_as: Callable[[str], Target], server: Server, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """At any time: the interrupted creation may have been applied."""

    def interrupted(client: Any, name: str, members: dict[str, Any]) -> ProbeReply:
        reply = send_probe(client, name, members)
        if name == operation:
            raise KeyboardInterrupt
        return reply

    monkeypatch.setattr("vecgate.diagnostics.write_probes.send_probe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        probe_writes(target_as("administrator"), OPERATIONS_BY_COMMAND["ramp"], prefix="vg", run="1a2b")
    assert server.state.buckets == {}


def test_an_operation_that_fails_is_reported_with_its_error(
    target_as: Callable[[str], Target], server: Server
) -> None:
    """Although it is allowed. A bucket that existed before is kept."""
    with server.client("administrator", SECRET) as client:
        client.create_vector_bucket(vectorBucketName="vg-1a2b-doctor")
    (only,) = probe_writes(target_as("administrator"), OPERATIONS_BY_COMMAND["ramp"], prefix="vg", run="1a2b")
    assert (only.check, only.grade) == ("CreateVectorBucket", "failed")
    assert only.message.startswith("answered with 409 ConflictException")
    assert list(server.state.buckets) == ["vg-1a2b-doctor"]


def test_the_documented_quotas_are_reported() -> None:
    """With their units."""
    assert report_quotas().message == (
        "documented: 1,000 writes/s and 2,500 vectors/s per index, 500 vectors and 20 MiB per request"
    )


class Pages:
    """A client that lists *number* buckets on two pages."""

    def __init__(self, number: int) -> None:
        self._number = number

    def get_paginator(self, operation: str) -> Pages:
        return self

    def paginate(self) -> Iterator[dict[str, list[dict[str, str]]]]:
        yield {"vectorBuckets": [{}] * (self._number // 2)}
        yield {"vectorBuckets": [{}] * (self._number - self._number // 2)}


@pytest.mark.parametrize(
    ("number", "grade", "message"),
    [
        (7, "ok", "7 of 10,000 used, 9,993 free"),
        (9_900, "ok", "9,900 of 10,000 used, 100 free"),
        (9_901, "warning", "9,901 of 10,000 used, 99 free"),
    ],
)
def test_free_buckets_are_counted(number: int, grade: str, message: str) -> None:
    """Over all pages."""
    diagnostic = check_buckets(Pages(number))
    assert (diagnostic.grade, diagnostic.message) == (grade, message)


def test_buckets_that_cannot_be_listed_are_not_counted(target_as: Callable[[str], Target]) -> None:
    """That is not a failure."""
    client = target_as("noListVectorBuckets").client()
    assert check_buckets(client).grade == "skipped"
    client.close()
