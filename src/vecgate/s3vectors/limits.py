"""The service's limits.

Bounds that the service model states are read from it. The others are constants with source and date; "the
guide" is https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html (read 2026-11-24).
"""

from __future__ import annotations

from vecgate.s3vectors.model import constraint

KIB = 1024
MIB = 1024 * KIB

VECTORS_PER_PUT_MAX = constraint("PutVectorsInputList", "max")
KEYS_PER_DELETE_MAX = constraint("DeleteVectorsInputList", "max")
KEYS_PER_GET_MAX = constraint("GetVectorsInputList", "max")
LIST_PAGE_MAX = constraint("ListVectorsMaxResults", "max")
SEGMENTS_MAX = constraint("ListVectorsSegmentCount", "max")
DIMENSION_MAX = constraint("Dimension", "max")
#: Characters. The same number also limits the UTF-8 bytes, which the model does not state (observed 2026-09).
KEY_LENGTH_MAX = constraint("VectorKey", "max")
NON_FILTERABLE_KEYS_MAX = constraint("NonFilterableMetadataKeys", "max")
NON_FILTERABLE_KEY_LENGTH_MAX = constraint("MetadataKey", "max")

#: Largest request body, inclusive: 20,971,520 bytes are accepted, one more is rejected (observed 2026-09).
PAYLOAD_BYTES_MAX = 20 * MIB
#: Vector buckets of an account in a region. (The guide.)
BUCKETS_MAX = 10_000
#: topK. The model gives only the lower bound. (The guide; 30 in preview, 100 until 2026-06-16.)
TOP_K_MAX = 10_000
#: Results on one page of QueryVectors. (The guide, since 2026-06-16.)
QUERY_PAGE_MAX = 100
#: Vectors on a page of ListVectors without maxResults. (API reference of ListVectors.)
LIST_PAGE_DEFAULT = 500
#: A page of ListVectors also ends after this many bytes are processed. (API reference of ListVectors.)
LIST_PAGE_BYTES_MAX = 1 * MIB
#: Metadata keys of one vector. (The guide; 10 in preview.)
METADATA_KEYS_MAX = 50
#: All metadata of a vector, measured as in `metadata`. (The guide; exact bytes observed 2026-09.)
METADATA_BYTES_MAX = 40 * KIB
#: The filterable metadata of a vector, measured likewise.
FILTERABLE_BYTES_MAX = 2 * KIB
#: Constraints in one filter on an ENHANCED index. (The guide, since 2026-09-30.)
FILTER_CONSTRAINTS_MAX = 100
#: Documented limit of put and delete requests per second on one index. Bursts far above it were observed to
#: succeed.
WRITE_REQUESTS_PER_S = 1_000
#: Documented limit of vectors put or deleted per second on one index. Bursts far above it were observed to
#: succeed.
WRITE_VECTORS_PER_S = 2_500
