"""Clients side by side that did the same work."""

from __future__ import annotations

from collections.abc import Sequence

from vecgate.reporting.html.axes import rising
from vecgate.reporting.html.figures import Figures, Group, Groups
from vecgate.reporting.html.plots import Bar, BarPlot, clipped
from vecgate.reporting.html.views import Cell, Cells, Table
from vecgate.reporting.wording import number
from vecgate.results.benchmarks import PeerRun
from vecgate.results.records import Stream


def peers_view(stream: Stream, figures: Figures) -> Groups:
    """Clients, a group for each work."""
    groups: dict[str, list[PeerRun]] = {}
    for each in stream.of(PeerRun):
        groups.setdefault(each.work, []).append(each)
    made = []
    for order, (title, found) in enumerate(groups.items(), start=1):
        plot = speed_plot(found)
        made.append(Group(title, figures.of(f"speed-{order}", plot) if plot else None, _peers(found)))
    return Groups(tuple(made))


def speed_plot(found: Sequence[PeerRun]) -> BarPlot | None:
    """Vectors a second of each client that has numbers."""
    known = [each for each in found if not each.problem]
    if not known:
        return None
    return BarPlot(
        title="Vectors a second",
        unit="",
        x=rising(each.vectors_per_s for each in known),
        bars=tuple(
            Bar(
                clipped(f"{each.client} {each.version}"),
                each.vectors_per_s,
                f"{number(each.vectors_per_s)}/s",
                "achieved",
            )
            for each in known
        ),
        told="; ".join(f"{each.client}: {number(each.vectors_per_s)}" for each in known) + ".",
    )


def _peers(found: Sequence[PeerRun]) -> Table:
    columns = (
        "client",
        "version",
        "vectors/s",
        "CPU s per 1,000",
        "bytes per vector",
        "peak memory MB",
        "remark",
    )
    rows = tuple(_peer(each) for each in found)
    return Table("Clients in figures", columns, rows, frozenset({"version", "remark"}))


def _peer(each: PeerRun) -> Cells:
    numbers = (each.vectors_per_s, each.cpu_s_per_1000, each.bytes_per_vector, each.peak_memory_mb)
    told = [Cell("–") if each.problem else Cell(number(value), value) for value in numbers]
    return (each.client, each.version, *told, each.problem)
