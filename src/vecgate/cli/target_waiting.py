"""Waits until a server that is starting answers, for `--wait`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

import click

from vecgate.cli.options import OptionDecorator, check_retry_for, open_chosen_target, print_status
from vecgate.errors import TargetUnreachable
from vecgate.formatting import format_duration

if TYPE_CHECKING:
    from vecgate.targets.target import Target, TargetChoice

#: Longer than any server takes to start.
WAIT_MAX_S = 3_600.0
POLL_EVERY_S = 0.25
#: Of one attempt, so that a server that accepts connections and then hangs is asked again.
TIMEOUT_S = 5.0


def _check_wait(context: click.Context, parameter: click.Parameter, value: str | None) -> float:
    wait_s = check_retry_for(context, parameter, value) or 0.0
    if wait_s > WAIT_MAX_S:
        raise click.BadParameter(f"{value} is too long; allowed is up to 1h", context, parameter)
    return wait_s


#: `--wait`, as `wait_s`.
wait_option: OptionDecorator = click.option(
    "--wait",
    "wait_s",
    callback=_check_wait,
    default=None,
    metavar="DURATION",
    help="Wait this long until the target answers, if it is just starting: 60s, 5m.  [default: not]",
)


def wait_for_target(
    choice: TargetChoice,
    wait_s: float,
    *,
    quiet: bool = False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when the target of *choice* answers a request, be it with an error of the service.

    An answer of a proxy and a 5xx do not count. Raises TargetUnreachable, with the last reason,
    after that time.
    """
    from vecgate.targets.resolution import resolve_target_name
    from vecgate.targets.target import is_embedded

    # A server that this command starts answers when it is started.
    if not wait_s or is_embedded(resolve_target_name(choice, os.environ)):
        return
    deadline_s = clock() + wait_s
    with open_chosen_target(choice) as target:
        reason = _reason_for_no_answer(target, TIMEOUT_S)
        if reason:
            print_status(f"waiting up to {format_duration(wait_s)} for {target}: {reason}", quiet=quiet)
        while reason:
            left_s = deadline_s - clock()
            if left_s <= 0:
                raise TargetUnreachable(
                    f"{target} did not answer within {format_duration(wait_s)}: {reason}",
                    hint="Check that the server runs and listens on this address, or wait longer: --wait.",
                )
            sleep(min(POLL_EVERY_S, left_s))
            reason = _reason_for_no_answer(target, min(TIMEOUT_S, max(left_s, POLL_EVERY_S)))


def _reason_for_no_answer(target: Target, timeout_s: float) -> str:
    """Return why *target* does not answer as an S3 Vectors service, or an empty text if it does."""
    from contextlib import closing

    from botocore.exceptions import BotoCoreError, ClientError

    from vecgate.bulk.transport.sender import CREDENTIAL_ERRORS
    from vecgate.diagnostics.permission_probes import first_line

    try:
        with closing(target.client(connect_timeout=timeout_s, read_timeout=timeout_s)) as client:
            client.list_vector_buckets(maxResults=1)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return first_line(error) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ""
    except CREDENTIAL_ERRORS:
        return ""  # waiting does not help, and the run says what is wrong
    except BotoCoreError as error:
        return first_line(error)
    return ""
