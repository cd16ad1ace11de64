"""What `vecgate scale` does: plan, measure, recommend."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from itertools import count as counting
from pathlib import Path

import click
import orjson

from vecgate.cli.care import Spending, botocore_errors_told, check_target, seconds_since
from vecgate.cli.exit_codes import ExitCode
from vecgate.cli.looks import see_that_it_works
from vecgate.cli.main import fail
from vecgate.cli.options import opened, say
from vecgate.cli.scale_report import Outcome, report, slice_line, to_dict
from vecgate.errors import VecgateError
from vecgate.load.preparation import prepared
from vecgate.load.scale import Grid, usd_at_quota
from vecgate.load.scale_run import WARM_UP_S, Meter, Purse, fresh_index, opened_senders
from vecgate.reporting.wording import duration, many
from vecgate.results.provenance import new_run, now
from vecgate.results.records import Footer, Header
from vecgate.results.stream import StreamWriter
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.limits import WRITE_VECTORS_PER_S
from vecgate.s3vectors.pricing import PRICES_READ
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.telling import header_of_run

PACKAGES = ("vecgate", "boto3", "botocore", "numpy", "orjson")


def scale_run(
    choice: TargetChoice,
    grid: Grid,
    spending: Spending,
    results: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> ExitCode:
    """Measure *grid* on the target of *choice*, print and write what was found, and give the exit code."""
    with opened(choice) as target, ExitStack() as stack:
        check_target(target, plan_lines(grid, target), spending, usd=usd_of(grid), quiet=quiet)
        see_that_it_works(target, "scale", quiet=quiet)
        header = header_of(target, grid)
        stream = stack.enter_context(StreamWriter(results)) if results else None
        if stream:
            stream.write(header)
        outcome = Outcome(grid)
        purse = Purse(grid.dimension, spending.limit_on(target))
        measure(target, outcome, purse, header.run, told=lambda line: say(line, quiet=quiet))
        if stream:
            for cell in outcome.cells:
                stream.write(cell)
            stream.write(footer_of(outcome, header))
    click.echo(orjson.dumps(to_dict(outcome, header)).decode() if as_json else "\n".join(report(outcome)))
    if outcome.failure is not None:
        fail(str(outcome.failure), hint=outcome.failure.hint, code=outcome.code)
    return outcome.code


def measure(target: Target, outcome: Outcome, purse: Purse, run: str, *, told: Callable[[str], None]) -> None:
    """Measure every cell into *outcome*; what ends it early is in there too."""
    grid = outcome.grid
    try:
        with (
            botocore_errors_told(target),
            prepared(target, run=run, dimension=grid.dimension) as place,
            opened_senders(target, grid) as senders,
        ):
            outcome.leaks, numbers = place.leaks, counting(1)
            meter = Meter(
                grid,
                senders,
                lambda: fresh_index(
                    senders.full, IndexAddress(place.address.bucket, f"cell-{next(numbers)}"), grid.dimension
                ),
                purse,
            )
            for number, (shape, slice_) in enumerate(meter.walk(), start=1):
                outcome.measured.setdefault(shape, []).append(slice_)
                told(slice_line(number, len(grid.order), shape, slice_))
    except KeyboardInterrupt:
        outcome.is_cut = True
    except VecgateError as failure:
        outcome.failure = failure
    outcome.usd, outcome.is_broke = purse.usd, purse.is_empty and not outcome.is_whole


def usd_of(grid: Grid) -> float:
    """What *grid* costs on an index that takes what is documented."""
    return usd_at_quota(grid, extra_s=2 * WARM_UP_S)


def plan_lines(grid: Grid, target: Target) -> list[str]:
    """What is about to be done, and what it costs on Amazon."""
    seconds = grid.seconds * len(grid.shapes)
    what = f"{many(len(grid.shapes), 'cell')} of {grid.dimension:,} dimensions on {target}"
    usd = f"about ${usd_of(grid):.2f} if the index takes {WRITE_VECTORS_PER_S:,} vectors/s"
    return [
        f"plan      {what}, {duration(seconds)} or more",
        f"price     {usd}, at the prices of {PRICES_READ} in us-east-1",
    ]


def header_of(target: Target, grid: Grid) -> Header:
    """What is run, against what, and where."""
    return header_of_run(
        "scale",
        target,
        run=new_run(),
        packages=PACKAGES,
        options={
            "dimension": str(grid.dimension),
            "seconds": f"{grid.seconds:g}",
            "vectors_per_s": f"{grid.vectors_per_s:g}" if grid.vectors_per_s else "unlimited",
            "seed": str(grid.seed),
        },
    )


def footer_of(outcome: Outcome, header: Header) -> Footer:
    """How the run ended."""
    slices = [each for slices in outcome.measured.values() for each in slices]
    return Footer(
        ended_at=now(),
        duration_s=seconds_since(header.started_at),
        requests={"PutVectors": sum(each.requests for each in slices)},
        leaks=tuple(outcome.leaks),
        is_complete=outcome.is_whole,
    )
