"""`accelerate` works on clients of aiobotocore, whose calls are awaited."""

from __future__ import annotations

import json

from client_programs import Access, run_program
from sample_index import SampleIndex


def test_arrays_are_sent_and_answers_are_those_of_aiobotocore(
    access: Access, sample_by_name: SampleIndex
) -> None:
    """Also by many calls at the same time; what cannot be sent is refused as boto3 does."""
    address = json.dumps(sample_by_name.index_address)
    result = run_program("accelerated-aiobotocore", "accelerated_aiobotocore_arrays.py", access, address)
    assert result["stored"] == [
        {"key": "row-0", "data": {"float32": [1.5, 2.5]}, "metadata": {"i": 0}},
        {"key": "row-1", "data": {"float32": [-1.5, 2.5]}, "metadata": {"i": 1}},
    ]
    assert result["nearest"] == ["row-1"]
    assert result["together"] == ["row-0", "row-1"] * 10
    assert "(key 'n').data holds NaN, infinity" in result["refused"]
    assert result["isSame"]
