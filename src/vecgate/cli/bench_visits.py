"""Visits of the microbenchmarks, told of while they go on, and kept as a result stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from vecgate.cli.options import say
from vecgate.reporting.wording import duration, many
from vecgate.results.provenance import now
from vecgate.results.records import Footer, Header, Stream
from vecgate.results.stream import StreamWriter
from vecgate.testing.benching import Suite, visit
from vecgate.testing.timings import Visit
from vecgate.testing.visits import records_of


def measured(
    suite: Suite,
    header: Header,
    visits: int,
    *,
    quiet: bool,
    look: Callable[[Visit], None] = lambda _: None,
) -> Stream:
    """The run in so many *visits*.

    *look* is shown the first, and raises where others would be made in vain.
    """
    found: list[Visit] = []
    begun_s = time.monotonic()
    for number in range(1, visits + 1):
        found.append(visit(suite, None))
        tell_failed(found[-1])
        if number == 1:
            look(found[0])
        spent = duration(time.monotonic() - begun_s)
        measured = many(len(found[-1].timings), "benchmark")
        say(f"visit {number} of {visits}: {measured}, {spent} so far", quiet=quiet)
    return stream_of(header, found, time.monotonic() - begun_s)


def stream_of(header: Header, visits: Sequence[Visit], spent_s: float) -> Stream:
    """The run that *visits* made."""
    is_complete = not any(each.failed for each in visits)
    footer = Footer(ended_at=now(), duration_s=round(spent_s, 3), is_complete=is_complete)
    return Stream(header, tuple(records_of(visits)), footer)


def keep_stream(stream: Stream, path: Path | None) -> None:
    """Write *stream* to *path*, where there is one. Raises UsageError where that cannot be written."""
    if path is None:
        return
    with StreamWriter(path) as writer:
        for record in (stream.header, *stream.records, *([stream.footer] if stream.footer else [])):
            writer.write(record)


def tell_failed(*visits: Visit) -> None:
    """Say what could not be measured."""
    for line in dict.fromkeys(line for each in visits for line in each.failed):
        say(f"note: {line}")
