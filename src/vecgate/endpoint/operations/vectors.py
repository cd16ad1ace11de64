"""Vectors: put, get, list, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from vecgate.endpoint.operations.addressing import find_index
from vecgate.endpoint.operations.write_rules import (
    check_key_bytes,
    check_records,
    check_unique_keys,
    last_positions,
)
from vecgate.endpoint.requests.body_decoding import PutBody
from vecgate.endpoint.requests.messages import invalid
from vecgate.endpoint.requests.page_tokens import encode_token, read_position, scope_id
from vecgate.endpoint.requests.request_validation import Document
from vecgate.endpoint.storage.state import Index, State
from vecgate.endpoint.storage.vector_table import Float32Matrix
from vecgate.s3vectors.limits import LIST_PAGE_BYTES_MAX, LIST_PAGE_DEFAULT


def put_vectors(state: State, put: PutBody, now: float) -> Document:
    del now
    index = find_index(state, put.address)
    check_key_bytes(put.keys)
    if state.behaviour.refuses_duplicate_keys:
        check_unique_keys(put.keys)
    check_records(index, put)
    # A list of vectors of different lengths did not pass the checks above.
    vectors = cast("Float32Matrix", put.vectors)
    if len(last := last_positions(put.keys)) < len(put.keys):
        keys, metadata = [put.keys[at] for at in last], [put.metadata[at] for at in last]
        state.put_vectors(index, keys, vectors[last], metadata)
    else:
        state.put_vectors(index, put.keys, vectors, put.metadata)
    return {}


def delete_vectors(state: State, members: Document, now: float) -> Document:
    del now
    index = find_index(state, members)
    check_key_bytes(members["keys"])
    check_unique_keys(members["keys"])
    state.delete_vectors(index, members["keys"])
    return {}


def get_vectors(state: State, members: Document, now: float) -> Document:
    """Unknown keys are omitted, repeated ones are returned once, and the order is not that of the request."""
    del now
    index = find_index(state, members)
    check_key_bytes(members["keys"])
    rows = index.table.find_rows(dict.fromkeys(members["keys"]))
    return {"vectors": _format_vectors(index, index.table.sort_rows(rows), members)}


def list_vectors(state: State, members: Document, now: float) -> Document:
    del now
    index = find_index(state, members)
    number, count = _read_segment(members)
    scope = scope_id("vectors", index.arn, index.serial, number, count)
    order = index.table.order
    start, stop = order.segment(number, count)
    if "nextToken" in members:
        start = max(start, index.table.position_after(read_position(members["nextToken"], scope)))
    rows = order.rows[start : min(stop, start + members.get("maxResults", LIST_PAGE_DEFAULT))]
    rows = rows[: _count_rows_in_page(index.table.sizes[rows])]
    page: Document = {"vectors": _format_vectors(index, rows.tolist(), members)}
    if start + len(rows) < stop:
        page["nextToken"] = encode_token(scope, index.table.keys[rows[-1]].encode())
    return page


def _read_segment(members: Document) -> tuple[int, int]:
    """Return the number of the segment and the count of segments. The text is inferred.

    The defaults are those of AWS's Smithy model, which botocore's lacks. Go's SDK never sends a 0.
    """
    number, count = members.get("segmentIndex", 0), members.get("segmentCount", 1)
    if number >= count:
        raise invalid("segmentIndex must be less than segmentCount")
    return number, count


def _count_rows_in_page(sizes: npt.NDArray[np.int64]) -> int:
    """Return how many rows fit in a page: it ends before the row that would exceed its size."""
    return max(1, int(np.searchsorted(np.cumsum(sizes), LIST_PAGE_BYTES_MAX, side="right")))


def _format_vectors(index: Index, rows: Sequence[int], members: Document) -> list[Document]:
    """Return *rows* with the members that the request selects."""
    table = index.table
    entries: list[Document] = [{"key": table.keys[row]} for row in rows]
    if members.get("returnData"):
        # The service widens float32 to double: 0.4 reads back as 0.4000000059604645.
        for entry, vector in zip(entries, table.vectors[rows].astype(np.float64), strict=True):
            entry["data"] = {"float32": vector}
    if members.get("returnMetadata"):
        for entry, row in zip(entries, rows, strict=True):
            entry["metadata"] = table.metadata[row] or {}
    return entries
