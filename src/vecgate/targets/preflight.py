"""Whether a run could work, found out with a few requests before it starts: who asks, whether anybody
answers, whether the clocks agree, what is allowed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

from vecgate.targets.findings import Finding, is_good
from vecgate.targets.identity import RENEW, bare, credentials_finding
from vecgate.targets.policy import PREFIX
from vecgate.targets.target import Target
from vecgate.targets.trials import Place, Reply, ask, members_of, permission_finding, untried

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5, 10
#: AWS refuses a signature when clocks differ by more than five minutes, some services by fifteen.
SKEW_MAX_S = 240
#: Dates come in whole seconds, and a server that is busy may keep one for two.
DATE_STEP_S = 3
FIRST = "ListVectorBuckets"
#: Part of the name of the kind of failure, to the way out.
WAYS_OUT = {
    "SSL": "Name the authority's certificate with --ca-bundle; --no-verify takes any, for tests.",
    "Proxy": "Look at HTTPS_PROXY and NO_PROXY.",
    "Credential": RENEW,
    "Token": RENEW,
}
#: Part of the code of a refusal that is not about permissions, to the way out.
STRANGERS = {
    "Expired": RENEW,
    "Signature": "The secret key, the region or the clock is wrong.",
}
UNKNOWN_KEY = "This server does not know the access key."
NETWORK = "Look at the region, the network and the proxy."
NOT_RUNNING = "Is the server running, and does it listen there?"
Now: TypeAlias = Callable[[], datetime]
#: When a request was sent, and when it was answered.
Between: TypeAlias = tuple[datetime, datetime]


def now_utc() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def nowhere(prefix: str = PREFIX) -> Place:
    """Names that nothing has, the bucket's beginning with *prefix* as those of runs do."""
    return Place(f"{prefix}-nothing-{secrets.token_hex(4)}", "nothing")


def preflight(
    target: Target,
    operations: Collection[str],
    *,
    place: Place | None = None,
    policy: str = "ramp",
    now: Now = now_utc,
) -> tuple[Finding, ...]:
    """What keeps a run that needs *operations* from working on *target*, and what does not.

    *place* is what requests are about, names that nothing has by default; *policy* is the command that hints
    name. Nothing is changed. Sends a request for each operation, and one more.
    """
    credentials = credentials_finding(target, now=now())
    if not is_good([credentials]):
        return (credentials,)
    place = place or nowhere()
    settings = {"connect_timeout": CONNECT_TIMEOUT_S, "read_timeout": READ_TIMEOUT_S}
    with closing(target.client(**settings)) as client:
        asked_at = now()
        first = ask(client, FIRST, members_of(FIRST, place, region=target.region))
        between = asked_at, now()
        found = [credentials, reach_finding(bare(target.url_of(client)), first, between, target.name)]
        if first.status:
            found.append(clock_finding(first, between))
        if is_good(found[1:2]):
            place = _located(place, target, first)
            replies = {FIRST: first}
            found += _permissions(client, target, operations, place=place, known=replies, policy=policy)
    return tuple(found)


def reach_finding(url: str, reply: Reply, between: Between, target: str) -> Finding:
    """Whether an S3 Vectors server at *url* answered the first request, and knows who asked."""
    told = f"{url} answered with {reply.status} {reply.code}: {reply.message}"
    if not reply.status:
        way_out = _way_out(WAYS_OUT, reply.code) or (NETWORK if target == "aws" else NOT_RUNNING)
        return Finding("reachable", "failed", f"{url}: {bare(reply.message)}", way_out)
    if reply.code.isdigit() or not (reply.code or "vectorBuckets" in reply.body):
        told = f"{url} answered with {reply.status}, not as S3 Vectors does"
        return Finding("reachable", "failed", told, "Another server listens there, or a proxy answered.")
    if reply.is_stranger:
        return Finding("reachable", "failed", told, _way_out(STRANGERS, reply.code) or UNKNOWN_KEY)
    if reply.code and not reply.is_refused:
        return Finding("reachable", "warning", told, "Try again.")
    asked_at, answered_at = between
    milliseconds = (answered_at - asked_at).total_seconds() * 1000
    return Finding("reachable", "ok", f"{url}, answered in {milliseconds:.0f} ms")


def clock_finding(reply: Reply, between: Between) -> Finding:
    """How far the clock here is from that there, by the date of *reply*."""
    try:
        there = parsedate_to_datetime(reply.headers["date"])
    except (KeyError, ValueError):
        return Finding("clock", "untested", "the answer has no date")
    asked_at, answered_at = between
    here = asked_at + (answered_at - asked_at) / 2
    ahead_s = (here - there.replace(tzinfo=there.tzinfo or UTC)).total_seconds()
    told = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the server's"
    if abs(ahead_s) < DATE_STEP_S:
        told = "as the server's, to the second"
    if abs(ahead_s) > SKEW_MAX_S:
        return Finding("clock", "failed", told, "Set the clock: requests signed so are refused.")
    return Finding("clock", "ok", told)


def _permissions(
    client: Any,  # noqa: ANN401 - boto3
    target: Target,
    operations: Collection[str],
    *,
    place: Place,
    known: Mapping[str, Reply],
    policy: str,
) -> Iterator[Finding]:
    partition = target.session.get_partition_for_region(target.region) if target.name == "aws" else "aws"
    for operation in operations:
        if reason := untried(operation, place):
            yield Finding(operation, "untested", reason)
            continue
        members = members_of(operation, place, region=target.region, partition=partition)
        reply = known.get(operation) or ask(client, operation, members)
        yield permission_finding(operation, reply, policy=policy)


def _located(place: Place, target: Target, first: Reply) -> Place:
    """*place* with the account that it is in, where a bucket tells it or none is asked about it."""
    buckets = first.body.get("vectorBuckets") or [{}]
    told = str(buckets[0].get("vectorBucketArn", "")).split(":")
    known = told[4] if len(told) > 4 else ""  # noqa: PLR2004 - arn:partition:service:region:account:…
    known = known or str(getattr(target.credentials, "account_id", "") or "")
    # Any other server takes any account for one of its own, or says that it is none: both are answers.
    return replace(place, account=place.account or known or ("" if target.name == "aws" else "0" * 12))


def _way_out(ways: Mapping[str, str], code: str) -> str:
    return next((told for part, told in ways.items() if part in code), "")
