"""The records of a run of the batch client: what it was to do, and what came of it.

Between them stand records `second` as a load run has them. There is no schedule: nothing is due in them, and
the only latencies are service times, of requests that were taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec


class BulkPlan(msgspec.Struct, frozen=True, kw_only=True, tag="bulk-plan", tag_field="record"):
    """What is to be put or deleted, and how fast at most.

    operation       PutVectors or DeleteVectors
    source          the input, without its folder
    total           records in it, None where unknown
    dimension       of its vectors; 0 where it has none, or does not tell
    batch_vectors   in a request, at most
    vectors_per_s   never more; *requests_per_s*, likewise
    in_flight_max   requests at once
    """

    operation: Literal["PutVectors", "DeleteVectors"]
    source: str
    total: int | None = None
    dimension: int = 0
    batch_vectors: int
    vectors_per_s: float
    requests_per_s: float
    in_flight_max: int


class BulkTotals(msgspec.Struct, frozen=True, kw_only=True, tag="bulk-totals", tag_field="record"):
    """What came of the records: acknowledged + set aside + pending = read.

    total            records in the input, None where unknown
    read             of these, read; *resumed*, settled by earlier runs, which the next two count too
    acknowledged     taken by the service; *superseded* of them never sent, since a later one had the same key
    set_aside        not written; *causes*, why, with their numbers
    pending          neither: to be sent by a resumed run, with what was not read
    requests         that were taken; *payload_bytes*, of their bodies
    retries          requests sent again; *throttles*, attempts that the service throttled
    failed_attempts  by error code or kind of failure
    vectors_per_s    acknowledged from the first answer to the last; 0 where one was enough
    elapsed_s        from the first record read to the end; *cpu_s*, that the client's processor worked
    stopped_by       what ended it early, empty where nothing did; *interrupted*, somebody wanted it to end
    """

    total: int | None = None
    read: int = 0
    acknowledged: int = 0
    set_aside: int = 0
    pending: int = 0
    superseded: int = 0
    resumed: int = 0
    requests: int = 0
    payload_bytes: int = 0
    retries: int = 0
    throttles: int = 0
    failed_attempts: Mapping[str, int] = msgspec.field(default_factory=dict)
    causes: Mapping[str, int] = msgspec.field(default_factory=dict)
    vectors_per_s: float = 0.0
    elapsed_s: float = 0.0
    cpu_s: float = 0.0
    stopped_by: str = ""
    interrupted: bool = False

    @property
    def is_complete(self) -> bool:
        """Everything was read, and nothing is pending."""
        return not (self.pending or self.stopped_by or self.interrupted)
