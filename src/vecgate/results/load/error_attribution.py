"""Separates the errors of a target from those that the load generator may have caused.

A generator that has too little time reads answers late, so connections and answers time out; and it sends in
bursts what was due evenly, so a target that limits its rate refuses some of it. Every other error answer was
given to a request that was sent: lateness does not change it. Errors about credentials are those of the
target if it refuses every worker, and those of a worker if it refuses only that one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from vecgate.results.load.load_records import NO_CREDENTIALS, TRANSPORT, UNANSWERED, WorkerTotals

#: Codes of errors about temporary credentials that have expired since the run began.
EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException"})
#: Codes of errors about the caller: its permissions, its keys, its clock.
CREDENTIAL_CODES = frozenset({
    *("401", "403", "AccessDenied", "AccessDeniedException", "AuthFailure", *EXPIRED_CODES),
    *("IncompleteSignatureException", "InvalidAccessKeyId"),
    *("InvalidClientTokenId", "InvalidSignatureException", "InvalidToken"),
    *("MissingAuthenticationToken", "MissingAuthenticationTokenException", "RequestExpired"),
    *("RequestInTheFuture", "RequestTimeTooSkewed", "SignatureDoesNotMatch"),
    "UnrecognizedClientException",
})  # fmt: skip
#: Codes of errors that a generator without time may cause: it reads late, it sends late, it sends in bursts.
LATENESS_CODES = frozenset({
    *(TRANSPORT, UNANSWERED, NO_CREDENTIALS),
    *("408", "RequestTimeout", "RequestTimeoutException"),
    *("RequestExpired", "RequestTimeTooSkewed", *EXPIRED_CODES),
    *("429", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"),
    *("503", "ServiceUnavailable", "ServiceUnavailableException"),
})  # fmt: skip
#: If the target refused every worker alike, some would be spared by chance with less than this probability.
CHANCE_MAX = 0.001


def excused_codes(workers: Sequence[WorkerTotals]) -> AbstractSet[str]:
    """Return the codes of errors for which a limited generator with these *workers* may be the reason."""
    return LATENESS_CODES | CREDENTIAL_CODES if refused_workers(workers) else LATENESS_CODES


def refused_workers(workers: Sequence[WorkerTotals]) -> Mapping[str, Counter[str]]:
    """Return the errors about credentials of each worker, by code, if only some of *workers* got any.

    Empty if none got any, if all did, or if those that got none sent too few requests to show it.
    """
    # A worker that was lost and joined again has two records.
    refused, requests = defaultdict[str, Counter[str]](Counter), Counter[str]()
    for worker in workers:
        requests[worker.worker] += _requests(worker)
        if codes := _refusals(worker):
            refused[worker.worker] += codes
    spared = sum(number for name, number in requests.items() if name not in refused)
    share = sum(codes.total() for codes in refused.values()) / max(sum(requests.values()), 1)
    return dict(refused) if refused and (1 - share) ** spared < CHANCE_MAX else {}


def describe_refusals(workers: Sequence[WorkerTotals]) -> str:
    """Return which of *workers* alone the target refused, how often, and with which code; empty for none."""
    parts = [
        f"the target refused {codes.total():,} requests of {name} ({', '.join(sorted(codes))})"
        for name, codes in refused_workers(workers).items()
    ]
    return f"{' and '.join(parts)}, and accepts other workers: check its credentials" if parts else ""


def _refusals(worker: WorkerTotals) -> Counter[str]:
    codes = Counter[str]()
    for counts in worker.operations.values():
        codes.update({code: number for code, number in counts.errors.items() if code in CREDENTIAL_CODES})
    return codes


def _requests(worker: WorkerTotals) -> int:
    return sum(counts.ok + sum(counts.errors.values()) for counts in worker.operations.values())
