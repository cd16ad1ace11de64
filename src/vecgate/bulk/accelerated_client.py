"""An accelerated client for type checkers: the types of boto3-stubs, and numpy rows beside lists.

Nothing here exists when a program runs: `accelerate` returns the client that it got.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NotRequired, Protocol, TypeAlias, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from vecgate.bulk.core.record_blocks import Block

if TYPE_CHECKING:
    from mypy_boto3_s3vectors import S3VectorsClient
    from mypy_boto3_s3vectors.literals import IndexModeType
    from mypy_boto3_s3vectors.type_defs import (
        PutInputVectorTypeDef,
        QueryVectorsOutputTypeDef,
        VectorDataUnionTypeDef,
    )
else:
    S3VectorsClient = object

#: The numbers of a vector.
Floats: TypeAlias = (
    Sequence[float | np.floating[Any] | np.integer[Any]] | npt.NDArray[np.floating[Any] | np.integer[Any]]
)


class VectorData(TypedDict):
    """The numbers of a vector, as a member of a request."""

    float32: Floats


class PutVector(TypedDict):
    """A vector of a PutVectors request."""

    key: str
    data: VectorData
    metadata: NotRequired[Mapping[str, Any]]


class PutVectorsArguments(TypedDict):
    """The arguments of `put_vectors`."""

    vectors: Sequence[PutVector | PutInputVectorTypeDef] | Block
    vectorBucketName: NotRequired[str]
    indexName: NotRequired[str]
    indexArn: NotRequired[str]


class QueryVectorsArguments(TypedDict):
    """The arguments of `query_vectors`."""

    topK: int
    queryVector: VectorData | VectorDataUnionTypeDef
    vectorBucketName: NotRequired[str]
    indexName: NotRequired[str]
    indexArn: NotRequired[str]
    filter: NotRequired[Mapping[str, Any]]
    queryMode: NotRequired[IndexModeType]
    returnMetadata: NotRequired[bool]
    returnDistance: NotRequired[bool]
    nextToken: NotRequired[str]


class Boto3Client(Protocol):
    """A client whose calls return their result; those of aiobotocore return an awaitable."""

    @property
    def put_vectors(self) -> Callable[..., dict[str, Any]]:
        """Put vectors."""
        ...


class AcceleratedClient(S3VectorsClient):
    """The `S3VectorsClient` of boto3-stubs, whose vectors may also be rows of numpy, or a `Block`.

    For annotations only: at run time the client is one of boto3.
    """

    if TYPE_CHECKING:

        def put_vectors(self, **kwargs: Unpack[PutVectorsArguments]) -> dict[str, Any]:
            """Put vectors, as boto3 does."""
            ...

        def query_vectors(self, **kwargs: Unpack[QueryVectorsArguments]) -> QueryVectorsOutputTypeDef:
            """Find the nearest vectors, as boto3 does."""
            ...
