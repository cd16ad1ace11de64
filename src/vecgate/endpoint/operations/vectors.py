"""Vectors: put, get, list, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from vecgate.endpoint.addressing import find_index
from vecgate.endpoint.answers import invalid
from vecgate.endpoint.decoding import PutBody
from vecgate.endpoint.operations.records import check_distinct, check_key_bytes, check_records, last_of_each
from vecgate.endpoint.state import Index, State
from vecgate.endpoint.table import Float32Matrix
from vecgate.endpoint.tokens import mark_of, position_in, token_of
from vecgate.endpoint.validation import Document
from vecgate.s3vectors.limits import LIST_PAGE_BYTES_MAX, LIST_PAGE_DEFAULT


def put_vectors(state: State, put: PutBody, now: float) -> Document:
    del now
    index = find_index(state, put.address)
    check_key_bytes(put.keys)
    if state.behaviour.refuses_duplicate_keys:
        check_distinct(put.keys)
    check_records(index, put)
    # A list of vectors, unequal in length, has not come past the checks.
    vectors = cast("Float32Matrix", put.vectors)
    if len(last := last_of_each(put.keys)) < len(put.keys):
        keys, metadata = [put.keys[place] for place in last], [put.metadata[place] for place in last]
        state.put_vectors(index, keys, vectors[last], metadata)
    else:
        state.put_vectors(index, put.keys, vectors, put.metadata)
    return {}


def delete_vectors(state: State, members: Document, now: float) -> Document:
    del now
    index = find_index(state, members)
    check_key_bytes(members["keys"])
    check_distinct(members["keys"])
    state.delete_vectors(index, members["keys"])
    return {}


def get_vectors(state: State, members: Document, now: float) -> Document:
    """Absent keys are left out, repeated ones come once, and the order is not that of the request."""
    del now
    index = find_index(state, members)
    check_key_bytes(members["keys"])
    rows = index.table.rows_of(dict.fromkeys(members["keys"]))
    return {"vectors": _shown(index, index.table.in_order(rows), members)}


def list_vectors(state: State, members: Document, now: float) -> Document:
    del now
    index = find_index(state, members)
    number, count = _segment(members)
    mark = mark_of("vectors", index.arn, index.serial, number, count)
    order = index.table.order
    start, stop = order.segment(number, count)
    if "nextToken" in members:
        start = max(start, index.table.place_after(position_in(members["nextToken"], mark)))
    rows = order.rows[start : min(stop, start + members.get("maxResults", LIST_PAGE_DEFAULT))]
    rows = rows[: _rows_in_page(index.table.sizes[rows])]
    answer: Document = {"vectors": _shown(index, rows.tolist(), members)}
    if start + len(rows) < stop:
        answer["nextToken"] = token_of(mark, index.table.keys[rows[-1]].encode())
    return answer


def _segment(members: Document) -> tuple[int, int]:
    """The number of the segment and how many there are; the texts are inferred."""
    number, count = members.get("segmentIndex"), members.get("segmentCount")
    if number is None and count is None:
        return 0, 1
    if number is None or count is None:
        raise invalid("segmentCount and segmentIndex must be specified together")
    if number >= count:
        raise invalid("segmentIndex must be less than segmentCount")
    return number, count


def _rows_in_page(sizes: npt.NDArray[np.int64]) -> int:
    """How many rows fit in a page: it ends before the one that would take it past its bytes."""
    return max(1, int(np.searchsorted(np.cumsum(sizes), LIST_PAGE_BYTES_MAX, side="right")))


def _shown(index: Index, rows: Sequence[int], members: Document) -> list[Document]:
    """*rows* with what the request asks for."""
    table = index.table
    shown: list[Document] = [{"key": table.keys[row]} for row in rows]
    if members.get("returnData"):
        # The service widens float32 to double: 0.4 reads back as 0.4000000059604645.
        for one, vector in zip(shown, table.vectors[rows].astype(np.float64), strict=True):
            one["data"] = {"float32": vector}
    if members.get("returnMetadata"):
        for one, row in zip(shown, rows, strict=True):
            one["metadata"] = table.metadata[row] or {}
    return shown
