"""The request pipeline in front of the core: authentication, faults, latency, access, quotas, metrics.

Each adapter (`http.http_app`, `in_process`) takes a request through the same steps:

    context = gateway.start_request(method, path)     number it, count it as in flight
    signer = gateway.identify(headers)                check the headers of the signature (HTTP only)
    context.principal = gateway.authenticate(signer, signed)   check the signature, once the body has arrived
    gateway.select_faults(context)                    choose the faults that this request meets
    wait for gateway.latency_s(context)               the adapter waits, and adds the delays of the faults
    response = gateway.respond(context, request)      an injected error, or the core behind access and quotas
    send the response                                 the adapter breaks the connection if a fault says so
    gateway.finish_request(context)                   count the result

The time is an argument and nothing here waits, so the same requests give the same responses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from vecgate.endpoint.auth.principals import Principal, check_access
from vecgate.endpoint.auth.sigv4 import SignatureVerifier, SignedRequest, Signer
from vecgate.endpoint.core import Guard, apply, make_request_id, read_members
from vecgate.endpoint.faults.injection import (
    DELAYS,
    ERRORS,
    PRESETS,
    Fault,
    FaultInjector,
    FaultKind,
    FaultPlan,
)
from vecgate.endpoint.faults.latency import LatencyModel
from vecgate.endpoint.faults.quotas import LIMITED, QuotaLimiter, Quotas
from vecgate.endpoint.metrics import Metrics
from vecgate.endpoint.operations.addressing import find_index
from vecgate.endpoint.requests.body_decoding import PutBodyReader, read_put_with_msgspec
from vecgate.endpoint.requests.messages import ApiError, Request, Response
from vecgate.endpoint.requests.request_validation import Document
from vecgate.endpoint.requests.routing import find_operation
from vecgate.endpoint.storage.state import State
from vecgate.s3vectors.limits import MIB

#: Replaces the operation in logs and metrics when a path matches none.
UNKNOWN = "unknown"
#: Of a denied request that is larger, the resource is not read for the message.
DENIED_BYTES_READ_MAX = MIB


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """The treatment of requests. The defaults accept every request and answer it at once.

    principals  who may call; if empty, requests need no signature
    quotas      limits for each index; None for no limits
    latency     simulated response times; None for none
    plan        the faults to inject
    """

    principals: tuple[Principal, ...] = ()
    quotas: Quotas | None = None
    latency: LatencyModel | None = None
    plan: FaultPlan = PRESETS["off"]

    def with_seed(self, seed: int) -> GatewaySettings:
        """Return these settings with *seed* for faults and latencies."""
        latency = replace(self.latency, seed=seed) if self.latency else None
        return replace(self, latency=latency, plan=replace(self.plan, seed=seed))


@dataclass(slots=True)
class RequestContext:
    """One request on its way through the endpoint; the access log and the metrics read it at the end.

    number          of the request within its operation, from 1
    principal       who signed it; None if signatures are not checked
    has_whole_body  the body arrived completely
    vectors         the number of vectors that it writes or deletes
    faults          the faults that it meets
    response        None if a fault prevents it
    is_answered     the response was sent completely
    """

    operation: str
    number: int
    principal: Principal | None = None
    has_whole_body: bool = False
    bytes_in: int = 0
    vectors: int = 0
    faults: Sequence[Fault] = ()
    response: Response | None = None
    is_answered: bool = False

    @property
    def final_fault(self) -> Fault | None:
        """The fault that decides how the request ends, or None. Delays decide nothing."""
        last = self.faults[-1] if self.faults else None
        return last if last and last.kind not in DELAYS else None


@dataclass(slots=True)
class Gateway:
    """Guards *state* according to *settings*."""

    state: State
    settings: GatewaySettings = field(default_factory=GatewaySettings)
    metrics: Metrics = field(default_factory=Metrics)
    injector: FaultInjector = field(init=False)
    checks_signatures: bool = field(init=False)
    _verifier: SignatureVerifier = field(init=False)
    _limiter: QuotaLimiter | None = field(init=False)
    _principals: dict[str, Principal] = field(init=False)
    _numbers: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        principals = self.settings.principals
        self.checks_signatures = bool(principals)
        self._principals = {each.key_pair.access_key: each for each in principals}
        self._verifier = SignatureVerifier((each.key_pair for each in principals), region=self.state.region)
        self.injector = FaultInjector(self.settings.plan)
        self.reset_quotas()

    def reset_quotas(self) -> None:
        """Refill the quotas of all indexes."""
        quotas = self.settings.quotas
        self._limiter = QuotaLimiter(quotas) if quotas else None

    def start_request(self, method: str, path: str) -> RequestContext:
        """Begin a request: number it within its operation and count it as in flight."""
        operation = operation_name(method, path)
        self._numbers[operation] += 1
        self.metrics.in_flight += 1
        return RequestContext(operation, self._numbers[operation])

    def identify(self, headers: Sequence[tuple[bytes, bytes]], *, now: float) -> Signer | None:
        """Return who claims to have signed; None if signatures are not checked. Raises ApiError if no body
        could make the signature valid.
        """
        return self._verifier.identify(headers, now=now) if self.checks_signatures else None

    def authenticate(self, signer: Signer, request: SignedRequest) -> Principal:
        """Return who signed *request*. Raises ApiError."""
        return self._principals[self._verifier.check_signature(signer, request)]

    def select_faults(self, context: RequestContext) -> None:
        """Choose the faults that the request meets."""
        context.faults = self.injector.next_faults(context.operation)

    def latency_s(self, context: RequestContext) -> float:
        """Return how long the request takes according to the latency model."""
        latency = self.settings.latency
        return latency.latency_s(context.operation, context.number) if latency else 0.0

    def respond(
        self,
        context: RequestContext,
        request: Request,
        *,
        now: float,
        put_reader: PutBodyReader = read_put_with_msgspec,
    ) -> Response | None:
        """Return the response to *request*: that of an injected error, or the core's.

        None if a fault breaks the connection before the request is applied.
        """
        fault = context.final_fault
        if fault and fault.kind in ERRORS:
            return self.error_response(ApiError(*ERRORS[fault.kind]), now=now)
        if fault and fault.kind is FaultKind.RESET_BEFORE:
            return None
        try:
            self._check_operation(context, request)
        except ApiError as denied:
            return self.error_response(denied, now=now)
        guard = _RequestGuard(self, context, now)
        return apply(self.state, request, now, put_reader=put_reader, guard=guard)

    def error_response(self, error: ApiError, *, now: float) -> Response:
        """Return the response to a request that does not reach the core."""
        self.state.serial += 1
        return error.response(make_request_id(self.state.serial, now))

    def finish_request(self, context: RequestContext, *, seconds: float) -> None:
        """Count a request that has ended after *seconds*."""
        metrics, response = self.metrics, context.response
        metrics.in_flight -= 1
        code = (response.error or "OK") if response and context.is_answered else "none"
        metrics.requests[context.operation, code] += 1
        metrics.durations[context.operation].observe(seconds)
        metrics.bytes_in += context.bytes_in
        if response and context.is_answered:
            metrics.bytes_out += len(response.body)
        if context.vectors and response and not response.error:
            metrics.vectors[context.operation] += context.vectors
        for fault in context.faults:
            metrics.faults[fault.kind] += 1

    def authorize(self, context: RequestContext, members: Mapping[str, object]) -> None:
        """Raise ApiError if the request's principal lacks an action. *members* need not be valid."""
        if context.principal:
            check_access(
                context.principal,
                context.operation,
                members,
                region=self.state.region,
                account=self.state.account,
            )

    def charge(self, operation: str, members: Document, vectors: int, *, now: float) -> None:
        """Raise ApiError if the request exceeds a quota of its index."""
        if self._limiter is not None and operation in LIMITED:
            index = find_index(self.state, members)
            if exceeded := self._limiter.charge(index.arn, operation, vectors, now=now):
                self.metrics.throttled[exceeded] += 1
                raise ApiError(*ERRORS[FaultKind.THROTTLE])

    def _check_operation(self, context: RequestContext, request: Request) -> None:
        """Raise ApiError if the principal may not call the operation at all, before the body is decoded."""
        principal = context.principal
        if context.operation == UNKNOWN or principal is None or principal.may_call(context.operation):
            return
        members: object = {}
        if len(request.body) <= DENIED_BYTES_READ_MAX:
            with suppress(ApiError):
                members = read_members(context.operation, request)
        self.authorize(context, members if isinstance(members, dict) else {})


@dataclass(frozen=True, slots=True)
class _RequestGuard(Guard):
    """Checks the access of one request, then the quotas of its index."""

    gateway: Gateway
    context: RequestContext
    now: float

    def authorize(self, operation: str, members: Mapping[str, object]) -> None:
        """Check the access."""
        del operation
        self.gateway.authorize(self.context, members)

    def admit(self, operation: str, members: Document, vectors: int) -> None:
        """Check the quotas."""
        self.context.vectors = vectors
        self.gateway.charge(operation, members, vectors, now=self.now)


def count_resources(state: State) -> dict[str, int]:
    """Return how many buckets, indexes and vectors *state* holds."""
    indexes = [index for bucket in state.buckets.values() for index in bucket.indexes.values()]
    return {
        "vector_buckets": len(state.buckets),
        "indexes": len(indexes),
        "vectors": sum(len(index.table) for index in indexes),
    }


def operation_name(method: str, path: str) -> str:
    """Return the operation at *method* and *path*, or `unknown`."""
    try:
        return find_operation(method, path)
    except ApiError:
        return UNKNOWN
