"""Request bodies, joined from vectors that were written as JSON beforehand.

Writing the digits of 500 × 1,024 floats takes 9 ms, which a load generator would miss; joining them takes a
tenth of that, and only the hash of the body is left.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import orjson

from vecgate.bulk.encoding import Body, encode_request
from vecgate.load.data import Pool, filter_of
from vecgate.load.specs import QUERIES, Scenario
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.metadata import metadata_bytes

KEY_BYTES = 11


class Bodies:
    """The bodies for one index: of record *first* on, of query *number*.

    A record's key is `v` and its number in ten digits, which says its row in the pool too.
    """

    def __init__(self, address: IndexAddress, scenario: Scenario, pool: Pool) -> None:
        self._address, self._scenario = address, scenario
        members = orjson.dumps(address.members())
        self._head = members[:-1] + b',"vectors":['
        # A vector as it stands in a PutVectors, from behind its key on.
        rows = range(len(pool)) if "PutVectors" in scenario.operations else range(0)
        self._tails = [_tail(pool, row) for row in rows]
        self._stored = [_stored_bytes(pool, row) for row in rows]
        queries = pool.queries(QUERIES, seed=scenario.seed)
        self._plain = [self._query_body(row, {}) for row in queries]
        self._filtered = [
            self._query_body(row, {"filter": filter_of(number)}) for number, row in enumerate(queries)
        ]
        self.queries = queries

    def put(self, records: Iterable[int]) -> Body:
        """PutVectors of *records*."""
        tails, size = self._tails, len(self._tails)
        vectors = (b'{"key":"v%010d"%b' % (record, tails[record % size]) for record in records)
        return Body.of(self._head + b",".join(vectors) + b"]}")

    def stored_bytes(self, records: Iterable[int]) -> int:
        """What *records* come to as Amazon counts them: keys, float32 values, metadata."""
        stored, size = self._stored, len(self._stored)
        return sum(stored[record % size] for record in records)

    def query(self, number: int, *, filtered: bool) -> Body:
        """QueryVectors number *number*, of QUERIES distinct ones."""
        return (self._filtered if filtered else self._plain)[number % QUERIES]

    def get(self, records: Iterable[int]) -> Body:
        """GetVectors of *records*."""
        keys = [key_of(record) for record in records]
        return encode_request(self._address, keys=keys, returnData=True, returnMetadata=True)

    def listing(self) -> Body:
        """ListVectors, the first page."""
        return encode_request(self._address, maxResults=100, returnData=False)

    def delete(self, records: Iterable[int]) -> Body:
        """DeleteVectors of *records*."""
        return encode_request(self._address, keys=[key_of(record) for record in records])

    def _query_body(self, row: object, members: dict[str, object]) -> Body:
        asked = self._scenario.query
        return encode_request(
            self._address,
            queryVector={"float32": row},
            topK=asked.top_k,
            returnDistance=True,
            returnMetadata=asked.return_metadata,
            **members,
        )


def key_of(record: int) -> str:
    """The key of a record."""
    return f"v{record:010d}"


def record_of(key: str) -> int:
    """The number of the record with that *key*."""
    return int(key[1:])


def spread_over(record: int, count: int, total: int) -> list[int]:
    """*count* different records below *total*, fewer where there are not so many, drawn by *record*."""
    if total <= 0:
        return []
    step = max(1, total // max(1, count))
    start = record * 7_919 % total
    picked = itertools.islice(((start + at * step) % total for at in range(total)), min(count, total))
    return list(dict.fromkeys(picked))


def _stored_bytes(pool: Pool, row: int) -> int:
    metadata = pool.metadata[row]
    return KEY_BYTES + 4 * pool.dimension + (metadata_bytes(metadata) if metadata is not None else 0)


def _tail(pool: Pool, row: int) -> bytes:
    data = orjson.dumps({"float32": pool.vectors[row]}, option=orjson.OPT_SERIALIZE_NUMPY)
    metadata = pool.metadata[row]
    told = b"" if metadata is None else b',"metadata":' + orjson.dumps(metadata)
    return b',"data":' + data + told + b"}"
