"""What `vecgate doctor` does: look at one thing after the other, as far as it comes, and tell."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError

from vecgate.cli.exit_codes import ExitCode, exit_code_of
from vecgate.cli.installed import extras_finding, versions_finding
from vecgate.cli.options import IndexChoice, opened, say
from vecgate.errors import UsageError, VecgateError
from vecgate.reporting.terminal import table_lines
from vecgate.reporting.wording import many
from vecgate.results.provenance import new_run
from vecgate.results.records import SCHEMA_VERSION
from vecgate.targets.findings import Finding, is_good
from vecgate.targets.identity import account_finding, bare, region_finding, target_finding
from vecgate.targets.policy import ANY, ON_ONE_INDEX, PREFIX, policy_of, used_on
from vecgate.targets.preflight import now_utc, nowhere, preflight
from vecgate.targets.quotas import buckets_finding, rates_finding
from vecgate.targets.rehearsal import rehearse
from vecgate.targets.settings import region_of, session_of
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.tls import tls_finding
from vecgate.targets.trials import Place

#: How a bucket's name may begin, with room for what is put after it.
BEGINNING = re.compile("[a-z0-9][a-z0-9-]{0,35}")
ACCOUNT = re.compile("[0-9]{12}")
CLIENT = {"connect_timeout": 5, "read_timeout": 10}


@dataclass(frozen=True, slots=True)
class Visit:
    """What to look at, as the options of the same names have it.

    command  whose permissions are looked at
    """

    command: str
    write: bool
    prefix: str
    account: str

    @property
    def beginning(self) -> str:
        """How the names of the buckets begin that runs make. Raises UsageError."""
        if self.prefix and not BEGINNING.fullmatch(self.prefix):
            raise UsageError(
                f"{self.prefix!r} starts no bucket name",
                hint="Up to 36 lower-case letters, digits and hyphens, the first no hyphen.",
            )
        return self.prefix or PREFIX

    @property
    def known_account(self) -> str:
        """The account, empty for any. Raises UsageError."""
        if self.account and not ACCOUNT.fullmatch(self.account):
            raise UsageError(f"{self.account!r} is no account", hint="It has twelve digits.")
        return self.account


def diagnose(choice: TargetChoice, where: IndexChoice, visit: Visit) -> tuple[list[Finding], ExitCode]:
    """All that was found, and the exit code. Raises UsageError where no target is named."""
    place = _place(where, visit)
    found = [target_finding(choice, os.environ)]
    try:
        with opened(choice) as target:
            found += _looked_at(target, place, visit)
    except VecgateError as error:
        found.append(Finding("settings", "failed", bare(str(error)), error.hint))
        return found, exit_code_of(error)
    return found, ExitCode.PASS if is_good(found) else ExitCode.TARGET


def policy_for(command: str, choice: TargetChoice, where: IndexChoice, visit: Visit) -> dict[str, Any]:
    """The policy of *command*, as narrow as what is known allows."""
    named = _named(where)
    if ANY in named and command in ON_ONE_INDEX:
        say("it allows any index: --bucket and --index make it narrow")
    bucket, index = named
    if not (where.bucket or where.index or command in ON_ONE_INDEX):
        bucket = f"{visit.beginning}-*"
    place = _whereabouts(choice, where, visit)
    return policy_of(command, bucket=bucket, index=index, **place)


def render(findings: Sequence[Finding], code: ExitCode, *, as_json: bool) -> str:
    """What was found, a line each with the way out below it; the verdict last."""
    if as_json:
        told = {"schema": SCHEMA_VERSION, "verdict": _verdict(findings), "exit_code": int(code)}
        return orjson.dumps({**told, "checks": [asdict(each) for each in findings]}).decode()
    cells = [("FAIL" if each.grade == "failed" else each.grade, each.check) for each in findings]
    rows = table_lines([[*pair, each.found] for pair, each in zip(cells, findings, strict=True)])
    indent = " " * sum(max(map(len, column)) + 3 for column in zip(*cells, strict=True))
    ways = [f"{indent}→ {each.way_out}" if each.way_out else "" for each in findings]
    lines = [line for pair in zip(rows, ways, strict=True) for line in pair if line]
    return "\n".join([*lines, _verdict_line(findings)])


def _looked_at(target: Target, place: Place, visit: Visit) -> Iterator[Finding]:
    yield region_finding(target, os.environ)
    needed = used_on(target.name, visit.command)
    if target.name == "aws":
        told, account = account_finding(target)
        yield told
        place = replace(place, account=account)
    before = preflight(target, needed, place=place, policy=visit.command)
    rehearsed = rehearse(target, needed, prefix=visit.beginning, run=new_run()) if visit.write else ()
    tried = {each.check for each in rehearsed}
    yield from (each for each in before if each.check not in tried)
    yield from rehearsed
    if any(each.check == "reachable" and each.grade == "ok" for each in before):
        yield from _surroundings(target)
    yield versions_finding()
    yield extras_finding()


def _surroundings(target: Target) -> Iterator[Finding]:
    with closing(target.client(**CLIENT)) as client:
        yield tls_finding(target.url_of(client), target.verify, now=now_utc())
        yield rates_finding()
        yield buckets_finding(client)


def _place(where: IndexChoice, visit: Visit) -> Place:
    if not (where.bucket or where.index):
        return nowhere(visit.beginning)
    address = where.address
    return Place(address.bucket_name, address.index_name, is_mine=True)


def _whereabouts(choice: TargetChoice, where: IndexChoice, visit: Visit) -> dict[str, str]:
    """Partition, region and account: of the index's ARN, else of the settings."""
    if where.index.startswith("arn:"):
        _, partition, _, region, account, _ = where.address.arn.split(":", 5)
        return {"partition": partition, "region": region, "account": account}
    session = session_of(choice)
    region = region_of(choice, os.environ, session)[0]
    partition = _partition(session, region) if region else "aws"
    return {"partition": partition, "region": region or ANY, "account": visit.known_account or ANY}


def _partition(session: Any, region: str) -> str:  # noqa: ANN401 - boto3 has no types
    try:
        return str(session.get_partition_for_region(region))
    except BotoCoreError:
        raise UsageError(f"{region!r} is no region", hint="A region reads eu-west-1.") from None


def _named(where: IndexChoice) -> tuple[str, str]:
    if where.index.startswith("arn:"):
        return where.address.bucket_name, where.address.index_name
    return where.bucket or ANY, where.index or ANY


def _verdict(findings: Sequence[Finding]) -> str:
    return "passed" if is_good(findings) else "failed"


def _verdict_line(findings: Sequence[Finding]) -> str:
    grades = Counter(each.grade for each in findings)
    told = ", ".join(
        f"{grades[grade]} {grade}" for grade in ("failed", "warning", "untested") if grades[grade]
    )
    number = many(len(findings), "check")
    return f"{'PASS' if is_good(findings) else 'FAIL'}  {number}" + (f": {told}" if told else "")
