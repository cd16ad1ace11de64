"""Public pages, tests and probes that requirements cite as their evidence."""

from __future__ import annotations

_GUIDE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
_MOTO = "https://github.com/getmoto/moto/blob/master/tests/test_s3vectors/"
_S3MOCK = "https://github.com/adobe/S3Mock/blob/main/integration-tests/src/test/kotlin/com/adobe/testing/s3mock/its/vectors/"
_PROBES = "https://github.com/FarukAda/aws-langchain-s3-vector-ts/blob/main/"
_BENCH = "https://github.com/Extraordinarytechy/s3vectors-prefilter-bench/blob/main/"

#: The service model in botocore.
MODEL = "https://github.com/boto/botocore/blob/develop/botocore/data/s3vectors/2025-07-15/service-2.json"
#: The same model as AWS publishes it, with the defaults of members, which botocore leaves out.
SMITHY_MODEL = "https://github.com/aws/aws-sdk-go-v2/blob/main/codegen/sdk-codegen/aws-models/s3vectors.json"
#: Pages of Amazon's user guide, of AWS and of Smithy.
LIMITS = f"{_GUIDE}s3-vectors-limitations.html"
FILTERS = f"{_GUIDE}s3-vectors-metadata-filtering.html"
MODES = f"{_GUIDE}s3-vectors-index-mode.html"
QUERY = f"{_GUIDE}s3-vectors-query.html"
PRACTICES = f"{_GUIDE}s3-vectors-best-practices.html"
LIST = f"{_GUIDE}s3-vectors-list.html"
CREATE_INDEX = f"{_GUIDE}s3-vectors-create-index.html"
INDEXES = f"{_GUIDE}s3-vectors-indexes.html"
VECTORS = f"{_GUIDE}s3-vectors-vectors.html"
BUCKET_NAMES = f"{_GUIDE}s3-vectors-buckets-naming.html"
ENCRYPTION = f"{_GUIDE}s3-vectors-data-encryption.html"
TAGS = f"{_GUIDE}s3-vectors-tags.html"
TEXT_CONFIGURATION = f"{_GUIDE}s3-vectors-configuring-full-text-search.html"
TEXT_INGESTION = f"{_GUIDE}s3-vectors-ingesting-full-text-data.html"
TEXT_QUERIES = f"{_GUIDE}s3-vectors-querying-full-text-and-vector-search.html"
HYBRID = f"{_GUIDE}s3-vectors-hybrid-search.html"
SIGNATURES = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html"
SIGNATURE_ERRORS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html"
REST_JSON = "https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html"
#: Smithy's tests of every implementation of the protocol: malformed bodies are answered with 400.
MALFORMED = "https://github.com/smithy-lang/smithy/tree/main/smithy-aws-protocol-tests/model/restJson1/malformedRequests"
#: Tests that their authors ran against AWS.
MOTO_BUCKETS = f"{_MOTO}test_s3vector_buckets.py"
MOTO_INDEXES = f"{_MOTO}test_s3vector_indexes.py"
MOTO_POLICIES = f"{_MOTO}test_s3vector_policies.py"
MOTO_VECTORS = f"{_MOTO}test_s3vector_vectors.py"
S3MOCK_BUCKETS = f"{_S3MOCK}VectorBucketIT.kt"
S3MOCK_INDEXES = f"{_S3MOCK}VectorIndexIT.kt"
S3MOCK_VECTORS = f"{_S3MOCK}VectorIT.kt"
S3MOCK_QUERIES = f"{_S3MOCK}VectorQueryIT.kt"
S3MOCK_TAGS = f"{_S3MOCK}VectorTaggingIT.kt"
NEIGHBOR = "https://github.com/ankane/neighbor-s3/blob/master/test/index_test.rb"
SUPABASE = "https://github.com/supabase/storage/blob/master/acceptance/specs/vector.test.ts"
SUPABASE_LIMITS = "https://github.com/supabase/storage/blob/master/src/storage/protocols/vector/limits.ts"
#: Published probes of AWS with the recorded answers.
PROBE_CLASSIC = f"{_BENCH}results/aws/probe_classic.json"
PROBE_TABLES = f"{_BENCH}results/processed/tables.md"
PROBE_METHOD = f"{_BENCH}docs/METHODOLOGY.md"
#: A report of AWS's answer to a query without topK, with its request id.
SPRING_TOP_K = "https://github.com/spring-projects/spring-ai/issues/6422"
#: 630 queries of an ENHANCED index, and reads right after writes.
DUVA_SEARCH = "https://github.com/nille/duva/tree/main/spikes/search/harness/s3vectors"
#: A report of AWS's answer to an index name with wrong characters.
SPICE_INDEX_NAME = "https://github.com/spiceai/docs/issues/2077"
PROBE_CHANGES = f"{_PROBES}CHANGELOG.md"


def api(operation: str) -> str:
    """Return the page of *operation* in Amazon's API reference."""
    return f"https://docs.aws.amazon.com/AmazonS3/latest/API/API_S3VectorBuckets_{operation}.html"


def probe(name: str) -> str:
    """Return the page of a probe with its recorded answers, such as `filter-validation`."""
    return f"{_PROBES}docs/evidence/{name}.md"
