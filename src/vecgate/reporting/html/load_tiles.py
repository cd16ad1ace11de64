"""The figures of a load run that matter most."""

from __future__ import annotations

from collections.abc import Iterator

from vecgate.reporting.html.views import Tile
from vecgate.reporting.wording import PRICED, many, milliseconds, number, share, usd
from vecgate.results.summary import Summary


def load_tiles(summary: Summary, *, is_measured: bool) -> Iterator[Tile]:
    """The tiles of *summary*; *is_measured*, its histograms can be read."""
    unit, scope = summary.unit, _scope(summary)
    done = f"{scope}{share(summary.ok, summary.due)} of the schedule"
    yield Tile("achieved", number(summary.achieved_per_s), f"{unit}/s", done)
    if is_measured and summary.operations:
        name, counts = max(summary.operations.items(), key=lambda item: (item[1].vectors, item[1].requests))
        response, service = (each.percentile_ms(99) for each in (counts.response, counts.service))
        yield Tile(f"p99 {name}", number(response), "ms", f"{scope}service time {milliseconds(service)}")
    yield from _lost(summary)
    yield Tile("price", usd(summary.usd), "", f"{usd(summary.usd_per_hour)} an hour at this rate, {PRICED}")


def _lost(summary: Summary) -> Iterator[Tile]:
    """What was not done, or not at once."""
    counts = summary.operations.values()
    failed, throttled = sum(each.failed for each in counts), sum(each.throttled for each in counts)
    is_bulk = summary.plan.client == "bulk"
    what = many(throttled, "attempt") if is_bulk else f"{throttled:,} of them"
    told = f"{what} throttled" if throttled else "none throttled"
    yield Tile(
        "failed", f"{failed:,}", f"of {many(summary.requests, 'request')}", told, "bad" if failed else ""
    )
    late = "handed to the client more than 10 ms late" if is_bulk else "more than 10 ms late"
    yield Tile(
        "dropped",
        f"{summary.dropped:,}",
        f"of {summary.due:,} due",
        f"{summary.late:,} {late}",
        "bad" if summary.dropped else "",
    )


def _scope(summary: Summary) -> str:
    """What a figure of a run with several stages is of."""
    if len(summary.stages) < 2:  # noqa: PLR2004 - several
        return ""
    has_ramp = any(each.stage.kind == "ramp" for each in summary.stages)
    return "whole run, ramp included; " if has_ramp else "whole run, all stages; "
