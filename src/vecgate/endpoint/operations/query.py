"""QueryVectors: what is asked for, and its pages.

A page holds at most 100 results. Where more are found, all of them are kept as they were, and later pages are
read from there: no write shows between pages.
"""

from __future__ import annotations

import numpy as np
import orjson

from vecgate.endpoint.addressing import find_index
from vecgate.endpoint.answers import Refused, invalid
from vecgate.endpoint.decoding import float32_rows
from vecgate.endpoint.filters import parse_filter
from vecgate.endpoint.operations.metadata_configuration import is_active
from vecgate.endpoint.operations.modes import CLASSIC, ENHANCED
from vecgate.endpoint.operations.ranking import TextQuery, Wanted, hybrid_hits, text_hits, vector_hits
from vecgate.endpoint.operations.records import ZERO_NORM, vector_problem
from vecgate.endpoint.search import Rows
from vecgate.endpoint.snapshots import Hits, Snapshot
from vecgate.endpoint.state import Index, State
from vecgate.endpoint.table import Float32Vector
from vecgate.endpoint.tokens import MARK_BYTES, invalid_token, mark_of, token_of, token_parts
from vecgate.endpoint.validation import Document, refuse_broken, violation
from vecgate.s3vectors.limits import QUERY_PAGE_MAX, TOP_K_MAX

BAD_VECTOR = "Query vector contains invalid values or is invalid for this index"
OFFSET_BYTES = 4
#: Members that make a query what it is; the others say what to show of its results.
ASKED = ("topK", "filter", "queryMode", "queryVector", "queryTexts")


def query_vectors(state: State, members: Document, now: float) -> Document:
    """The model bounds topK only from below; the text for its ceiling is inferred."""
    if members["topK"] > TOP_K_MAX:
        refuse_broken(iter([violation("/topK", f"be between 1 and {TOP_K_MAX}, inclusive")]))
    index = find_index(state, members)
    mode = _mode(index, members)
    if "queryVector" not in members and "queryTexts" not in members:
        raise invalid("Must specify queryVector, queryTexts or both")
    wanted = Wanted(
        vector=_query_vector(index, members),
        texts=_query_texts(index, members, now),
        among=_among(state, index, members, mode),
    )
    query = _mark(index, members)
    if "nextToken" in members:
        mark, start = _position(members["nextToken"])
        hits = state.snapshots.find(mark, query=query, now=now).hits
    else:
        hits, start = _search(state, index, wanted, members["topK"]), 0
        mark = _keep(state, Snapshot(query, now, hits))
    return _page(index, hits, start, mark, members)


def _mode(index: Index, members: Document) -> str:
    """How the query is to be processed."""
    mode: str = members.get("queryMode", index.mode)
    if mode == CLASSIC and index.mode == ENHANCED:
        raise invalid("queryMode cannot be CLASSIC when indexMode is ENHANCED")
    return mode


def _query_vector(index: Index, members: Document) -> Float32Vector | None:
    """The query vector, rounded to float32 before it is judged."""
    if "queryVector" not in members:
        return None
    vector: Float32Vector = float32_rows([members["queryVector"]["float32"]])[0]
    if problem := vector_problem(index, vector):
        detail = f"Invalid input: {problem}" if problem == ZERO_NORM else BAD_VECTOR
        raise invalid(BAD_VECTOR, path="vector", field_message=detail)
    return vector


def _query_texts(index: Index, members: Document, now: float) -> list[TextQuery]:
    """The texts to look for, each under a key of its own that is searchable. Texts of errors are inferred."""
    asked = members.get("queryTexts", [])
    if len({each["metadataKey"] for each in asked}) < len(asked):
        raise _bad_texts("must not contain a metadata key more than once")
    for each in asked:
        configuration = index.text_configurations.get(each["metadataKey"])
        if configuration is None:
            raise _bad_texts(f"names '{each['metadataKey']}', which has no text search configuration")
        if not is_active(configuration, now):
            raise _bad_texts(f"names '{each['metadataKey']}', whose text search configuration is BUILDING")
    return [TextQuery(each["metadataKey"], each["text"]) for each in asked]


def _bad_texts(problem: str) -> Refused:
    return invalid(f"queryTexts {problem}", path="queryTexts")


def _among(state: State, index: Index, members: Document, mode: str) -> Rows | None:
    """The rows that the filter lets through, None for all."""
    if "filter" not in members:
        return None
    filter_ = parse_filter(
        members["filter"],
        non_filterable=index.non_filterable,
        absent_differs=state.behaviour.absent_differs,
        classic=mode == CLASSIC,
    )
    return np.flatnonzero(filter_.select(index.table))


def _search(state: State, index: Index, wanted: Wanted, top_k: int) -> Hits:
    if wanted.vector is None:
        return text_hits(index, wanted, top_k=top_k)
    if not wanted.texts:
        return vector_hits(index, wanted, top_k=top_k)
    return hybrid_hits(index, wanted, top_k=top_k, depth=max(top_k, state.behaviour.hybrid_depth))


def _mark(index: Index, members: Document) -> bytes:
    """Stands for the query: a later page must ask the same of the same index. What it returns may differ."""
    same = {name: members.get(name) for name in ASKED}
    return mark_of(index.arn, index.serial, orjson.dumps(same, option=orjson.OPT_SORT_KEYS))


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
        for one, distance in zip(shown, hits.distances, strict=True):
            if distance is not None:
                one["distance"] = distance
    if members.get("returnScores"):
        for one, scores in zip(shown, hits.scores, strict=True):
            if scores:
                one["scores"] = scores
    if members.get("returnMetadata"):
        for one, metadata in zip(shown, hits.metadata, strict=True):
            one["metadata"] = metadata or {}
    return shown
