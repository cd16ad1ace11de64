"""An outcome counts every row once, and a job with rows that were not written does not pass."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.distributed.write_outcome import (
    REJECTS_KEPT,
    BatchOutcome,
    IndexTotals,
    RejectedRow,
    WriteIncomplete,
    WriteOutcome,
    check_outcome,
)
from vecgate.errors import VecgateError

COUNTS = st.integers(0, 1_000)
BAD = RejectedRow("films", "k1", "vector is missing")


def totals(acknowledged: int = 0, rejected: int = 0, pending: int = 0, **others: float) -> IndexTotals:
    rows = acknowledged + rejected + pending
    return IndexTotals(rows, acknowledged, rejected, pending, **others)  # type: ignore[arg-type]  # counts


OUTCOMES = st.builds(
    WriteOutcome,
    st.dictionaries(st.sampled_from(["films", "books"]), st.builds(totals, COUNTS, COUNTS, COUNTS)),
    st.lists(st.just(BAD), max_size=3).map(tuple),
    st.lists(st.sampled_from(["gone", "throttled"]), max_size=2).map(tuple),
)


@given(outcomes=st.lists(OUTCOMES, max_size=5))
def test_a_job_has_the_rows_of_its_tasks(outcomes: list[WriteOutcome]) -> None:
    """No count is lost or counted twice, and one incomplete task makes the job incomplete."""
    combined = WriteOutcome.combined(outcomes)
    for name in ("rows", "acknowledged", "rejected", "pending"):
        assert getattr(combined.totals, name) == sum(getattr(each.totals, name) for each in outcomes)
    assert combined.is_complete == all(each.is_complete for each in outcomes)
    assert pickle.loads(pickle.dumps(combined)) == combined  # noqa: S301 - made here


@pytest.mark.parametrize("counts", [(3, 1, 1, 0), (1, 2, 0, -1), (0, 1, 0, 0)])
def test_counts_that_are_not_the_rows_are_refused(counts: tuple[int, int, int, int]) -> None:
    """So no arithmetic can make a pending row look written."""
    with pytest.raises(VecgateError, match=r"are not the .* rows read"):
        IndexTotals(*counts)
    with pytest.raises(VecgateError, match=r"are not the .* rows read"):
        BatchOutcome("films", *counts)


def test_the_rate_leaves_out_the_first_acknowledgement() -> None:
    """It begins the span, so its rows took no part of it. Two tasks of 500/s together have 1,000/s."""
    first = totals(1_500, first_s=100.0, first_rows=500, last_s=102.0)
    second = totals(1_000, first_s=100.5, first_rows=500, last_s=102.0)
    assert first.vectors_per_s == 500
    assert (first + second).vectors_per_s == 1_000
    assert totals(5, first_s=100.0, first_rows=5, last_s=100.0).vectors_per_s == 0


def test_only_acknowledged_rows_pass() -> None:
    complete = WriteOutcome({"films": totals(10)})
    check_outcome(complete, allows_rejects=False)
    with pytest.raises(
        WriteIncomplete, match="2 of 12 rows are pending, 10 acknowledged: the target is gone"
    ):
        check_outcome(
            WriteOutcome({"films": totals(10, pending=2)}, causes=("the target is gone",)),
            allows_rejects=True,
        )
    with pytest.raises(WriteIncomplete):
        check_outcome(WriteOutcome({"films": totals(10)}, causes=("strange",)), allows_rejects=True)


def test_rejected_rows_are_named_unless_they_are_collected() -> None:
    outcome = WriteOutcome({"films": totals(10, rejected=1)}, (BAD,))
    check_outcome(outcome, allows_rejects=True)
    with pytest.raises(
        WriteIncomplete, match="1 row cannot be written: films: record 'k1': vector is missing"
    ) as error:
        check_outcome(outcome, allows_rejects=False)
    copy = pickle.loads(pickle.dumps(error.value))  # noqa: S301 - made here
    assert (str(copy), copy.hint, copy.outcome) == (str(error.value), error.value.hint, outcome)


def test_an_outcome_names_a_limited_number_of_rejected_rows() -> None:
    many = WriteOutcome({"films": totals(rejected=80)}, (BAD,) * 80)
    assert len(WriteOutcome.combined([many, many]).rejects) == REJECTS_KEPT


def test_an_outcome_is_json() -> None:
    outcome = WriteOutcome({"films": totals(3, rejected=1, pending=1)}, (BAD,), ("gone",))
    found = outcome.to_dict()
    assert found["indexes"]["films"]["acknowledged"] == 3
    assert found["rejects"] == [{"index": "films", "key": "k1", "problem": "vector is missing"}]
    assert found["is_complete"] is False
    assert (
        str(outcome)
        == "5 rows: 3 acknowledged, 1 rejected, 1 pending; 0 requests sent again, 0 of them throttled"
    )
