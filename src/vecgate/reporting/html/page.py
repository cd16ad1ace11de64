"""The report: one page for one run or several, the verdict of each on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from msgspec import structs

from vecgate.reporting.html.benchmarks import benchmarks_view
from vecgate.reporting.html.bulk import bulk_view
from vecgate.reporting.html.capacity import capacity_view
from vecgate.reporting.html.charts import Drawer
from vecgate.reporting.html.conditions import conditions_of
from vecgate.reporting.html.conformance import ConformanceView, conformance_view
from vecgate.reporting.html.figures import Figures, Groups, Tried
from vecgate.reporting.html.headline import Headline, headline_of
from vecgate.reporting.html.load import LoadView, load_view
from vecgate.reporting.html.peers import peers_view
from vecgate.reporting.html.requirements import STATES
from vecgate.reporting.html.scale import scale_view
from vecgate.reporting.html.templating import page
from vecgate.reporting.html.views import Facts
from vecgate.results.load import Plan, Second, Stage
from vecgate.results.records import Kind, Stream
from vecgate.results.summary import summary_of

View: TypeAlias = LoadView | ConformanceView | Tried | Groups

#: Kind of run to the template that shows it.
TEMPLATES: Mapping[Kind, str] = {
    "conformance": "conformance.html.j2",
    "load": "load.html.j2",
    "bulk": "load.html.j2",
    "capacity": "tried.html.j2",
    "scale": "tried.html.j2",
    "benchmarks": "groups.html.j2",
    "peers": "groups.html.j2",
}
#: Kind of run to its view; that of a load run takes its summary too.
VIEWS: Mapping[Kind, Callable[[Stream, Figures], View]] = {
    "conformance": lambda stream, _: conformance_view(stream.run),
    "bulk": bulk_view,
    "capacity": capacity_view,
    "scale": scale_view,
    "benchmarks": benchmarks_view,
    "peers": peers_view,
}


@dataclass(frozen=True, slots=True)
class RunView:
    """One run in the page.

    id        that what belongs to it begins with
    view      for *template*
    problems  what is wrong with the stream, a sentence each
    """

    id: str
    stream: Stream
    headline: Headline
    template: str
    view: View
    problems: tuple[str, ...]
    facts: tuple[Facts, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A page, and the headline of each run in it."""

    html: str
    headlines: tuple[Headline, ...]


def render(streams: Sequence[Stream], unreadable: Sequence[str] = ()) -> str:
    """The page of *streams*; what is *unreadable* is named in it, a sentence each."""
    return report_of(streams, unreadable).html


def report_of(streams: Sequence[Stream], unreadable: Sequence[str] = ()) -> Report:
    """The same, with what its runs came to."""
    drawer = Drawer()
    runs = [run_view(stream, Figures(drawer, f"run{order}")) for order, stream in enumerate(streams, start=1)]
    title = runs[0].headline.title if len(runs) == 1 else f"{len(runs)} runs"
    html = page("report.html.j2", title=title, runs=runs, states=STATES, unreadable=unreadable)
    return Report(html, tuple(run.headline for run in runs))


def run_view(stream: Stream, figures: Figures) -> RunView:
    """The view of one run."""
    problems = list(stream.problems)
    whole, missing = with_plan(stream)
    problems += missing
    summary = summary_of(whole) if whole.header.kind == "load" else None
    return RunView(
        id=figures.prefix,
        stream=stream,
        headline=headline_of(stream, None if missing else summary),
        template=TEMPLATES[stream.header.kind],
        view=load_view(whole, figures, summary) if summary else VIEWS[whole.header.kind](whole, figures),
        problems=tuple(problems),
        facts=tuple(conditions_of(stream)),
    )


def with_plan(stream: Stream) -> tuple[Stream, list[str]]:
    """*stream*; a load run whose plan is lost gets one that promises nothing, and that is a problem."""
    if stream.header.kind != "load" or stream.first(Plan):
        return stream, []
    seconds = stream.of(Second)
    lasted_s = max((each.at_s + 1.0 for each in seconds), default=1.0)
    plan = Plan(
        scenario="",
        operations={},
        dimension=0,
        vectors_per_request=0,
        stages=(Stage(kind="constant", from_per_s=0, to_per_s=0, duration_s=lasted_s, name="all"),),
        duration_s=lasted_s,
        scheduled=sum(each.due for each in seconds),
        in_flight_max=0,
        start_within_s=0,
    )
    told = "the plan of this run is missing: what was to be done, and what it must meet, is not known"
    return structs.replace(stream, records=(plan, *stream.records)), [told]
