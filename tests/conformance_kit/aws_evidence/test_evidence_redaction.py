"""What a file of evidence must not say about the account that recorded it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.conformance_kit.aws_evidence.evidence_file import SECRET_FORMS
from vecgate.conformance_kit.aws_evidence.evidence_redaction import (
    ANSWER_CHARACTERS_MAX,
    REQUEST_CHARACTERS_MAX,
    EvidenceRedactor,
)
from vecgate.conformance_kit.requests.exchanges import Exchange

ACCOUNT, REQUEST_ID = "210987654321", "7d8f3f0e-1111-4222-8333-444455556666"
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"


def accounts() -> st.SearchStrategy[str]:
    """Account numbers, also with leading zeros."""
    return st.text("0123456789", min_size=12, max_size=12)


def exchange(answer: str, **more: object) -> Exchange:
    return Exchange("GetIndex", {"indexName": "a"}, answer=answer, status=200, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "secret"),
    [
        (f'{{"arn":"arn:aws:s3vectors:us-east-1:{ACCOUNT}:bucket/b"}}', ACCOUNT),
        (f"User: {USER} is not authorized", "alice"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/bob@example.com", "bob"),
        (f"arn:aws-us-gov:kms:us-gov-west-1:{ACCOUNT}:key/8f2c-77", "8f2c"),
        (f"the key {ACCESS_KEY} is unknown", ACCESS_KEY),
        ("the role AROAEXAMPLEEXAMPLE1:session", "AROAEXAMPLE"),
        (f"request {REQUEST_ID} failed", REQUEST_ID),
    ],
)
def test_what_identifies_an_account_is_replaced(answer: str, secret: str) -> None:
    """By a name that shows its kind."""
    recorded = EvidenceRedactor("vg").record(exchange(answer, request_id=REQUEST_ID))
    assert secret not in recorded.answer
    assert ACCOUNT not in recorded.answer
    assert recorded.request_id.startswith("request-")


@given(account=accounts(), before=st.text(max_size=20), after=st.text(max_size=20))
@example(account="000000000000", before="", after="")
def test_no_account_number_remains(account: str, before: str, after: str) -> None:
    """Not even away from its ARN, in the same exchange or in a later one."""
    redactor = EvidenceRedactor("vg")
    arn = f"arn:aws:s3vectors:us-east-1:{account}:bucket/b"
    first = redactor.record(exchange(f"{before} {arn} {account} {after}"))
    later = redactor.record(exchange(f"account {account} is closed"))
    for text in (first.answer, later.answer):
        assert not SECRET_FORMS["an account number"].search(text)
    assert account not in later.answer


def test_the_same_text_has_the_same_name_in_a_run_only() -> None:
    """Two runs cannot be joined, and no table of all account numbers helps."""
    text = f"arn:aws:s3vectors:us-east-1:{ACCOUNT}:bucket/b"
    one, other = EvidenceRedactor("vg"), EvidenceRedactor("vg")
    assert one.record(exchange(text)).answer == one.record(exchange(text)).answer
    assert one.record(exchange(text)).answer != other.record(exchange(text)).answer


def test_the_prefix_of_the_user_becomes_the_default_one() -> None:
    """Companies put their name into it."""
    members = {"vectorBucketName": "acme-r1-main-1"}
    recorded = EvidenceRedactor("acme").record(Exchange("GetVectorBucket", members, answer="acme-r1-main-1"))
    assert recorded.request == '{"vectorBucketName": "vg-r1-main-1"}'
    assert recorded.answer == "vg-r1-main-1"


@pytest.mark.parametrize("position", [0, REQUEST_CHARACTERS_MAX - 20, REQUEST_CHARACTERS_MAX - 1])
def test_long_texts_are_cut_and_no_secret_with_them(position: int) -> None:
    """A secret across the end is replaced before the text is cut."""
    request = "x" * position + f" arn:aws:s3vectors:us-east-1:{ACCOUNT}:b" + "y" * 3_000_000
    recorded = EvidenceRedactor("vg").record(Exchange("POST /a", request=request, answer="z" * 500_000))
    assert len(recorded.request) == REQUEST_CHARACTERS_MAX + 1
    assert len(recorded.answer) == ANSWER_CHARACTERS_MAX + 1
    assert ACCOUNT[:4] not in recorded.request


def test_any_text_of_a_server_can_be_written() -> None:
    """JSON has escapes that UTF-8 has not."""
    recorded = EvidenceRedactor("vg").record(exchange("\ud800 \x00", headers={"content-type": "\udfff"}))
    assert (recorded.answer, recorded.headers) == ("\\ud800 \x00", {"content-type": "\\udfff"})
