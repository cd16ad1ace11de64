"""Behaviour that is specific to Go: its client drops an answer whose head arrives before its body is wanted."""

from __future__ import annotations

import pytest
from client_programs import Access, run_program

REQUESTS, REQUESTS_NIGHTLY = 2_000, 50_000


@pytest.mark.parametrize(
    "requests", [REQUESTS, pytest.param(REQUESTS_NIGHTLY, marks=pytest.mark.nightly)], ids=str
)
def test_no_answer_is_lost(access: Access, requests: int) -> None:
    """Many requests at once on reused connections, without retries: head and body leave in one write."""
    result = run_program("go", "", access, "race", str(requests), within_s=600.0)
    assert (result["requests"], result["lost"]) == (requests, 0), result["reason"]
