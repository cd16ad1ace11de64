"""Care for the target of a run that writes: the plan and the price first, and nothing left behind."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from types import FrameType

import click
from botocore.exceptions import BotoCoreError, ClientError

from vecgate.cli.options import arriving_as, say
from vecgate.errors import TargetError, TargetUnreachable, UsageError
from vecgate.gate.measures import told
from vecgate.targets.target import Target
from vecgate.targets.trials import gist_of

#: What a run on Amazon may cost where nobody says otherwise.
USD_MAX_ON_AWS = 1.0
MAKES = "a bucket with a prefix and a tag, removed at the end; `vecgate clean` finds leftovers"


@dataclass(frozen=True, slots=True)
class Spending:
    """What the user allows: real AWS at all (*yes*), and how many dollars.

    Raises UsageError where that is no number of dollars.
    """

    yes: bool
    max_cost: float | None

    def __post_init__(self) -> None:
        if self.max_cost is not None and not self.max_cost >= 0:
            raise UsageError(f"{self.max_cost:g} is no number of US dollars", hint="Write 1.50.")

    def limit_on(self, target: Target) -> float | None:
        """The dollars that a run on *target* may cost, None for no limit."""
        if self.max_cost is None and target.name == "aws":
            return USD_MAX_ON_AWS
        return self.max_cost


#: `--yes` and `--max-cost`, as `spending`.
spending_options = arriving_as(
    "spending",
    Spending,
    click.option("--yes", is_flag=True, help="Real AWS may be used, and charged for."),
    click.option("--max-cost", type=float, default=None, metavar="USD", help="Stop there.  [on aws: 1.00]"),
)


def check_target(
    target: Target, plan: Sequence[str], spending: Spending, *, usd: float, quiet: bool = False
) -> None:
    """See that *target* answers, and on Amazon that what *plan* says for about *usd* is wanted.

    Raises UsageError where it is not, TargetError where the target does not answer or allows nothing.
    """
    limit = spending.limit_on(target)
    if target.name == "aws":
        say("\n".join([*plan, f"limit     stops at ${limit:,.2f}", f"makes     {MAKES}"]), quiet=quiet)
        if not spending.yes:
            raise UsageError("real AWS costs money", hint="Add --yes.")
    if limit is not None and usd > limit:
        raise UsageError(
            f"it costs about {told(usd, 'usd')}, and {told(limit, 'usd')} is allowed",
            hint="Do less, or raise --max-cost.",
        )
    with botocore_errors_told(target), closing(target.client()) as client:
        client.list_vector_buckets(maxResults=1)


@contextmanager
def botocore_errors_told(target: Target) -> Iterator[None]:
    """What boto3 raises, as a TargetError that says which target."""
    try:
        yield
    except ClientError as error:
        if is_denied(error):
            raise TargetError(
                f"{target} does not allow it: {gist_of(error)}", hint="Look at the credentials."
            ) from error
        raise TargetError(f"{target} does not do it: {gist_of(error)}") from error
    except BotoCoreError as error:
        raise TargetUnreachable(f"{target} does not answer: {gist_of(error)}") from error


def is_denied(error: ClientError) -> bool:
    """The target knows whom it is asked by, or not, and does not allow it."""
    denied = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    return error.response["ResponseMetadata"]["HTTPStatusCode"] in denied


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """SIGTERM as Ctrl-C, so that what was made is removed; gives whether either has come."""
    came: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        came.append(number)
        signal.default_int_handler(number, frame)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def seconds_since(started_at: str) -> float:
    """Seconds since a moment that a header tells."""
    return round((datetime.now(UTC) - datetime.fromisoformat(started_at)).total_seconds(), 3)
