"""What Amazon charges for requests.

US East (N. Virginia), https://aws.amazon.com/s3/pricing/ (price feed of 2026-09-28, read 2026-10-02). Storage
and the data that queries process and return come to little for tests, and are not counted here.
"""

from __future__ import annotations

from collections.abc import Mapping

PRICES_READ = "2026-10-02"
GB = 10**9

PUT_USD_PER_GB = 0.20
#: Charged for each PutVectors at least, however small.
PUT_BYTES_MIN = 128 * 1024
QUERY_USD_PER_MILLION = 2.50
OTHER_USD_PER_THOUSAND = 0.055


def requests_usd(requests: Mapping[str, int], *, put_bytes: int = 0) -> float:
    """What *requests*, a number by operation, cost; *put_bytes* are those of all PutVectors together."""
    puts, queries = requests.get("PutVectors", 0), requests.get("QueryVectors", 0)
    others = sum(requests.values()) - puts - queries
    return (
        max(put_bytes, puts * PUT_BYTES_MIN) / GB * PUT_USD_PER_GB
        + queries / 1e6 * QUERY_USD_PER_MILLION
        + others / 1e3 * OTHER_USD_PER_THOUSAND
    )
