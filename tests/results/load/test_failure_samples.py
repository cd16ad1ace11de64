"""Samples of failed requests: exact counts, bounded memory, and the same result in any division."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.results.load.failure_samples import (
    BETWEEN_MAX,
    CAUSES_MAX,
    MESSAGE_MAX,
    FailureCause,
    FailureSample,
    FailureSamples,
    message_pattern,
)
from vecgate.results.record_decoding import RecordDecoder
from vecgate.results.result_stream import encode_record

MESSAGES = ("status 503: busy", "status 200 with an empty body", "Connection reset by peer")
failed_requests = st.lists(
    st.tuples(
        st.sampled_from(["PutVectors", "QueryVectors"]),
        st.sampled_from(["Protocol", "503"]),
        st.sampled_from(MESSAGES),
        st.integers(0, 10_000).map(lambda ms: ms / 1e3),
        st.integers(0, 2),
    ),
    max_size=60,
    unique_by=lambda failed: failed[3],
)


def collect(requests: Sequence[tuple[str, str, str, float, int]]) -> FailureSamples:
    samples = FailureSamples()
    for operation, code, message, at_s, _ in requests:
        samples.record(operation, code, FailureSample(at_s=at_s, message=message, request_id=f"r{at_s}"))
    return samples


@given(requests=failed_requests)
def test_any_division_among_workers_and_seconds_gives_the_same_causes(
    requests: Sequence[tuple[str, str, str, float, int]],
) -> None:
    """Counts are exact, the first and the last are kept, and merged samples are those of a single worker."""
    merged = FailureSamples()
    for worker in range(3):
        merged.add(collect([each for each in requests if each[4] == worker]).take())
    whole = collect(requests).causes()
    assert merged.causes() == whole
    assert {(each.operation, each.code, each.message): each.count for each in whole} == Counter(
        (operation, code, message) for operation, code, message, _, _ in requests
    )
    for cause in whole:
        times = sorted(
            each[3] for each in requests if each[:3] == (cause.operation, cause.code, cause.message)
        )
        kept = [sample.at_s for sample in cause.samples]
        assert (kept[0], kept[-1]) == (times[0], times[-1])
        assert kept == sorted(kept)
        assert len(kept) == min(len(times), BETWEEN_MAX + 2)


def test_six_causes_under_one_code_are_shown_apart() -> None:
    """An error code of its own does not say what happened."""
    reasons = [
        "status 200 with an empty body",
        "status 204 instead of 200",
        "status 200 with text/html that starts with '<html>'",
        "the response was cut off after 12 of 50 bytes",
        "status 200 without vectors",
        "status 200 with the error 'Busy'",
    ]
    samples = FailureSamples()
    for number in range(60):
        samples.record("QueryVectors", "Protocol", FailureSample(at_s=number, message=reasons[number % 6]))
    assert sorted(cause.samples[0].message for cause in samples.causes()) == sorted(reasons)
    assert {cause.count for cause in samples.causes()} == {10}


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("the response was cut off after 12 of 1,050 bytes", "the response was cut off after # of # bytes"),
        ("key v0000001234 is busy", "key # is busy"),
        ("request 3f2a-99b0-aa17 failed", "request # failed"),
        ("status 503: slow down", "status 503: slow down"),
        ("needs float32 of dimension 12", "needs float32 of dimension #"),
        ("", "no message"),
    ],
)
def test_numbers_and_ids_do_not_make_a_cause(message: str, pattern: str) -> None:
    """Messages that differ in them have one cause; a status is part of the cause."""
    assert message_pattern(message) == pattern


def test_memory_is_bounded_and_the_counts_stay_exact() -> None:
    """A server that invents a message for each answer fills one cause without a message."""
    samples = FailureSamples()
    for number in range(1_000):
        words = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        samples.record("PutVectors", "Protocol", FailureSample(at_s=number, message=f"{words} " * 500))
    causes = samples.causes()
    assert len(causes) == CAUSES_MAX + 1
    assert sum(cause.count for cause in causes) == 1_000
    assert (causes[0].message, causes[0].count) == ("", 1_000 - CAUSES_MAX)
    assert max(len(sample.message) for cause in causes for sample in cause.samples) == MESSAGE_MAX


def test_a_message_is_one_printable_line_without_secrets() -> None:
    """A server may repeat the signature of the request, and may send control characters."""
    samples = FailureSamples()
    hostile = FailureSample(
        at_s=1.0,
        message="no\x1b[31m\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/2026, Signature=ab12",
        request_id="\x07" + "i" * 500,
    )
    samples.record("PutVectors", "403", hostile)
    (cause,) = samples.causes()
    text = encode_record(cause).decode()
    assert "AKIA" not in text
    assert "ab12" not in text
    assert "\\n" not in text.replace("\\\\n", "")
    assert cause.samples[0].message.startswith("no\\u001b[31m ")
    assert len(cause.samples[0].request_id) <= 128
    assert RecordDecoder().decode(encode_record(cause)) == cause


def test_a_cause_without_samples_is_ignored() -> None:
    """A stream of another program may have one."""
    samples = FailureSamples()
    samples.add([FailureCause(operation="PutVectors", code="503", count=3)])
    assert not samples
