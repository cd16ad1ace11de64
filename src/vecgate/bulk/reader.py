"""Reads vectors by key, a whole index in parallel, and nearest neighbours, as float32 matrices."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from itertools import chain, count
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from vecgate.background import POLL_S, BackgroundCall, cancel_all, map_on_threads, new_queue
from vecgate.bulk.core.argument_types import check_instance, check_integer, text_list
from vecgate.bulk.core.body_encoding import Body, encode_request
from vecgate.bulk.core.response_decoding import (
    WRONG_RESPONSE_HINT,
    Parser,
    QueryResult,
    Vectors,
    decode_hits,
    decode_vectors,
    new_parser,
)
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.sources.in_memory.arrays import as_array
from vecgate.bulk.transport.retried_call import Pause, call_with_retries
from vecgate.bulk.transport.sender import Boto3Sender, Sender
from vecgate.errors import ConfigError, ProtocolError, ServiceError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.limits import KEYS_PER_GET_MAX, LIST_PAGE_MAX, MIB, SEGMENTS_MAX, TOP_K_MAX

__all__ = ["BulkReader", "QueryResult", "ScanPage", "Vectors"]

Page = TypeVar("Page", Vectors, QueryResult)

PARALLEL_MAX = 256
#: Idle parsers that are kept, and the longest response after which one is: its memory is a multiple of that.
PARSERS_KEPT = 8
PARSER_BYTES_MAX = 8 * MIB
#: When a scan is closed, its requests in flight get this long.
CLOSE_WAIT_S = 30.0
#: Pages without a vector, one after the other. A segment with few vectors may have some.
EMPTY_PAGES_MAX = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class ScanPage:
    """A page of one segment of a scan.

    segment     number of the segment, from 0
    vectors     of the page
    token       of the next page of this segment; empty on its last page
    is_restart  the service refused the token with which the segment was to continue, and this is its first
    """

    segment: int
    vectors: Vectors
    token: str
    is_restart: bool = False


class BulkReader:
    """Reads from one index; safe to share between threads.

    client    a boto3 `s3vectors` client, or a `Sender`
    bucket    name of the vector bucket, needed unless *index* is an ARN
    index     name or ARN
    retry     limits on the attempts of one request
    parallel  requests of `get` in flight at most
    pause     waits the given seconds before a retry
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3 makes its client classes at run time
        *,
        bucket: str = "",
        index: str = "",
        retry: RetryPolicy | None = None,
        parallel: int = 4,
        pause: Pause = time.sleep,
    ) -> None:
        self._sender: Sender = client if hasattr(client, "send") else Boto3Sender(client)
        self._address = IndexAddress.parse(bucket=bucket, index=index)
        check_instance("retry", retry, RetryPolicy, optional=True)
        check_integer("parallel", parallel, 1, PARALLEL_MAX)
        self._retry, self._parallel, self._pause = retry or RetryPolicy(), parallel, pause
        # A deque is safe to share between threads. A parser that is used again has its memory already.
        self._parsers: deque[Parser | None] = deque(maxlen=PARSERS_KEPT)

    def get(self, keys: Sequence[str], *, data: bool = True, metadata: bool = True) -> Vectors:
        """Return the vectors of *keys*, of any number, in their order. Keys that are not stored are in
        `absent`.

        Raises ServiceError, TransportError, ProtocolError, NoCredentials.
        """
        keys = text_list("keys", keys)
        unique = list(dict.fromkeys(keys))
        chunks = [unique[at : at + KEYS_PER_GET_MAX] for at in range(0, len(unique), KEYS_PER_GET_MAX)]
        get = partial(self._get, data=data, metadata=metadata)
        # As `query` does, one request runs here: a new thread costs as much CPU time as decoding its answer.
        pages = (
            [get(chunk) for chunk in chunks]
            if len(chunks) == 1
            else map_on_threads(get, chunks, threads=self._parallel)
        )
        return _order_by_keys(keys, pages)

    def scan(
        self, segments: int = 4, *, data: bool = True, metadata: bool = True
    ) -> Generator[Vectors, None, None]:
        """Yield every vector of the index, page by page as the pages arrive, *segments* of them in parallel.

        Empty pages are left out, so that each has a matrix if *data* is requested.

        At most two pages per segment are in memory. Closing the iterator ends the threads after the responses
        to the requests in flight. Raises what `get` raises.
        """
        return _vectors_of(self.scan_pages(segments, data=data, metadata=metadata))

    def scan_pages(
        self,
        segments: int = 4,
        *,
        data: bool = True,
        metadata: bool = True,
        tokens: Mapping[int, str] | None = None,
    ) -> Generator[ScanPage, None, None]:
        """Yield the pages of `scan`, each with the token that continues its segment.

        tokens  by segment, from the last page that an earlier scan of as many segments read; an empty one
                ends the segment
        """
        check_integer("segments", segments, 1, SEGMENTS_MAX)
        members = {"maxResults": LIST_PAGE_MAX, "returnData": data, "returnMetadata": metadata}
        known = tokens or {}
        return self._merge([
            {
                **members,
                "segmentCount": segments,
                "segmentIndex": index,
                **({"nextToken": known[index]} if index in known else {}),
            }
            for index in range(segments)
            if known.get(index) != ""
        ])  # fmt: skip

    def query(
        self,
        vector: Sequence[float] | npt.NDArray[Any],
        top_k: int,
        *,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the service's own word
        metadata: bool = False,
        distance: bool = True,
    ) -> QueryResult:
        """Return the *top_k* vectors nearest to *vector*, nearest first, from all result pages.

        Raises what `get` raises, and ConfigError if *vector* is not finite.
        """
        check_integer("top_k", top_k, 1, TOP_K_MAX)
        check_instance("filter", filter, Mapping, optional=True)
        members: dict[str, object] = {
            "queryVector": {"float32": _float32(vector)},
            "topK": top_k,
            "returnMetadata": metadata,
            "returnDistance": distance,
        }
        if filter is not None:
            members["filter"] = filter
        pages: list[QueryResult] = []
        for page, _ in self._pages("QueryVectors", members, decode_hits, self._pause):
            pages.append(page)
            _check_hits(pages, top_k, distance=distance)
        return _join(pages)

    def _get(self, keys: Sequence[str], *, data: bool, metadata: bool) -> Vectors:
        members = {"keys": keys, "returnData": data, "returnMetadata": metadata}
        body = _encode(self._address, members)
        page, _ = self._decode(self._send("GetVectors", body, self._pause), data=data)
        if unknown := set(page.keys) - set(keys):
            raise _wrong_response(f"GetVectors returned the key {min(unknown)!r}, which was not requested")
        if len(set(page.keys)) < len(page):
            raise _wrong_response("GetVectors returned a key twice")
        return page

    def _decode(self, body: bytes, *, data: bool) -> tuple[Vectors, str]:
        try:
            parser = self._parsers.pop()
        except IndexError:
            parser = new_parser()
        page, token = decode_vectors(body, parser)
        if len(body) <= PARSER_BYTES_MAX:
            self._parsers.append(parser)
        if data and page.keys and page.vectors is None:
            raise _wrong_response("the response has keys without the vectors that were requested")
        return page, token

    def _merge(self, segments: Sequence[Mapping[str, object]]) -> Generator[ScanPage, None, None]:
        pages, scan = new_queue(), _Scan()
        calls = [BackgroundCall(partial(self._read_segment, pages, scan, members)) for members in segments]
        try:
            for call in calls:
                call.start()
            live, dimensions, firsts = len(calls), set[int](), dict[str, int]()
            while live:
                try:
                    page, free = pages.get(timeout=POLL_S)
                except queue.Empty:
                    for call in calls:
                        call.has_ended()  # starts it again if its thread was lost
                    continue
                if isinstance(page, BaseException):
                    raise page
                if page is None:
                    live -= 1
                else:
                    _check_dimension(page.vectors, dimensions)
                    _check_repetition(page, firsts)
                    yield page
                    free.put(None)
        finally:
            scan.is_closed = True
            cancel_all(calls, CLOSE_WAIT_S)

    def _read_segment(self, pages: Any, scan: _Scan, members: Mapping[str, object]) -> None:  # noqa: ANN401 - as above
        free = new_queue()
        free.put(None)
        try:
            for page in self._segment_pages(members, scan.pause):
                pages.put((page, free))
                if scan.is_closed_before(free):
                    break
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that reads the pages
            pages.put((error, free))
        finally:
            pages.put((None, free))

    def _segment_pages(self, members: Mapping[str, object], pause: Pause) -> Iterator[ScanPage]:
        decode = partial(self._decode, data=bool(members["returnData"]))

        pages, is_restart = self._pages("ListVectors", members, decode, pause), False
        if "nextToken" in members:
            try:
                pages = chain([next(pages)], pages)
            except ServiceError as error:
                if error.status != HTTPStatus.BAD_REQUEST:
                    raise
                # Tokens are not valid for ever.
                members = {name: value for name, value in members.items() if name != "nextToken"}
                pages, is_restart = self._pages("ListVectors", members, decode, pause), True
        segment = members["segmentIndex"]
        assert isinstance(segment, int)
        for page, token in pages:
            yield ScanPage(segment, page, token, is_restart)
            is_restart = False

    def _pages(
        self,
        operation: str,
        members: Mapping[str, object],
        decode: Callable[[bytes], tuple[Page, str]],
        pause: Pause,
    ) -> Iterator[tuple[Page, str]]:
        token, earlier, empty = "", "", 0
        for number in count(1):
            paged = {**members, "nextToken": token} if token else members
            page, token = decode(self._send(operation, _encode(self._address, paged), pause))
            if token and token == earlier:
                raise _wrong_response(f"{operation} returned the same nextToken twice: its pages never end")
            empty = 0 if page.keys else empty + 1
            if token and empty >= EMPTY_PAGES_MAX:
                raise _wrong_response(
                    f"{operation} returned {empty:,} pages without a vector: its pages never end"
                )
            # Brent's algorithm: finds a cycle of any length without keeping every token.
            if number.bit_count() == 1:
                earlier = token
            yield page, token
            if not token:
                return

    def _send(self, operation: str, body: Body, pause: Pause) -> bytes:
        return call_with_retries(self._sender, operation, body, policy=self._retry, pause=pause)


