"""The way back: many vectors by key, a whole index in parallel, the nearest ones. All as float32 matrices."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Event, Thread
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from vecgate.bulk.calls import Pause, call
from vecgate.bulk.decoding import QueryResult, Vectors, decode_hits, decode_vectors, new_parser
from vecgate.bulk.encoding import Body, encode_request
from vecgate.bulk.retry import RetryPolicy
from vecgate.bulk.wire import Boto3Sender, Sender
from vecgate.errors import ConfigError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.limits import KEYS_PER_GET_MAX, LIST_PAGE_MAX, SEGMENTS_MAX

__all__ = ["BulkReader", "QueryResult", "Vectors"]

Page = TypeVar("Page")


class BulkReader:
    """Reads from one index; safe to share between threads.

    via       a boto3 `s3vectors` client, or a `Sender`
    bucket    name of the vector bucket, needed unless *index* is an ARN
    index     name or ARN
    retry     how long to insist on a request that may succeed later
    parallel  requests of `get` in flight at most
    pause     waits so many seconds
    """

    def __init__(
        self,
        via: Any,  # noqa: ANN401 - boto3 makes its client classes when it runs
        *,
        bucket: str = "",
        index: str = "",
        retry: RetryPolicy | None = None,
        parallel: int = 4,
        pause: Pause = time.sleep,
    ) -> None:
        self._sender: Sender = via if hasattr(via, "send") else Boto3Sender(via)
        self._address = IndexAddress.parse(bucket=bucket, index=index)
        self._retry, self._parallel, self._pause = retry or RetryPolicy(), parallel, pause

    def get(self, keys: Sequence[str], *, data: bool = True, metadata: bool = True) -> Vectors:
        """The vectors stored under *keys*, any number of them, in their order; what is not stored is in
        `absent`.

        Raises ServiceError, TransportError, ProtocolError, NoCredentials.
        """
        wanted = list(dict.fromkeys(keys))
        chunks = [wanted[at : at + KEYS_PER_GET_MAX] for at in range(0, len(wanted), KEYS_PER_GET_MAX)]
        with ThreadPoolExecutor(max(1, min(self._parallel, len(chunks)))) as pool:
            pages = list(pool.map(lambda chunk: self._get(chunk, data=data, metadata=metadata), chunks))
        return _in_order(keys, pages)

    def scan(self, segments: int = 4, *, data: bool = True, metadata: bool = True) -> Iterator[Vectors]:
        """Every vector of the index, page by page as the pages come, *segments* of them in parallel.

        At most two pages for each segment are in memory. Closing the iterator ends the threads once the
        requests in flight are answered. Raises what `get` raises.
        """
        if not 1 <= segments <= SEGMENTS_MAX:
            raise ConfigError(f"{segments} segments were asked for; 1 to {SEGMENTS_MAX} are allowed")
        members = {"maxResults": LIST_PAGE_MAX, "returnData": data, "returnMetadata": metadata}
        return self._merged([
            {**members, "segmentCount": segments, "segmentIndex": index} for index in range(segments)
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
        """The *top_k* nearest to *vector*, nearest first, from as many pages as that takes.

        Raises what `get` raises, and ConfigError where *vector* is not finite.
        """
        members: dict[str, object] = {
            "queryVector": {"float32": _float32(vector)},
            "topK": top_k,
            "returnMetadata": metadata,
            "returnDistance": distance,
        }
        if filter is not None:
            members["filter"] = filter
        return _joined(list(self._pages("QueryVectors", members, decode_hits, self._pause)))

    def _get(self, keys: Sequence[str], *, data: bool, metadata: bool) -> Vectors:
        members = {"keys": keys, "returnData": data, "returnMetadata": metadata}
        body = _body(self._address, members)
        return decode_vectors(self._send("GetVectors", body, self._pause), new_parser())[0]

    def _merged(self, segments: Sequence[Mapping[str, object]]) -> Iterator[Vectors]:
        pages: Queue[Vectors | Exception | None] = Queue(len(segments))
        stop, live = Event(), len(segments)
        # Daemons: an iterator that nobody finishes must not keep the process from ending.
        threads = [
            Thread(target=self._fill, args=(pages, stop, members), daemon=True) for members in segments
        ]
        for thread in threads:
            thread.start()
        try:
            while live:
                page = pages.get()
                if isinstance(page, Exception):
                    raise page
                if page is None:
                    live -= 1
                else:
                    yield page
        finally:
            stop.set()
            while live:
                live -= pages.get() is None
            for thread in threads:
                thread.join()

    def _fill(
        self, pages: Queue[Vectors | Exception | None], stop: Event, members: Mapping[str, object]
    ) -> None:
        parser = new_parser()
        try:
            for page in self._pages(
                "ListVectors", members, lambda body: decode_vectors(body, parser), stop.wait
            ):
                pages.put(page)
                if stop.is_set():
                    break
        except Exception as error:  # noqa: BLE001 - raised again where the pages are read
            pages.put(error)
        finally:
            pages.put(None)

    def _pages(
        self,
        operation: str,
        members: Mapping[str, object],
        decode: Callable[[bytes], tuple[Page, str]],
        pause: Pause,
    ) -> Iterator[Page]:
        page, token = decode(self._send(operation, _body(self._address, members), pause))
        yield page
        while token:
            body = _body(self._address, {**members, "nextToken": token})
            page, token = decode(self._send(operation, body, pause))
            yield page

    def _send(self, operation: str, body: Body, pause: Pause) -> bytes:
        return call(self._sender, operation, body, policy=self._retry, wait=pause)


def _body(address: IndexAddress, members: Mapping[str, object]) -> Body:
    try:
        return encode_request(address, **members)
    except TypeError as error:  # what orjson raises
        raise ConfigError(f"the request cannot be written as JSON: {error}") from error


def _float32(vector: Sequence[float] | npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        row = np.asarray(vector, np.float32)
    if row.ndim != 1 or not np.isfinite(row).all():
        raise ConfigError("the query vector must be one row of finite float32 numbers")
    return row


def _in_order(keys: Sequence[str], pages: Sequence[Vectors]) -> Vectors:
    found = [key for page in pages for key in page.keys]
    metadata = [document for page in pages for document in page.metadata]
    matrices = [page.vectors for page in pages if page.vectors is not None]
    row_of = {key: row for row, key in enumerate(found)}
    rows = [row_of[key] for key in keys if key in row_of]
    return Vectors(
        keys=[found[row] for row in rows],
        vectors=np.concatenate(matrices)[rows] if matrices else None,
        metadata=[metadata[row] for row in rows],
        absent=[key for key in dict.fromkeys(keys) if key not in row_of],
    )


def _joined(pages: Sequence[QueryResult]) -> QueryResult:
    distances = [page.distances for page in pages if page.distances is not None]
    return QueryResult(
        keys=[key for page in pages for key in page.keys],
        distances=np.concatenate(distances) if distances else None,
        metadata=[document for page in pages for document in page.metadata],
        metric=pages[0].metric,
    )
