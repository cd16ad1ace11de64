"""Check with a few requests whether a run could work: credentials, connection, clock, permissions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

from vecgate.diagnostics.diagnostic import Diagnostic, is_good
from vecgate.diagnostics.identity import RENEW, check_credentials, strip_user
from vecgate.diagnostics.permission_probes import (
    ProbeAddress,
    ProbeReply,
    build_members,
    check_permission,
    reason_to_skip,
    send_probe,
)
from vecgate.targets.iam_policy import BUCKET_PREFIX
from vecgate.targets.target import Target

#: Timeouts of the clients that check a target.
TIMEOUTS: Mapping[str, Any] = {"connect_timeout": 5, "read_timeout": 10}
#: AWS refuses a signature when clocks differ by more than five minutes, some services by fifteen.
SKEW_MAX_S = 240
#: A Date header has whole seconds, and a busy server may cache it for two.
DATE_STEP_S = 3
FIRST_OPERATION = "ListVectorBuckets"
#: Part of the type of a connection error to its hint.
CONNECTION_HINTS = {
    "SSL": "Use --ca-bundle with the certificate of the authority; for tests, --no-verify accepts any.",
    "Proxy": "Check HTTPS_PROXY and NO_PROXY.",
    "Credential": RENEW,
    "Token": RENEW,
}
#: Part of the error code of a failed authentication to its hint.
AUTHENTICATION_HINTS = {
    "Expired": RENEW,
    "Signature": "The secret key, the region or the clock is wrong.",
}
UNKNOWN_KEY_HINT = "This server does not know the access key."
NETWORK_HINT = "Check the region, the network and the proxy."
NOT_RUNNING_HINT = "Check that the server is running and listens on this address."
Now: TypeAlias = Callable[[], datetime]
#: The times at which a request was sent and answered.
Exchange: TypeAlias = tuple[datetime, datetime]


def now_utc() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


def unused_address(prefix: str = BUCKET_PREFIX) -> ProbeAddress:
    """Return names that do not exist; the bucket's begins with *prefix*, like those of runs."""
    return ProbeAddress(f"{prefix}-nothing-{secrets.token_hex(4)}", "nothing")


def preflight(
    target: Target,
    operations: Collection[str],
    *,
    address: ProbeAddress | None = None,
    policy: str = "ramp",
    now: Now = now_utc,
) -> tuple[Diagnostic, ...]:
    """Check whether a run that needs *operations* could work on *target*. Changes nothing.

    Sends one request for each operation, and one more.

    address  addressed by the requests; by default names that do not exist
    policy   the command whose policy the hints name
    """
    credentials = check_credentials(target, now=now())
    if not is_good([credentials]):
        return (credentials,)
    address = address or unused_address()
    with closing(target.client(is_checked=False, **TIMEOUTS)) as client:
        sent_at = now()
        first = send_probe(
            client, FIRST_OPERATION, build_members(FIRST_OPERATION, address, region=target.region)
        )
        exchange = sent_at, now()
        url = strip_user(target.resolve_url(client))
        found = [credentials, check_connection(url, first, exchange, target.name)]
        if first.status:
            found.append(check_clock(first, exchange))
        if is_good(found[1:2]):
            address = _add_account(address, target, first)
            replies = {FIRST_OPERATION: first}
            if address.is_users:
                # A query needs the dimension, and a list of the buckets need not be allowed.
                members = build_members("GetIndex", address, region=target.region)
                replies["GetIndex"] = send_probe(client, "GetIndex", members)
                address = replace(address, dimension=_dimension(replies["GetIndex"]))
            found += _check_permissions(
                client, target, operations, address=address, replies=replies, policy=policy
            )
    return tuple(found)


def check_connection(url: str, reply: ProbeReply, exchange: Exchange, target: str) -> Diagnostic:
    """Check that an S3 Vectors server at *url* answered the first request, and knows the caller."""
    answer = f"{url} answered with {reply.status} {reply.code}: {reply.message}"
    if not reply.status:
        hint = _find_hint(CONNECTION_HINTS, reply.code)
        hint = hint or (NETWORK_HINT if target == "aws" else NOT_RUNNING_HINT)
        return Diagnostic("reachable", "failed", f"{url}: {strip_user(reply.message)}", hint)
    if reply.code.isdigit() or not (reply.code or "vectorBuckets" in reply.body):
        answer = f"{url} answered with {reply.status}, but not as S3 Vectors does"
        return Diagnostic("reachable", "failed", answer, "Another server listens there, or a proxy answered.")
    if reply.is_unauthenticated:
        hint = _find_hint(AUTHENTICATION_HINTS, reply.code) or UNKNOWN_KEY_HINT
        return Diagnostic("reachable", "failed", answer, hint)
    if reply.code and not reply.is_denied:
        return Diagnostic("reachable", "warning", answer, "Try again.")
    sent_at, answered_at = exchange
    milliseconds = (answered_at - sent_at).total_seconds() * 1000
    return Diagnostic("reachable", "ok", f"{url}, answered in {milliseconds:.0f} ms")


def check_clock(reply: ProbeReply, exchange: Exchange) -> Diagnostic:
    """Compare the local clock with that of the server, by the Date header of *reply*."""
    try:
        server_time = parsedate_to_datetime(reply.headers["date"])
    except (KeyError, ValueError):
        return Diagnostic("clock", "skipped", "the answer has no valid Date header")
    sent_at, answered_at = exchange
    local_time = sent_at + (answered_at - sent_at) / 2
    ahead_s = (local_time - server_time.replace(tzinfo=server_time.tzinfo or UTC)).total_seconds()
    message = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the server"
    if abs(ahead_s) < DATE_STEP_S:
        message = "equal to the server's, to the second"
    if abs(ahead_s) > SKEW_MAX_S:
        hint = "Set the clock: signatures of a wrong time are refused."
        return Diagnostic("clock", "failed", message, hint)
    return Diagnostic("clock", "ok", message)


def _check_permissions(
    client: Any,  # noqa: ANN401 - boto3
    target: Target,
    operations: Collection[str],
    *,
    address: ProbeAddress,
    replies: Mapping[str, ProbeReply],
    policy: str,
) -> Iterator[Diagnostic]:
    partition = target.session.get_partition_for_region(target.region) if target.name == "aws" else "aws"
    for operation in operations:
        if reason := reason_to_skip(operation, address):
            yield Diagnostic(operation, "skipped", reason)
            continue
        members = build_members(operation, address, region=target.region, partition=partition)
        reply = replies.get(operation) or send_probe(client, operation, members)
        yield check_permission(operation, reply, policy=policy, address=address)


def _add_account(address: ProbeAddress, target: Target, first: ProbeReply) -> ProbeAddress:
    """Return *address* with its account, if a listed bucket or the credentials show it."""
    buckets = first.body.get("vectorBuckets") or [{}]
    fields = str(buckets[0].get("vectorBucketArn", "")).split(":")
    account = fields[4] if len(fields) > 4 else ""  # noqa: PLR2004 - arn:partition:service:region:account:…
    account = account or str(getattr(target.credentials, "account_id", "") or "")
    # A server other than Amazon either accepts any account or refuses it: both show whether it is allowed.
    return replace(address, account=address.account or account or ("" if target.name == "aws" else "0" * 12))


def _dimension(reply: ProbeReply) -> int:
    index = reply.body.get("index")
    dimension = index.get("dimension") if isinstance(index, Mapping) else None
    return dimension if isinstance(dimension, int) else 1


def _find_hint(hints: Mapping[str, str], code: str) -> str:
    return next((hint for part, hint in hints.items() if part in code), "")
