"""What keeps a run from working is found before it starts, and nothing is changed on the way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from between import between
from botocore.credentials import Credentials
from serving import Server
from strangers import stranger

from vecgate.endpoint.access import Principal
from vecgate.endpoint.keeper import DoorSettings
from vecgate.endpoint.sigv4 import KeyPair
from vecgate.targets.findings import Finding, is_good
from vecgate.targets.leftovers import records_folder
from vecgate.targets.policy import USED, used_on
from vecgate.targets.preflight import preflight
from vecgate.targets.quotas import buckets_finding, rates_finding
from vecgate.targets.rehearsal import rehearse
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.trials import Place, Reply, ask, is_reading, permission_finding
from vecgate.targets.url import url_target

SECRET = "opens-nothing-else"
ALL = frozenset(USED["conform"])


@pytest.fixture(scope="module", autouse=True)
def _nobodys_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("nobody")
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
    """An endpoint that checks signatures; each principal lacks the one action that it is named after."""
    principals = [principal("anybody", None), *(principal(f"no{name}", ALL - {name}) for name in ALL)]
    with Server(DoorSettings(tuple(principals))) as server:
        yield server


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """The same, with nothing in it and nothing counted."""
    running.state.reset()
    running.metrics.requests.clear()
    yield running
    for path in records_folder().glob("*"):
        path.unlink()


@pytest.fixture(scope="module")
def target_at() -> Callable[..., Target]:
    """The target at a URL, with the keys of a principal. One session does for all: it is slow to make."""
    target = url_target("http://127.0.0.1:9", TargetChoice(), {})

    def at(url: str, access_key: str = "anybody") -> Target:
        return replace(target, name=url, endpoint_url=url, credentials=Credentials(access_key, SECRET))

    return at


@pytest.fixture
def as_whom(server: Server, target_at: Callable[..., Target]) -> Callable[[str], Target]:
    """The target with the keys of a principal."""
    return lambda name: target_at(server.url, name)


def found(findings: tuple[Finding, ...], check: str) -> Finding:
    (finding,) = [each for each in findings if each.check == check]
    return finding


def test_what_is_allowed_is_good(as_whom: Callable[[str], Target], server: Server) -> None:
    """Reads are tried, writes are not; nothing is there afterwards that was not there before."""
    findings = preflight(as_whom("anybody"), USED["conform"])
    assert is_good(findings)
    assert [each.check for each in findings[:3]] == ["credentials", "reachable", "clock"]
    grades = {each.check: each.grade for each in findings[3:]}
    assert grades == {name: "ok" if is_reading(name) else "untested" for name in ALL}
    assert server.state.buckets == {}


@pytest.mark.parametrize("operation", sorted(ALL - {"CreateVectorBucket", "CreateIndex"}))
def test_what_is_not_allowed_is_found(as_whom: Callable[[str], Target], operation: str) -> None:
    """Each operation but those that make something, though nothing is there to work on."""
    findings = preflight(as_whom(f"no{operation}"), sorted({operation, "ListVectors"}), policy="conform")
    (failed,) = [each for each in findings if each.grade == "failed"]
    assert failed.check == operation
    assert "403 AccessDeniedException" in failed.found
    assert failed.way_out.startswith(f"Allow s3vectors:{operation}: `vecgate doctor --policy conform`")


def test_the_users_own_index_is_only_read(as_whom: Callable[[str], Target], server: Server) -> None:
    """Whatever a run would do there."""
    with server.client("anybody", SECRET) as client:
        client.create_vector_bucket(vectorBucketName="media")
        client.create_index(
            vectorBucketName="media",
            indexName="films",
            dataType="float32",
            dimension=3,
            distanceMetric="cosine",
        )
    before = server.metrics.requests.copy()
    findings = preflight(
        as_whom("anybody"), used_on("local", "ramp"), place=Place("media", "films", is_mine=True)
    )
    asked = {operation for operation, _ in server.metrics.requests - before}
    assert asked == {name for name in USED["ramp"] if is_reading(name)}
    assert found(findings, "GetIndex").found == "allowed"
    # Its vector is of another dimension: that is told only to those who may ask.
    assert found(findings, "QueryVectors").found == "allowed: answered with 400 ValidationException"
    assert found(findings, "PutVectors") == Finding("PutVectors", "untested", "it would write to media")


def test_a_run_needs_no_list_of_buckets(as_whom: Callable[[str], Target]) -> None:
    """One that works in an index which is there may be refused the list."""
    findings = preflight(as_whom("noListVectorBuckets"), USED["query"])
    assert is_good(findings)
    assert found(findings, "reachable").grade == "ok"


@pytest.mark.parametrize(
    ("keys", "code", "way_out"),
    [
        (("nobody", SECRET), "UnrecognizedClientException", "This server does not know the access key."),
        (
            ("anybody", "wrong"),
            "InvalidSignatureException",
            "The secret key, the region or the clock is wrong.",
        ),
    ],
)
def test_who_is_not_known_is_told_once(
    as_whom: Callable[[str], Target], server: Server, keys: tuple[str, str], code: str, way_out: str
) -> None:
    """And no further request is made that would end the same."""
    target = replace(as_whom(""), credentials=Credentials(*keys))
    findings = preflight(target, USED["ramp"])
    reachable = found(findings, "reachable")
    assert (reachable.grade, reachable.way_out) == ("failed", way_out)
    assert f"answered with 403 {code}" in reachable.found
    assert len(findings) == 3
    assert server.metrics.requests.total() == 1


@pytest.mark.parametrize(
    ("minutes", "grade", "told"),
    [
        (0, "ok", "as the server's, to the second"),
        (3, "ok", "ahead of the server's"),
        (-3, "ok", "behind the server's"),
        (5, "failed", "ahead of the server's"),
        (-5, "failed", "behind the server's"),
    ],
)
def test_clocks_may_differ_by_four_minutes(
    target_at: Callable[..., Target], minutes: float, grade: str, told: str
) -> None:
    """AWS refuses what was signed more than five away from its own time."""
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    with stranger(b'{"vectorBuckets": []}', headers={"date": format_datetime(noon, usegmt=True)}) as url:
        findings = preflight(target_at(url), (), now=lambda: noon + timedelta(minutes=minutes))
    clock = found(findings, "clock")
    assert clock.grade == grade
    assert clock.found.endswith(told)
    assert bool(clock.way_out) == (grade == "failed")


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_an_answer_without_a_date_tells_no_time(target_at: Callable[..., Target], date: str) -> None:
    """Which is no failure."""
    with stranger(b'{"vectorBuckets": []}', headers={"date": date} if date else {}) as url:
        clock = found(preflight(target_at(url), ()), "clock")
    assert (clock.grade, clock.found) == ("untested", "the answer has no date")


def test_nobody_there(target_at: Callable[..., Target]) -> None:
    """With the URL, without the password in it, and with a way out."""
    findings = preflight(target_at("http://user:password@127.0.0.1:9"), USED["ramp"])
    reachable = found(findings, "reachable")
    assert reachable.grade == "failed"
    assert reachable.found.startswith("http://127.0.0.1:9: Could not connect")
    assert "password" not in reachable.found
    assert reachable.way_out == "Is the server running, and does it listen there?"
    assert len(findings) == 2


def test_on_amazon_nobody_there_is_a_matter_of_the_network(target_at: Callable[..., Target]) -> None:
    """Its servers run."""
    target = replace(target_at("http://127.0.0.1:9"), name="aws")
    assert "proxy" in found(preflight(target, ()), "reachable").way_out


def test_a_plain_server_where_tls_is_asked_for(target_at: Callable[..., Target], server: Server) -> None:
    """The way out is about certificates."""
    reachable = found(preflight(target_at(server.url.replace("http:", "https:")), ()), "reachable")
    assert (reachable.grade, "--ca-bundle" in reachable.way_out) == ("failed", True)


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>Welcome</html>"), (200, b"{}"), (404, b"<html>"), (403, b"<html>"), (502, b"Bad gateway")],
)
def test_a_server_of_another_kind(target_at: Callable[..., Target], status: int, body: bytes) -> None:
    """Is told apart from a refusal."""
    with stranger(body, status=status) as url:
        findings = preflight(target_at(url), USED["ramp"])
    reachable = found(findings, "reachable")
    assert reachable.grade == "failed"
    assert f"answered with {status}, not as S3 Vectors does" in reachable.found
    assert len(findings) == 3


def test_a_server_in_trouble_is_no_verdict(target_at: Callable[..., Target]) -> None:
    """It answers as S3 Vectors does: again later."""
    headers = {"x-amzn-errortype": "ServiceUnavailableException"}
    with stranger(b'{"message": "Busy"}', status=503, headers=headers) as url:
        findings = preflight(target_at(url), ["ListVectorBuckets", "GetIndex"])
    assert is_good(findings)
    assert {each.check: each.grade for each in findings if each.grade == "warning"} == {
        "reachable": "warning",
        "ListVectorBuckets": "warning",
        "GetIndex": "warning",
    }


def test_what_a_service_says_is_cut_before_it_repeats_headers(target_at: Callable[..., Target]) -> None:
    """AWS adds what should have been signed, with the session token in it."""
    told = b'{"message": "It does not match.\\n\\nThe Canonical String is x-amz-security-token:SECRET"}'
    headers = {"x-amzn-errortype": "InvalidSignatureException"}
    with stranger(told, status=403, headers=headers) as url:
        reachable = found(preflight(target_at(url), ()), "reachable")
    assert reachable.found.endswith("InvalidSignatureException: It does not match.")


def test_credentials_that_cannot_be_used_end_it(target_at: Callable[..., Target], server: Server) -> None:
    """Nothing is sent with them."""
    ended = Credentials("anybody", SECRET, "token")
    ended._expiry_time = datetime(2026, 1, 1, tzinfo=UTC)
    (only,) = preflight(replace(target_at(server.url), credentials=ended), USED["ramp"])
    assert (only.check, only.grade) == ("credentials", "failed")
    assert server.metrics.requests.total() == 0


@pytest.mark.parametrize(
    ("reply", "grade", "told"),
    [
        (Reply(0, "ReadTimeoutError", "too late"), "failed", "no answer: too late"),
        (Reply(429, "TooManyRequestsException"), "warning", "answered with 429 TooManyRequestsException"),
        (Reply(404, "404"), "failed", "not offered: answered with 404"),
        (Reply(501, "NotImplemented"), "failed", "not offered: answered with 501 NotImplemented"),
        (Reply(500, "500"), "warning", "answered with 500, which says nothing"),
    ],
)
def test_answers_that_do_not_tell_what_is_allowed(reply: Reply, grade: str, told: str) -> None:
    """A server may be late, busy, or lack the operation."""
    finding = permission_finding("GetIndex", reply, policy="put")
    assert (finding.grade, finding.found.startswith(told)) == (grade, True)


def test_tags_need_an_account(target_at: Callable[..., Target]) -> None:
    """On Amazon an ARN of another account is refused, whoever asks."""
    with stranger(b'{"vectorBuckets": []}') as url:
        target = replace(target_at(url), name="aws")
        told = found(preflight(target, ["ListTagsForResource"]), "ListTagsForResource")
        told_by = replace(target, credentials=Credentials("anybody", SECRET, account_id="123456789012"))
        known = found(preflight(told_by, ["ListTagsForResource"]), "ListTagsForResource")
    assert (told.grade, told.found) == ("untested", "the account is not known")
    assert known.grade == "ok"


def test_a_bucket_tells_the_account(target_at: Callable[..., Target]) -> None:
    """By its ARN."""
    arn = b"arn:aws:s3vectors:us-east-1:123456789012:bucket/media"
    with stranger(b'{"vectorBuckets": [{"vectorBucketArn": "%b"}]}' % arn) as url:
        target = replace(target_at(url), name="aws")
        told = found(preflight(target, ["ListTagsForResource"]), "ListTagsForResource")
    assert told.grade == "ok"


def test_a_rehearsal_does_it_all_and_leaves_nothing(as_whom: Callable[[str], Target], server: Server) -> None:
    """Each operation of a run once."""
    findings = rehearse(as_whom("anybody"), USED["ramp"], prefix="vg", run="1a2b")
    assert {each.check: each.grade for each in findings} == dict.fromkeys(
        set(used_on("local", "ramp")) - {"ListVectorBuckets", "ListIndexes"}, "ok"
    )
    assert server.state.buckets == {}
    assert list(records_folder().glob("*")) == []


def test_on_amazon_a_rehearsal_tags_its_bucket(as_whom: Callable[[str], Target]) -> None:
    """As runs do."""
    findings = rehearse(replace(as_whom("anybody"), name="aws"), USED["ramp"], prefix="vg", run="1a2b")
    assert found(findings, "TagResource").grade == "ok"
    refused = rehearse(replace(as_whom("noTagResource"), name="aws"), USED["ramp"], prefix="vg", run="1a2b")
    assert [(each.check, each.grade) for each in refused] == [("CreateVectorBucket", "failed")]
    assert "s3vectors:TagResource" in refused[0].found


def test_what_a_run_does_not_need_may_be_refused(as_whom: Callable[[str], Target]) -> None:
    """Who may only put cannot make a bucket to try it in, and need not."""
    (only,) = rehearse(as_whom("noCreateVectorBucket"), USED["put"], prefix="vg", run="1a2b")
    assert (only.check, only.grade) == ("CreateVectorBucket", "untested")
    assert only.found.endswith("this run does not need it")


def test_what_cannot_be_removed_is_told_and_stays_on_record(
    as_whom: Callable[[str], Target], server: Server
) -> None:
    """`vecgate clean` can find it then."""
    findings = rehearse(as_whom("noDeleteIndex"), USED["ramp"], prefix="vg", run="1a2b")
    failed = [each.check for each in findings if each.grade == "failed"]
    assert failed == ["DeleteIndex", "DeleteVectorBucket", "left behind", "left behind"]
    assert list(server.state.buckets) == ["vg-1a2b-doctor"]
    assert len(list(records_folder().glob("*"))) == 1


@pytest.mark.parametrize("fate", ["spoils", "loses"])
def test_a_bucket_that_was_made_and_not_answered_for_is_removed(
    as_whom: Callable[[str], Target], server: Server, fate: str
) -> None:
    """Its name is nobody else's. Without any answer it may still come: it stays on record."""
    with between(server.url) as proxy:
        setattr(proxy, fate, {"CreateVectorBucket"})
        target = replace(as_whom("anybody"), endpoint_url=proxy.url)
        (only,) = rehearse(target, USED["ramp"], prefix="vg", run="1a2b")
    assert (only.check, only.grade) == ("CreateVectorBucket", "failed")
    assert proxy.seen.count("CreateVectorBucket") == 1
    assert server.state.buckets == {}
    assert len(list(records_folder().glob("*"))) == (1 if fate == "loses" else 0)


