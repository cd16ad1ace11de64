"""The doorkeeper: who asks, whether that is allowed, what befalls the request, and what is counted.

Every door has one and the same keeper in front of the core. It takes the time as an argument and waits for
nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from vecgate.endpoint.access import Principal, check_access
from vecgate.endpoint.addressing import find_index
from vecgate.endpoint.answers import Answer, Refused
from vecgate.endpoint.core import Admit, request_id_of
from vecgate.endpoint.injection import PRESETS, WAITS, Fault, Injector, Plan
from vecgate.endpoint.latency import LatencyModel
from vecgate.endpoint.metrics import Metrics
from vecgate.endpoint.quotas import READS, WRITES, QuotaLedger, Quotas
from vecgate.endpoint.routing import operation_at
from vecgate.endpoint.sigv4 import SignedRequest, Verifier
from vecgate.endpoint.state import State
from vecgate.endpoint.validation import Document

#: Stands in logs and metrics for what is no operation.
UNKNOWN = "unknown"
#: The text is inferred.
THROTTLED = "Too many requests"


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """How the endpoint treats requests; by default it applies them all, at once.

    principals  who may ask, empty for anyone, unsigned
    quotas      what each index takes, None for anything
    latency     how long an answer takes, None for no time
    plan        the faults to cause
    """

    principals: tuple[Principal, ...] = ()
    quotas: Quotas | None = None
    latency: LatencyModel | None = None
    plan: Plan = PRESETS["off"]

    def seeded(self, seed: int) -> DoorSettings:
        """The same with chance of that *seed*."""
        latency = replace(self.latency, seed=seed) if self.latency else None
        return replace(self, latency=latency, plan=replace(self.plan, seed=seed))


@dataclass(slots=True)
class Visit:
    """One request, as the log and the metrics tell of it.

    number       of the request within its operation, from 1
    principal    who asks, None for anyone
    is_read      whether its body has come, whole
    vectors      how many it would write
    faults       what it meets
    answer       None where none was made
    is_answered  whether the answer was sent, whole
    """

    operation: str
    number: int
    principal: Principal | None = None
    is_read: bool = False
    bytes_in: int = 0
    vectors: int = 0
    faults: Sequence[Fault] = ()
    answer: Answer | None = None
    is_answered: bool = False

    @property
    def outcome(self) -> Fault | None:
        """The fault that decides how it ends, None for none."""
        last = self.faults[-1] if self.faults else None
        return last if last and last.kind not in WAITS else None


@dataclass(slots=True)
class Keeper:
    """Stands before *state* and goes by *settings*."""

    state: State
    settings: DoorSettings = field(default_factory=DoorSettings)
    metrics: Metrics = field(default_factory=Metrics)
    injector: Injector = field(init=False)
    verifier: Verifier | None = field(init=False)
    _ledger: QuotaLedger | None = field(init=False)
    _principals: dict[str, Principal] = field(init=False)
    _numbers: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        principals = self.settings.principals
        self._principals = {each.pair.access_key: each for each in principals}
        pairs = [each.pair for each in principals]
        self.verifier = Verifier(pairs, region=self.state.region) if pairs else None
        self.injector = Injector(self.settings.plan)
        self.forget()

    def forget(self) -> None:
        """Begin the quotas anew."""
        quotas = self.settings.quotas
        self._ledger = QuotaLedger(quotas) if quotas else None

    def visit(self, method: str, path: str) -> Visit:
        """A new request."""
        operation = operation_of(method, path)
        self._numbers[operation] += 1
        self.metrics.in_flight += 1
        return Visit(operation, self._numbers[operation])

    def identify(self, request: SignedRequest, *, now: float) -> Principal | None:
        """Who signed *request*, None where anyone may ask. Raises Refused."""
        if self.verifier is None:
            return None
        return self._principals[self.verifier.access_key_of(request, now=now)]

    def wait_s(self, visit: Visit) -> float:
        """How long a request takes by the latency model."""
        latency = self.settings.latency
        return latency.wait_s(visit.operation, visit.number) if latency else 0.0

    def admit(self, visit: Visit, *, now: float) -> Admit:
        """What the core asks before it runs an operation: may this principal, and has the index room?"""

        def admitted(operation: str, members: Document, vectors: int) -> None:
            visit.vectors = vectors
            if visit.principal:
                check_access(
                    visit.principal, operation, members, region=self.state.region, account=self.state.account
                )
            if self._ledger is not None and operation in WRITES | READS:
                self._charge(self._ledger, operation, members, vectors, now)

        return admitted

    def refusal(self, refused: Refused, *, now: float) -> Answer:
        """The answer to a request that does not get as far as the core."""
        self.state.serial += 1
        return refused.answer(request_id_of(self.state.serial, now))

    def note(self, visit: Visit, *, seconds: float) -> None:
        """Count a request that is over."""
        metrics, answer = self.metrics, visit.answer
        metrics.in_flight -= 1
        code = (answer.error or "OK") if answer and visit.is_answered else "none"
        metrics.requests[visit.operation, code] += 1
        metrics.durations[visit.operation].add(seconds)
        metrics.bytes_in += visit.bytes_in
        if answer and visit.is_answered:
            metrics.bytes_out += len(answer.body)
        if visit.vectors and answer and not answer.error:
            metrics.vectors[visit.operation] += visit.vectors
        for fault in visit.faults:
            metrics.faults[fault.kind] += 1

    def _charge(
        self, ledger: QuotaLedger, operation: str, members: Document, vectors: int, now: float
    ) -> None:
        index = find_index(self.state, members)
        lane = ledger.refused_by(index.arn, operation, vectors, now=now)
        if lane:
            self.metrics.throttled[lane] += 1
            raise Refused("TooManyRequestsException", THROTTLED)


def held(state: State) -> dict[str, int]:
    """How much *state* holds, by name."""
    indexes = [index for bucket in state.buckets.values() for index in bucket.indexes.values()]
    return {
        "vector_buckets": len(state.buckets),
        "indexes": len(indexes),
        "vectors": sum(len(index.table) for index in indexes),
    }


def operation_of(method: str, path: str) -> str:
    """The operation at *method* and *path*, `unknown` where there is none."""
    try:
        return operation_at(method, path)
    except Refused:
        return UNKNOWN
