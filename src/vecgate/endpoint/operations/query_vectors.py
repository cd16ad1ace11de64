"""QueryVectors and its pages.

A page holds at most 100 results. If there are more, all of them are stored in a snapshot, and later pages are
read from it: writes between pages have no effect on them.
"""

from __future__ import annotations

import numpy as np
import orjson

from vecgate.endpoint.operations.addressing import find_index
from vecgate.endpoint.operations.metadata_configuration import is_active
from vecgate.endpoint.operations.modes import CLASSIC, ENHANCED
from vecgate.endpoint.operations.write_rules import ZERO_NORM, vector_problem
from vecgate.endpoint.requests.body_decoding import float32_rows
from vecgate.endpoint.requests.messages import ApiError, invalid
from vecgate.endpoint.requests.page_tokens import (
    SCOPE_ID_BYTES,
    decode_token,
    encode_token,
    invalid_token,
    scope_id,
)
from vecgate.endpoint.requests.request_validation import Document, format_violation, raise_violations
from vecgate.endpoint.search.filters import parse_filter
from vecgate.endpoint.search.nearest import Rows
from vecgate.endpoint.search.ranking import (
    SearchRequest,
    TextQuery,
    search_hybrid,
    search_texts,
    search_vectors,
)
from vecgate.endpoint.storage.query_snapshots import Hits, Snapshot
from vecgate.endpoint.storage.state import Index, State
from vecgate.endpoint.storage.vector_table import FLOAT32_BYTES, Float32Vector
from vecgate.s3vectors.limits import QUERY_PAGE_MAX, TOP_K_MAX

BAD_VECTOR = "Query vector contains invalid values or is invalid for this index"
OFFSET_BYTES = 4
#: Members that identify a query; the others select what to return of its results.
QUERY_MEMBERS = ("topK", "filter", "queryMode", "queryVector", "queryTexts")


def query_vectors(state: State, members: Document, now: float) -> Document:
    """The model has no upper bound of topK, so the text for it is inferred."""
    if members["topK"] > TOP_K_MAX:
        raise_violations(iter([format_violation("/topK", f"be between 1 and {TOP_K_MAX}, inclusive")]))
    index = find_index(state, members)
    mode = _query_mode(index, members)
    if "queryVector" not in members and "queryTexts" not in members:
        raise invalid("Must specify queryVector, queryTexts or both")
    request = SearchRequest(
        vector=_query_vector(index, members),
        texts=_query_texts(index, members, now),
        candidates=_filter_rows(state, index, members, mode),
    )
    query = _query_id(index, members)
    if "nextToken" in members:
        scope, start = _read_token(members["nextToken"])
        hits = state.snapshots.find(scope, query=query, now=now).hits
    else:
        hits, start = _search(state, index, request, members["topK"]), 0
        scope = _store_snapshot(state, index, hits, query, now)
    return _format_page(index, hits, start, scope, members)


def _query_mode(index: Index, members: Document) -> str:
    """Return the mode in which to process the query."""
    mode: str = members.get("queryMode", index.mode)
    if mode == CLASSIC and index.mode == ENHANCED:
        raise invalid("queryMode cannot be CLASSIC when indexMode is ENHANCED")
    return mode


def _query_vector(index: Index, members: Document) -> Float32Vector | None:
    """Return the query vector, rounded to float32 before it is validated."""
    if "queryVector" not in members:
        return None
    vector: Float32Vector = float32_rows([members["queryVector"]["float32"]])[0]
    if problem := vector_problem(index, vector):
        detail = f"Invalid input: {problem}" if problem == ZERO_NORM else BAD_VECTOR
        raise invalid(BAD_VECTOR, path="vector", field_message=detail)
    return vector


def _query_texts(index: Index, members: Document, now: float) -> list[TextQuery]:
    """Return the texts to search for, each under a different searchable key. Error texts are inferred."""
    queries = members.get("queryTexts", [])
    if len({each["metadataKey"] for each in queries}) < len(queries):
        raise _invalid_texts("must not contain a metadata key more than once")
    for each in queries:
        configuration = index.text_configurations.get(each["metadataKey"])
        if configuration is None:
            raise _invalid_texts(f"names '{each['metadataKey']}', which has no text search configuration")
        if not is_active(configuration, now):
            raise _invalid_texts(
                f"names '{each['metadataKey']}', whose text search configuration is BUILDING"
            )
    return [TextQuery(each["metadataKey"], each["text"]) for each in queries]


def _invalid_texts(problem: str) -> ApiError:
    return invalid(f"queryTexts {problem}", path="queryTexts")


def _filter_rows(state: State, index: Index, members: Document, mode: str) -> Rows | None:
    """Return the rows that pass the filter; None without a filter."""
    if "filter" not in members:
        return None
    filter_ = parse_filter(
        members["filter"],
        non_filterable=index.non_filterable,
        ne_matches_absent=state.behaviour.ne_matches_absent,
        classic=mode == CLASSIC,
    )
    return np.flatnonzero(filter_.select(index.table))


def _search(state: State, index: Index, request: SearchRequest, top_k: int) -> Hits:
    if request.vector is None:
        return search_texts(index, request, top_k=top_k)
    if not request.texts:
        return search_vectors(index, request, top_k=top_k)
    return search_hybrid(index, request, top_k=top_k, depth=max(top_k, state.behaviour.hybrid_depth))


def _query_id(index: Index, members: Document) -> bytes:
    """Return the id of the query. Later pages must repeat it; the returned members may differ."""
    identity = {name: members.get(name) for name in QUERY_MEMBERS}
    return scope_id(index.arn, index.serial, orjson.dumps(identity, option=orjson.OPT_SORT_KEYS))


def _store_snapshot(state: State, index: Index, hits: Hits, query: bytes, now: float) -> bytes:
    """Store results that need further pages, and return the scope id of their tokens."""
    if len(hits) <= QUERY_PAGE_MAX:
        return b""
    # The sizes of rows include the vectors, which a snapshot does not keep.
    vectors_bytes = FLOAT32_BYTES * index.dimension * len(hits)
    stored_bytes = int(index.table.sizes[index.table.find_rows(hits.keys)].sum()) - vectors_bytes
    return state.snapshots.add(Snapshot(query, now, hits, stored_bytes), serial=state.serial)


def _read_token(token: str) -> tuple[bytes, int]:
    scope, offset = decode_token(token)
    if len(scope) != SCOPE_ID_BYTES or len(offset) != OFFSET_BYTES:
        raise invalid_token()
    return scope, int.from_bytes(offset)


def _format_page(index: Index, hits: Hits, start: int, scope: bytes, members: Document) -> Document:
    stop = start + QUERY_PAGE_MAX
    vectors = _format_hits(hits.slice(start, stop), members)
    page: Document = {"vectors": vectors, "distanceMetric": index.metric}
    if stop < len(hits):
        page["nextToken"] = encode_token(scope, stop.to_bytes(OFFSET_BYTES))
    return page


def _format_hits(hits: Hits, members: Document) -> list[Document]:
    entries: list[Document] = [{"key": key} for key in hits.keys]
    if members.get("returnDistance"):
        for entry, distance in zip(entries, hits.distances, strict=True):
            if distance is not None:
                entry["distance"] = distance
    if members.get("returnScores"):
        for entry, scores in zip(entries, hits.scores, strict=True):
            if scores:
                entry["scores"] = scores
    if members.get("returnMetadata"):
        for entry, metadata in zip(entries, hits.metadata, strict=True):
            entry["metadata"] = metadata or {}
    return entries
