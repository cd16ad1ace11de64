"""QueryVectors.

A page holds at most 100 results. Where more are found, all of them are kept as they were, and later pages are
read from there: no write shows between pages.
"""

from __future__ import annotations

import numpy as np
import orjson

from vecgate.endpoint.addressing import find_index
from vecgate.endpoint.answers import invalid, not_built
from vecgate.endpoint.decoding import float32_rows
from vecgate.endpoint.filters import Filter, parse_filter
from vecgate.endpoint.operations.records import ZERO_NORM, vector_problem
from vecgate.endpoint.search import Rows, nearest
from vecgate.endpoint.snapshots import Hits, Snapshot
from vecgate.endpoint.state import Index, State
from vecgate.endpoint.table import Float32Vector
from vecgate.endpoint.tokens import MARK_BYTES, invalid_token, mark_of, token_of, token_parts
from vecgate.endpoint.validation import Document, refuse_broken, violation
from vecgate.s3vectors.limits import QUERY_PAGE_MAX, TOP_K_MAX

BAD_VECTOR = "Query vector contains invalid values or is invalid for this index"
OFFSET_BYTES = 4


def query_vectors(state: State, members: Document, now: float) -> Document:
    """The model bounds topK only from below; the text for its ceiling is inferred."""
    if members["topK"] > TOP_K_MAX:
        refuse_broken(iter([violation("/topK", f"be between 1 and {TOP_K_MAX}, inclusive")]))
    index = find_index(state, members)
    _check_mode(index, members)
    vector = _query_vector(index, members)
    filter_ = _filter(index, members)
    query = _mark(index, vector, members)
    if "nextToken" in members:
        mark, start = _position(members["nextToken"])
        hits = state.snapshots.find(mark, query=query, now=now).hits
    else:
        hits, start = _search(index, vector, filter_, members["topK"]), 0
        mark = _keep(state, Snapshot(query, now, hits))
    return _page(index, hits, start, mark, members)


def _check_mode(index: Index, members: Document) -> None:
    if members.get("queryMode") == "CLASSIC" and index.mode == "ENHANCED":
        raise invalid("queryMode cannot be CLASSIC when indexMode is ENHANCED")


def _query_vector(index: Index, members: Document) -> Float32Vector:
    """The query vector, rounded to float32 before it is judged."""
    if "queryTexts" in members:
        raise not_built("full-text search (queryTexts)")
    if "queryVector" not in members:
        raise invalid("Must specify queryVector, queryTexts or both")
    vector = float32_rows([members["queryVector"]["float32"]])[0]
    if problem := vector_problem(index, vector):
        detail = f"Invalid input: {problem}" if problem == ZERO_NORM else BAD_VECTOR
        raise invalid(BAD_VECTOR, path="vector", field_message=detail)
    return vector


def _filter(index: Index, members: Document) -> Filter | None:
    if "filter" not in members:
        return None
    return parse_filter(members["filter"], non_filterable=index.non_filterable)


def _search(index: Index, vector: Float32Vector, filter_: Filter | None, top_k: int) -> Hits:
    table = index.table
    among = None if filter_ is None else _matching(filter_, index)
    found = nearest(table, vector, top_k=top_k, metric=index.metric, among=among)
    rows = found.rows.tolist()
    return Hits([table.keys[row] for row in rows], found.distances, [table.metadata[row] for row in rows])


def _matching(filter_: Filter, index: Index) -> Rows:
    matches = filter_.matches
    return np.array(
        [row for row, each in enumerate(index.table.metadata) if matches(each or {})], dtype=np.intp
    )


def _mark(index: Index, vector: Float32Vector, members: Document) -> bytes:
    """Stands for the query: a later page must ask the same of the same index. What it returns may differ."""
    same = {name: members.get(name) for name in ("topK", "filter", "queryMode")}
    return mark_of(index.arn, index.serial, vector.tobytes(), orjson.dumps(same, option=orjson.OPT_SORT_KEYS))


def _keep(state: State, snapshot: Snapshot) -> bytes:
    if len(snapshot.hits) <= QUERY_PAGE_MAX:
        return b""
    return state.snapshots.keep(snapshot, serial=state.serial)


def _position(token: str) -> tuple[bytes, int]:
    mark, offset = token_parts(token)
    if len(mark) != MARK_BYTES or len(offset) != OFFSET_BYTES:
        raise invalid_token()
    return mark, int.from_bytes(offset)


def _page(index: Index, hits: Hits, start: int, mark: bytes, members: Document) -> Document:
    stop = start + QUERY_PAGE_MAX
    answer: Document = {"vectors": _shown(hits.slice(start, stop), members), "distanceMetric": index.metric}
    if stop < len(hits):
        answer["nextToken"] = token_of(mark, stop.to_bytes(OFFSET_BYTES))
    return answer


def _shown(hits: Hits, members: Document) -> list[Document]:
    shown: list[Document] = [{"key": key} for key in hits.keys]
    if members.get("returnDistance"):
        for one, distance in zip(shown, hits.distances.tolist(), strict=True):
            one["distance"] = distance
    if members.get("returnMetadata"):
        for one, metadata in zip(shown, hits.metadata, strict=True):
            one["metadata"] = metadata or {}
    return shown
