"""Errors that only some workers get are theirs; those that all get are the target's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.results.load.error_attribution import (
    CREDENTIAL_CODES,
    describe_refusals,
    excused_codes,
    refused_workers,
)
from vecgate.results.load.load_records import OperationSecond, WorkerTotals


def worker(number: int, ok: int, **errors: int) -> WorkerTotals:
    counts = OperationSecond(ok=ok, errors=errors)
    return WorkerTotals(worker=f"worker-{number}", operations={"QueryVectors": counts})


@pytest.mark.parametrize(
    ("workers", "refused"),
    [
        ([worker(1, 100), worker(2, 0, AccessDeniedException=100)], ["worker-2"]),
        (
            [worker(1, 100), worker(2, 50, ExpiredTokenException=50), worker(3, 0, InvalidAccessKeyId=100)],
            ["worker-2", "worker-3"],
        ),
        # All get it, or the only one.
        ([worker(1, 0, AccessDeniedException=100), worker(2, 0, AccessDeniedException=100)], []),
        ([worker(1, 0, AccessDeniedException=100)], []),
        ([worker(1, 5, AccessDeniedException=95), worker(2, 0, AccessDeniedException=100)], []),
        # The target refuses one request of a hundred: a worker with few requests is spared by chance.
        ([worker(1, 99, AccessDeniedException=1), worker(2, 20)], []),
        ([worker(1, 0, AccessDeniedException=1), worker(2, 1)], []),
        ([worker(1, 100), worker(2, 0, InternalServerException=100)], []),
        ([worker(1, 100), worker(2, 100)], []),
        # A worker that was lost has no counts.
        ([worker(1, 0, AccessDeniedException=100), WorkerTotals(worker="worker-2", lost_at_s=3.0)], []),
        # One that joined again has two records.
        (
            [
                worker(1, 100),
                worker(2, 0, AccessDeniedException=100),
                WorkerTotals(worker="worker-2", lost_at_s=3.0),
            ],
            ["worker-2"],
        ),
        ([], []),
    ],
)
def test_a_refusal_of_some_workers_is_theirs(workers: list[WorkerTotals], refused: list[str]) -> None:
    """Neither chance is a reason, nor an error that is not about credentials."""
    assert list(refused_workers(workers)) == refused
    assert (excused_codes(workers) >= CREDENTIAL_CODES) == bool(refused)


@given(share=st.floats(0.01, 1), requests=st.lists(st.integers(1, 2_000), min_size=2, max_size=6))
def test_a_target_that_refuses_everyone_alike_is_not_excused(share: float, requests: list[int]) -> None:
    """Whatever the share that it refuses: each worker gets its part."""
    workers = []
    for number, sent in enumerate(requests):
        refused = max(1, round(sent * share))
        workers.append(worker(number, sent - refused, AccessDeniedException=refused))
    assert not refused_workers(workers)


def test_the_description_names_the_workers_and_the_codes() -> None:
    """So that the reader knows on which machine to look."""
    assert describe_refusals([worker(1, 100), worker(2, 0, AccessDeniedException=1_100)]) == (
        "the target refused 1,100 requests of worker-2 (AccessDeniedException), and accepts other workers: "
        "check its credentials"
    )
    assert not describe_refusals([worker(1, 100)])
