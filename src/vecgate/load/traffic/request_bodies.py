"""Request bodies, joined from vectors that are encoded as JSON before the schedule begins.

Encoding 500 × 1,024 floats takes 9 ms, in which a load generator would miss arrivals. Joining encoded vectors
takes a tenth of that; then only the hash of the body remains.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import orjson

from vecgate.bulk.core.body_encoding import Body, encode_request
from vecgate.load.scenario.scenario_spec import QUERIES, Scenario
from vecgate.load.traffic.query_set import QuerySet
from vecgate.load.traffic.vector_pool import VectorPool, build_filter
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.metadata import metadata_bytes

KEY_BYTES = 11
#: Keys that a ListVectors asks for.
LIST_KEYS = 100


class RequestBodies:
    """Builds the request bodies for one index.

    The key of a record is `v` and its number in ten digits; the number also determines its row in the pool.

    query_set  the query vectors; by default near vectors of the pool
    """

    def __init__(
        self, address: IndexAddress, scenario: Scenario, pool: VectorPool, query_set: QuerySet | None = None
    ) -> None:
        self._address, self._scenario = address, scenario
        members = orjson.dumps(address.members())
        self._head = members[:-1] + b',"vectors":['
        # The JSON of each vector in a PutVectors, starting after its key.
        rows = range(len(pool)) if "PutVectors" in scenario.operations else range(0)
        self._tails = [_encode_tail(pool, row) for row in rows]
        self._stored = [_stored_bytes(pool, row) for row in rows]
        self.query_set: QuerySet = query_set or QuerySet(pool.queries(QUERIES, seed=scenario.seed))
        # Those that are sent: a file may have thousands of queries, and a run may send a few.
        self._queries: dict[tuple[int, bool], Body] = {}
        if len(self.query_set) <= QUERIES and "QueryVectors" in scenario.operations:
            for number in range(len(self.query_set)):
                self.query(number, filtered=False)
                self.query(number, filtered=True)

    def put(self, records: Iterable[int]) -> Body:
        """Return the body of a PutVectors with *records*."""
        tails, size = self._tails, len(self._tails)
        vectors = (b'{"key":"v%010d"%b' % (record, tails[record % size]) for record in records)
        return Body.of(self._head + b",".join(vectors) + b"]}")

    def stored_bytes(self, records: Iterable[int]) -> int:
        """Return the size of *records* as AWS counts it: keys, float32 values and metadata."""
        stored, size = self._stored, len(self._stored)
        return sum(stored[record % size] for record in records)

    def query(self, arrival: int, *, filtered: bool) -> Body:
        """Return the body of the QueryVectors of *arrival*."""
        row = self.query_set.row_of(arrival)
        if (row, filtered) not in self._queries:
            members: dict[str, object] = {"filter": build_filter(row)} if filtered else {}
            self._queries[row, filtered] = self._query_body(self.query_set.vectors[row], members)
        return self._queries[row, filtered]

    def get(self, records: Iterable[int]) -> Body:
        """Return the body of a GetVectors for *records*."""
        keys = [record_key(record) for record in records]
        return encode_request(self._address, keys=keys, returnData=True, returnMetadata=True)

    def listing(self) -> Body:
        """Return the body of a ListVectors for the first page."""
        return encode_request(self._address, maxResults=LIST_KEYS, returnData=False)

    def delete(self, records: Iterable[int]) -> Body:
        """Return the body of a DeleteVectors for *records*."""
        return encode_request(self._address, keys=[record_key(record) for record in records])

    def _query_body(self, row: object, members: dict[str, object]) -> Body:
        query = self._scenario.query
        return encode_request(
            self._address,
            queryVector={"float32": row},
            topK=query.top_k,
            returnDistance=True,
            returnMetadata=query.return_metadata,
            **members,
        )


def record_key(record: int) -> str:
    """Return the key of a record."""
    return f"v{record:010d}"


def record_number(key: str) -> int:
    """Return the number of the record with *key*."""
    return int(key[1:])


def pick_records(arrival: int, count: int, total: int) -> list[int]:
    """Return *count* distinct records below *total*, or all if there are fewer, determined by *arrival*."""
    if total <= 0:
        return []
    step = max(1, total // max(1, count))
    start = arrival * 7_919 % total
    picked = itertools.islice(((start + at * step) % total for at in range(total)), min(count, total))
    return list(dict.fromkeys(picked))


def _stored_bytes(pool: VectorPool, row: int) -> int:
    metadata = pool.metadata[row]
    return KEY_BYTES + 4 * pool.dimension + (metadata_bytes(metadata) if metadata is not None else 0)


def _encode_tail(pool: VectorPool, row: int) -> bytes:
    data = orjson.dumps({"float32": pool.vectors[row]}, option=orjson.OPT_SERIALIZE_NUMPY)
    metadata = pool.metadata[row]
    members = b"" if metadata is None else b',"metadata":' + orjson.dumps(metadata)
    return b',"data":' + data + members + b"}"