def test_nobody_is_told_of_a_bucket_left_where_nothing_is(as_whom: Callable[[str], Target]) -> None:
    """Nothing was sent."""
    (only,) = rehearse(
        replace(as_whom("anybody"), endpoint_url="http://127.0.0.1:9"), USED["ramp"], prefix="vg", run="1a2b"
    )
    assert (only.check, only.grade) == ("CreateVectorBucket", "failed")
    assert list(records_folder().glob("*")) == []


@pytest.mark.parametrize("operation", ["CreateVectorBucket", "PutVectors"])
def test_an_interrupted_rehearsal_leaves_nothing(
    as_whom: Callable[[str], Target], server: Server, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """Wherever it is: what was being made when it came may be there."""

    def interrupted(client: Any, name: str, members: dict[str, Any]) -> Reply:
        reply = ask(client, name, members)
        if name == operation:
            raise KeyboardInterrupt
        return reply

    monkeypatch.setattr("vecgate.targets.rehearsal.ask", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rehearse(as_whom("anybody"), USED["ramp"], prefix="vg", run="1a2b")
    assert server.state.buckets == {}


def test_an_operation_that_fails_in_a_rehearsal_is_told_with_its_answer(
    as_whom: Callable[[str], Target], server: Server
) -> None:
    """Though it is allowed; and what was there before stays."""
    with server.client("anybody", SECRET) as client:
        client.create_vector_bucket(vectorBucketName="vg-1a2b-doctor")
    (only,) = rehearse(as_whom("anybody"), USED["ramp"], prefix="vg", run="1a2b")
    assert (only.check, only.grade) == ("CreateVectorBucket", "failed")
    assert only.found.startswith("answered with 409 ConflictException")
    assert list(server.state.buckets) == ["vg-1a2b-doctor"]


def test_quotas_are_told_as_documented() -> None:
    """With their units."""
    assert rates_finding().found == (
        "1,000 writes/s and 2,500 vectors/s for an index, 500 vectors and 20 MiB for a request, as documented"
    )


class Pages:
    """Stands in for a client that lists so many buckets."""

    def __init__(self, number: int) -> None:
        self._number = number

    def get_paginator(self, operation: str) -> Pages:
        return self

    def paginate(self) -> Iterator[dict[str, list[dict[str, str]]]]:
        yield {"vectorBuckets": [{}] * (self._number // 2)}
        yield {"vectorBuckets": [{}] * (self._number - self._number // 2)}


@pytest.mark.parametrize(
    ("number", "grade", "told"),
    [
        (7, "ok", "7 of 10,000, 9,993 free"),
        (9_900, "ok", "9,900 of 10,000, 100 free"),
        (9_901, "warning", "9,901 of 10,000, 99 free"),
    ],
)
def test_free_buckets_are_counted(number: int, grade: str, told: str) -> None:
    """Over all pages."""
    finding = buckets_finding(Pages(number))
    assert (finding.grade, finding.found) == (grade, told)


def test_buckets_that_cannot_be_listed_are_not_counted(as_whom: Callable[[str], Target]) -> None:
    """Which is no failure."""
    client = as_whom("noListVectorBuckets").client()
    assert buckets_finding(client).grade == "untested"
    client.close()
