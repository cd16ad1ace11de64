"""Handles to a bucket and to an index: their addresses, and the calls that tests make most."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from botocore import xform_name

from vecgate.s3vectors.limits import KEYS_PER_DELETE_MAX, KEYS_PER_GET_MAX, VECTORS_PER_PUT_MAX

#: More than any list of the service has, which has 10,000 entries at most. A server may never end its pages.
PAGES_MAX = 1_000

Members: TypeAlias = dict[str, Any]
Answer: TypeAlias = dict[str, Any]
#: A record in a test: (key, values), (key, values, metadata), or a member of `vectors` of PutVectors.
Record: TypeAlias = (
    tuple[str, Sequence[float]] | tuple[str, Sequence[float], Mapping[str, Any]] | Mapping[str, Any]
)


def vector(key: str, values: Sequence[float], metadata: Mapping[str, Any] | None = None) -> Members:
    """Return a member of `vectors` of PutVectors."""
    record: Members = {"key": key, "data": {"float32": list(values)}}
    return record if metadata is None else {**record, "metadata": dict(metadata)}


class IndexHandle:
    """An index and the calls that tests make most.

    bucket, name, arn  names of the bucket and of the index, and the ARN of the index
    dimension          of its vectors
    is_removed         the server has answered that it deleted the index
    """

    is_removed: bool

    bucket: str
    name: str
    arn: str
    dimension: int

    def __init__(self, client: Any, bucket: str, name: str, arn: str, dimension: int) -> None:  # noqa: ANN401 - boto3
        self._client, self.is_removed = client, False
        self.bucket, self.name, self.arn, self.dimension = bucket, name, arn, dimension

    @property
    def address(self) -> Members:
        """The request members that address this index."""
        return {"vectorBucketName": self.bucket, "indexName": self.name}

    def call(self, operation: str, **members: Any) -> Answer:  # noqa: ANN401 - members of a request
        """Call *operation* on this index."""
        answer: Answer = getattr(self._client, xform_name(operation))(**self.address, **members)
        return answer

    def put(self, *records: Record) -> None:
        """Write *records*, in as few requests as possible."""
        vectors = [dict(each) if isinstance(each, Mapping) else vector(*each) for each in records]
        for part in _split(vectors, VECTORS_PER_PUT_MAX):
            self.call("PutVectors", vectors=part)

    def get(self, *keys: str, data: bool = True, metadata: bool = True) -> dict[str, Answer]:
        """Return the stored vectors of *keys* by key. A key that is not stored is absent."""
        found: dict[str, Answer] = {}
        for part in _split(list(keys), KEYS_PER_GET_MAX):
            answer = self.call("GetVectors", keys=part, returnData=data, returnMetadata=metadata)
            found.update({each["key"]: each for each in answer["vectors"]})
        return found

    def scan(self, **members: Any) -> list[Answer]:  # noqa: ANN401 - members of a request
        """Return the vectors of all pages."""
        return [each for page in self.pages("ListVectors", **members) for each in page["vectors"]]

    def keys(self) -> set[str]:
        """Return the keys of all vectors."""
        return {each["key"] for each in self.scan()}

    def query(
        self,
        values: Sequence[float] | None = None,
        top_k: int = 10,
        *,
        distance: bool = True,
        metadata: bool = False,
        **members: Any,  # noqa: ANN401 - members of a request
    ) -> list[Answer]:
        """Return the results of all pages, nearest first. *members* are further ones, such as `filter`."""
        if values is not None:
            members["queryVector"] = {"float32": list(values)}
        request = {"topK": top_k, "returnDistance": distance, "returnMetadata": metadata, **members}
        return [each for page in self.pages("QueryVectors", **request) for each in page["vectors"]]

    def found(self, filter_: Mapping[str, Any], top_k: int = 100) -> set[str]:
        """Return the keys of the vectors that match *filter_*."""
        values = [1.0] * self.dimension
        return {each["key"] for each in self.query(values, top_k, filter=filter_, distance=False)}

    def delete(self, *keys: str) -> None:
        """Delete the vectors of *keys*."""
        for part in _split(list(keys), KEYS_PER_DELETE_MAX):
            self.call("DeleteVectors", keys=part)

    def pages(self, operation: str, **members: Any) -> Iterator[Answer]:  # noqa: ANN401 - members of a request
        """Yield the answers of *operation*, page by page. Raises AssertionError if the pages never end."""
        seen: set[str] = set()
        while True:
            page = self.call(operation, **members)
            yield page
            token = page.get("nextToken")
            if not token:
                return
            assert token not in seen, f"{operation} returned the same nextToken twice: the pages never end"
            assert len(seen) < PAGES_MAX, (
                f"{operation} returned more than {PAGES_MAX:,} pages: they never end"
            )
            seen.add(token)
            members["nextToken"] = token

    def remove(self) -> None:
        """Delete the index itself."""
        self.call("DeleteIndex")
        self.is_removed = True


class BucketHandle:
    """A vector bucket: its name, its ARN, and any operation on it."""

    name: str
    arn: str

    def __init__(self, client: Any, name: str, arn: str) -> None:  # noqa: ANN401 - boto3
        self._client, self.name, self.arn = client, name, arn

    @property
    def address(self) -> Members:
        """The request members that address this bucket."""
        return {"vectorBucketName": self.name}

    def call(self, operation: str, **members: Any) -> Answer:  # noqa: ANN401 - members of a request
        """Call *operation* on this bucket."""
        answer: Answer = getattr(self._client, xform_name(operation))(**self.address, **members)
        return answer


MakeBucket: TypeAlias = Callable[..., BucketHandle]
MakeIndex: TypeAlias = Callable[..., IndexHandle]


def _split(items: list[Any], size: int) -> Iterator[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