class _Scan:
    """The state that the threads of a scan share. *is_closed* ends them."""

    def __init__(self) -> None:
        self.is_closed = False

    def pause(self, seconds: float) -> bool:
        """Wait *seconds*. Returns true, early, if the scan is closed."""
        until_s = time.monotonic() + seconds
        while not self.is_closed and (remaining_s := until_s - time.monotonic()) > 0:
            time.sleep(min(remaining_s, POLL_S))
        return self.is_closed

    def is_closed_before(self, free: Any) -> bool:  # noqa: ANN401 - see `new_queue`
        """Wait for an item of *free*. Returns true if the scan is closed first."""
        while not self.is_closed:
            with suppress(queue.Empty):
                free.get(timeout=POLL_S)
                return False
        return True


def _vectors_of(pages: Generator[ScanPage, None, None]) -> Generator[Vectors, None, None]:
    with closing(pages):
        for page in pages:
            if page.vectors.keys:
                yield page.vectors


def _encode(address: IndexAddress, members: Mapping[str, object]) -> Body:
    try:
        return encode_request(address, **members)
    except TypeError as error:  # raised by orjson
        raise ConfigError(f"the request cannot be encoded as JSON: {error}") from error


def _float32(vector: Sequence[float] | npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            row = as_array(vector).astype(np.float32)
    except (TypeError, ValueError):
        row = np.empty((0, 0), dtype=np.float32)
    if row.ndim != 1 or not np.isfinite(row).all():
        raise ConfigError("the query vector must be a list of finite float32 numbers")
    return row


def _check_dimension(page: Vectors, dimensions: set[int]) -> None:
    """Add the dimension of *page* to *dimensions*. Raises ProtocolError if it differs from the others."""
    if page.vectors is not None:
        dimensions.add(page.vectors.shape[1])
    if len(dimensions) > 1:
        raise _wrong_response(
            f"vectors of one index have {' and '.join(map(str, sorted(dimensions)))} values"
        )


def _check_repetition(page: ScanPage, firsts: dict[str, int]) -> None:
    """Note the first key of each page, with its segment, in *firsts*.

    Raises ProtocolError if another page began with it. A server that ignores segments returns every vector
    for each of them. One that returns a page twice may have left out another, and counts would not show it.
    """
    if not page.vectors.keys:
        return
    if len(set(page.vectors.keys)) < len(page.vectors):
        raise _wrong_response("ListVectors returned a page with a key twice")
    first = page.vectors.keys[0]
    if first not in firsts:
        firsts[first] = page.segment
    elif firsts[first] == page.segment:
        raise _wrong_response(f"ListVectors returned two pages that begin with the key {first!r}")
    else:
        raise ProtocolError(
            "two segments of ListVectors begin with the same key: the server ignores segments",
            hint="Read the index in one segment, with `--segments 1` where the command has it.",
        )


def _check_hits(pages: Sequence[QueryResult], top_k: int, *, distance: bool) -> None:
    keys = [key for page in pages for key in page.keys]
    if len(keys) > top_k:
        raise _wrong_response(f"QueryVectors returned {len(keys):,} vectors for a topK of {top_k:,}")
    if len(set(keys)) < len(keys):
        raise _wrong_response("QueryVectors returned a key twice")
    if distance and any(page.keys and page.distances is None for page in pages):
        raise _wrong_response("QueryVectors returned vectors without the distances that were requested")


def _wrong_response(problem: str) -> ProtocolError:
    return ProtocolError(problem, hint=WRONG_RESPONSE_HINT)


def _order_by_keys(keys: Sequence[str], pages: Sequence[Vectors]) -> Vectors:
    found = [key for page in pages for key in page.keys]
    metadata = [document for page in pages for document in page.metadata]
    matrices = [page.vectors for page in pages if page.vectors is not None]
    dimensions = set[int]()
    for page in pages:
        _check_dimension(page, dimensions)
    row_of = {key: row for row, key in enumerate(found)}
    rows = [row_of[key] for key in keys if key in row_of]
    vectors = matrices[0] if len(matrices) == 1 else np.concatenate(matrices) if matrices else None
    # Servers usually answer in the order of the request: then nothing is copied.
    if vectors is not None and rows != list(range(len(vectors))):
        vectors = vectors[rows]
    return Vectors(
        keys=[found[row] for row in rows],
        vectors=vectors,
        metadata=[metadata[row] for row in rows],
        absent=[key for key in dict.fromkeys(keys) if key not in row_of],
    )


def _join(pages: Sequence[QueryResult]) -> QueryResult:
    distances = [page.distances for page in pages if page.distances is not None]
    return QueryResult(
        keys=[key for page in pages for key in page.keys],
        distances=np.concatenate(distances) if distances else None,
        metadata=[document for page in pages for document in page.metadata],
        metric=pages[0].metric,
    )
