"""Amazon's prices of requests.

US East (N. Virginia), https://aws.amazon.com/s3/pricing/ (price feed of 2026-09-28, read 2026-10-02). Storage
and the data that queries return cost little in tests and are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

PRICES_READ = "2026-10-02"
#: The source of prices, for reports. A run on another target is priced as if it had run on AWS.
PRICE_SOURCE = f"by Amazon's prices for requests, us-east-1, read {PRICES_READ}"
#: S3 bills binary units: "1 GB is 2^30 bytes". https://aws.amazon.com/s3/faqs/
GB = 2**30
TB = 2**40

PUT_USD_PER_GB = 0.20
#: Minimum charge of a PutVectors request.
PUT_BYTES_MIN = 128 * 1024
QUERY_USD_PER_MILLION = 2.50
#: Price of the data that a query processes: (vectors in the tier, USD per TB).
QUERY_TIERS: tuple[tuple[float, float], ...] = ((100_000, 0.004), (9_900_000, 0.002), (inf, 0.0004))
OTHER_USD_PER_THOUSAND = 0.055


def requests_usd(requests: Mapping[str, int], *, put_bytes: int = 0) -> float:
    """Return the price of *requests*, by operation. *put_bytes* are those of all PutVectors requests
    together.
    """
    puts, queries = requests.get("PutVectors", 0), requests.get("QueryVectors", 0)
    others = sum(requests.values()) - puts - queries
    return (
        max(put_bytes, puts * PUT_BYTES_MIN) / GB * PUT_USD_PER_GB
        + queries / 1e6 * QUERY_USD_PER_MILLION
        + others / 1e3 * OTHER_USD_PER_THOUSAND
    )


def processed_usd(queries: int, *, vectors: int, vector_bytes: float) -> float:
    """Return the price of the data that *queries* process in an index of *vectors*.

    *vector_bytes* is the average size of a vector with its key and its filterable metadata.
    """
    usd_per_byte, remaining = 0.0, float(vectors)
    for tier, usd_per_tb in QUERY_TIERS:
        usd_per_byte += min(remaining, tier) * usd_per_tb / TB
        remaining = max(0.0, remaining - tier)
    return queries * vector_bytes * usd_per_byte
