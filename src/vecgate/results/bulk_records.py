"""The records of a run of the batch client: its plan, its totals, and what reading back found.

Between the two are `second` records as in a load run. A bulk run has no schedule: nothing is due in its
seconds, and their only latencies are the service times of acknowledged requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec


class BulkPlan(msgspec.Struct, frozen=True, kw_only=True, tag="bulk-plan", tag_field="record"):
    """The plan of a run: its input and its rate limits.

    source          the input file without its folder
    total           records in the input, None if unknown
    dimension       of the vectors; 0 if unknown, or for deletions
    batch_vectors   most vectors per request
    vectors_per_s   highest rate in vectors; *requests_per_s* is the highest rate in requests
    in_flight_max   most requests in flight
    reads_back      the records are read back after the run: without a `BulkVerification` they were not
    """

    operation: Literal["PutVectors", "DeleteVectors"]
    source: str
    total: int | None = None
    dimension: int = 0
    batch_vectors: int
    vectors_per_s: float
    requests_per_s: float
    in_flight_max: int
    reads_back: bool = False


class BulkTotals(msgspec.Struct, frozen=True, kw_only=True, tag="bulk-totals", tag_field="record"):
    """The numbers of records written, rejected and left: acknowledged + rejected + pending = read.

    total            records in the input, None if unknown
    read             records read; *resumed* of them were settled by earlier runs, and are also counted in
                     *acknowledged* or *rejected*
    acknowledged     records that the service accepted; *superseded* of them were never sent, because a later
                     record had the same key
    rejected         records that cannot be written; *reject_causes* counts them by cause
    pending          records read but neither acknowledged nor rejected: a resumed run sends them
    requests         acknowledged requests; *payload_bytes* is the size of their bodies
    retries          requests sent again; *throttles* counts throttled attempts
    failed_attempts  number of failed attempts by error code or kind of failure
    vectors_per_s    acknowledged vectors from the first answer to the last; 0 if there was only one answer
    elapsed_s        from the first record read to the end; *cpu_s* is the processor time of the client
    stopped_by       the error that ended the run early, empty if none did
    interrupted      the run was stopped by the user
    """

    total: int | None = None
    read: int = 0
    acknowledged: int = 0
    rejected: int = 0
    pending: int = 0
    superseded: int = 0
    resumed: int = 0
    requests: int = 0
    payload_bytes: int = 0
    retries: int = 0
    throttles: int = 0
    failed_attempts: Mapping[str, int] = msgspec.field(default_factory=dict)
    reject_causes: Mapping[str, int] = msgspec.field(default_factory=dict)
    vectors_per_s: float = 0.0
    elapsed_s: float = 0.0
    cpu_s: float = 0.0
    stopped_by: str = ""
    interrupted: bool = False

    @property
    def is_complete(self) -> bool:
        """Every record was read, and none is pending."""
        return not (self.pending or self.stopped_by or self.interrupted)


class BulkVerification(
    msgspec.Struct, frozen=True, kw_only=True, tag="bulk-verification", tag_field="record"
):
    """The records of an input, compared with what an index has stored.

    share        of the keys that were compared, selected at random; 1 for all
    read         records read; *rejected* of them cannot be stored, *compared* of them were compared
    missing      keys that the index does not have
    different    keys whose vector or metadata are stored with other values
    extra        keys of the index that the input does not have; None if they were not looked for
    unlisted     keys that the index returns and does not list, so that *extra* is not reliable
    requests     GetVectors requests
    elapsed_s    from the first record read to the end
    stopped_by   the error that ended the comparison early, empty if none did
    interrupted  the comparison was stopped by the user
    """

    share: float = 1.0
    read: int = 0
    rejected: int = 0
    compared: int = 0
    missing: int = 0
    different: int = 0
    extra: int | None = None
    unlisted: int = 0
    requests: int = 0
    elapsed_s: float = 0.0
    stopped_by: str = ""
    interrupted: bool = False
