"""Run every check of `vecgate doctor`, one after the other, as far as they get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace

from vecgate.diagnostics.address_check import check_address
from vecgate.diagnostics.caller_policies import check_bucket_policy, check_caller_policies
from vecgate.diagnostics.diagnostic import Diagnostic, is_good
from vecgate.diagnostics.identity import check_account, check_region, check_target, strip_user
from vecgate.diagnostics.installed import check_extras, check_versions
from vecgate.diagnostics.permission_probes import ProbeAddress
from vecgate.diagnostics.preflight import TIMEOUTS, now_utc, preflight, unused_address
from vecgate.diagnostics.service_quotas import check_buckets, report_quotas
from vecgate.diagnostics.tls import check_tls
from vecgate.diagnostics.write_probes import probe_writes
from vecgate.errors import VecgateError
from vecgate.exit_codes import ExitCode, exit_code_of
from vecgate.results.provenance import new_run_id
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.iam_policy import required_operations
from vecgate.targets.resolution import open_target
from vecgate.targets.target import Target, TargetChoice


def diagnose(
    choice: TargetChoice,
    environment: Mapping[str, str],
    *,
    command: str,
    index: IndexAddress | None,
    prefix: str,
    is_write: bool,
) -> tuple[list[Diagnostic], ExitCode]:
    """Return all diagnostics of a target, and the exit code. Raises UsageError if no target is named.

    command   whose permissions are checked
    index     the user's index, which is only read; None probes names that do not exist
    prefix    of the names of buckets
    is_write  also probe the operations that write, in a bucket that is created and removed
    """
    if index is None:
        address = unused_address(prefix)
    else:
        address = ProbeAddress(index.bucket_name, index.index_name, is_users=True)
    found = [check_target(choice, environment)]
    try:
        with open_target(choice, environment) as target:
            found.append(check_region(target, environment))
            found += check_address(index, region=target.region) if index else ()
            found += _check_target(target, command, address, prefix=prefix, is_write=is_write)
    except VecgateError as error:
        found.append(Diagnostic("settings", "failed", strip_user(str(error)), error.hint))
        return found, exit_code_of(error)
    return found, ExitCode.PASS if is_good(found) else ExitCode.TARGET


def _check_target(
    target: Target, command: str, address: ProbeAddress, *, prefix: str, is_write: bool
) -> Iterator[Diagnostic]:
    needed = required_operations(target.name, command)
    if target.name == "aws":
        diagnostic, account, caller = check_account(target)
        yield diagnostic
        address = replace(address, account=account)
        yield from check_caller_policies(target, caller, account=account)
    found = [
        # A server that was busy all the time has shown nothing, and `doctor` must not pass then.
        replace(each, grade="failed") if (each.check, each.grade) == ("reachable", "warning") else each
        for each in preflight(target, needed, address=address, policy=command)
    ]
    written = probe_writes(target, needed, prefix=prefix, run=new_run_id()) if is_write else ()
    # A write probe shows more than the preflight check of the same operation.
    replaced = {each.check for each in written}
    yield from (each for each in found if each.check not in replaced)
    yield from written
    if any(each.check == "reachable" and each.grade == "ok" for each in found):
        yield from _check_service(target, address)
    yield check_versions()
    yield check_extras()


def _check_service(target: Target, address: ProbeAddress) -> Iterator[Diagnostic]:
    with closing(target.client(**TIMEOUTS)) as client:
        if address.is_users:
            yield check_bucket_policy(client, target, address)
        yield check_tls(target.resolve_url(client), target.verify, now=now_utc())
        yield report_quotas()
        yield check_buckets(client)
