"""Safeguards of runs that write to a target: plan, price, consent, preflight checks, and a clean end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from types import FrameType
from typing import TYPE_CHECKING

import click

from vecgate.cli.options import OptionDecorator, option_group, print_status
from vecgate.errors import TargetError, TargetUnreachable, UsageError
from vecgate.formatting import format_usd
from vecgate.targets.iam_policy import BUCKET_PREFIX, required_operations

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

    from vecgate.diagnostics.diagnostic import Diagnostic
    from vecgate.targets.target import Target

#: Default limit in US dollars of a run on Amazon.
USD_MAX_ON_AWS = 1.0
CREATED = "a bucket with a prefix and a tag, removed at the end; `vecgate clean` finds what remains"


@dataclass(frozen=True, slots=True)
class CostLimit:
    """The user's consent to use real AWS (*yes*), and the limit in US dollars.

    Raises UsageError if *max_cost* is not a price.
    """

    yes: bool
    max_cost: float | None

    def __post_init__(self) -> None:
        if self.max_cost is not None and not self.max_cost >= 0:
            raise UsageError(
                f"--max-cost: {self.max_cost:g} is not a price", hint="Use US dollars, such as 1.50."
            )

    def limit_on(self, target: Target) -> float | None:
        """Return the limit in US dollars of a run on *target*, None for no limit."""
        if self.max_cost is None and target.name == "aws":
            return USD_MAX_ON_AWS
        return self.max_cost


#: `--yes` and `--max-cost`, as `cost_limit`.
cost_options: OptionDecorator = option_group(
    "cost_limit",
    CostLimit,
    click.option("--yes", is_flag=True, help="Allow requests to real AWS, which cost money."),
    click.option(
        "--max-cost",
        type=float,
        default=None,
        metavar="USD",
        help="Stop the run at this price.  [default on aws: 1.00]",
    ),
)


def confirm_run(
    target: Target, plan: Sequence[str], cost_limit: CostLimit, *, usd: float, quiet: bool = False
) -> None:
    """Print the *plan* of a run on Amazon, check its price of *usd*, and check that *target* answers.

    Raises UsageError without consent or above the limit, TargetError if the target does not answer or denies
    access.
    """
    limit = cost_limit.limit_on(target)
    if target.name == "aws":
        stop = "none" if limit is None else f"stops at {format_usd(limit)}"
        print_status("\n".join([*plan, f"limit     {stop}", f"creates   {CREATED}"]), quiet=quiet)
        if not cost_limit.yes:
            raise UsageError("real AWS costs money and needs your consent", hint="Add --yes.")
    if limit is not None and usd > limit:
        raise UsageError(
            f"the run costs about {format_usd(usd)}, and the limit is {format_usd(limit)}",
            hint="Use a smaller run, or raise --max-cost.",
        )
    with translate_botocore_errors(target), closing(target.client()) as client:
        client.list_vector_buckets(maxResults=1)


def require_preflight(
    target: Target,
    command: str,
    operations: Iterable[str] = (),
    *,
    prefix: str = BUCKET_PREFIX,
    quiet: bool = False,
) -> None:
    """Check that *target* allows what *command* needs, and also *operations*. Print every warning.

    Raises TargetError if the run would not work. Embedded servers are not checked.
    """
    from vecgate.diagnostics.preflight import preflight, unused_address
    from vecgate.targets.target import is_embedded

    if is_embedded(target.name):
        return
    # `scale` needs the fewest operations; every other run that writes needs these too.
    needed = dict.fromkeys((*required_operations(target.name, "scale"), *operations))
    found = preflight(target, needed, address=unused_address(prefix or BUCKET_PREFIX), policy=command)
    for diagnostic in found:
        if diagnostic.grade in {"warning", "failed"}:
            print_status(_format_diagnostic(diagnostic), quiet=quiet)
    if failed := [diagnostic for diagnostic in found if diagnostic.grade == "failed"]:
        # Without --quiet the reasons are above.
        reasons = [f"{each.check}: {each.message}" if quiet else each.check for each in failed]
        raise TargetError(
            f"the run would not work: {', '.join(reasons)}", hint="`vecgate doctor` shows all checks."
        )


@contextmanager
def translate_botocore_errors(target: Target) -> Iterator[None]:
    """Raise botocore's errors as a TargetError that names the target."""
    from botocore.exceptions import BotoCoreError, ClientError

    from vecgate.diagnostics.permission_probes import first_line

    try:
        yield
    except ClientError as error:
        if is_denied(error):
            raise TargetError(
                f"{target} denies access: {first_line(error)}", hint="Check the credentials."
            ) from error
        raise TargetError(f"{target} answers with an error: {first_line(error)}") from error
    except BotoCoreError as error:
        raise TargetUnreachable(f"{target} does not answer: {first_line(error)}") from error


def is_denied(error: ClientError) -> bool:
    """Return whether the target refused the caller or the operation."""
    denied = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    return error.response["ResponseMetadata"]["HTTPStatusCode"] in denied


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Let SIGTERM act like Ctrl-C, so that resources are removed. Yields whether either has arrived."""
    received: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.default_int_handler(number, frame)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _format_diagnostic(diagnostic: Diagnostic) -> str:
    text = f"{diagnostic.grade:9} {diagnostic.check}: {diagnostic.message}"
    return f"{text} → {diagnostic.hint}" if diagnostic.hint else text
