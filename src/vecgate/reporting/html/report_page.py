"""The report: one page for one or several runs, with the verdicts first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from msgspec import structs

from vecgate.reporting.html.charts.figures import FigureBuilder
from vecgate.reporting.html.components import ExperimentView, Facts
from vecgate.reporting.html.headline import Headline, build_headline
from vecgate.reporting.html.requirement_rows import OUTCOME_LABELS
from vecgate.reporting.html.run_facts import run_facts
from vecgate.reporting.html.templating import render_template
from vecgate.reporting.html.views.benchmarks_view import BenchmarksView, benchmarks_view, peers_view
from vecgate.reporting.html.views.bulk_view import bulk_view
from vecgate.reporting.html.views.capacity_view import capacity_view
from vecgate.reporting.html.views.conformance_view import ConformanceView, conformance_view
from vecgate.reporting.html.views.load_view import LoadView, load_view
from vecgate.reporting.html.views.scale_view import scale_view
from vecgate.reporting.html.views.sweep_view import sweep_view
from vecgate.results.load.load_records import LoadPlan, Second, Stage
from vecgate.results.load.load_summary import summarize
from vecgate.results.records import RunKind, Stream

View: TypeAlias = LoadView | ConformanceView | ExperimentView | BenchmarksView

#: The template for each kind of run.
TEMPLATES: Mapping[RunKind, str] = {
    "conformance": "conformance.html.j2",
    "load": "load.html.j2",
    "bulk": "load.html.j2",
    "capacity": "experiment.html.j2",
    "sweep": "experiment.html.j2",
    "scale": "experiment.html.j2",
    "benchmarks": "benchmarks.html.j2",
    "peers": "benchmarks.html.j2",
}
#: The view of each kind of run. The view of load runs also needs their summary.
VIEWS: Mapping[RunKind, Callable[[Stream, FigureBuilder], View]] = {
    "conformance": lambda stream, _: conformance_view(stream.run),
    "bulk": bulk_view,
    "capacity": capacity_view,
    "sweep": sweep_view,
    "scale": scale_view,
    "benchmarks": benchmarks_view,
    "peers": peers_view,
}


@dataclass(frozen=True, slots=True)
class RunView:
    """One run in a report.

    id        prefix of the ids of its elements
    view      the data for *template*
    problems  messages about problems of the stream
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


def render_report(streams: Sequence[Stream], unreadable: Sequence[str] = ()) -> str:
    """Return the page about *streams*. It shows *unreadable*, messages about files that could not be read."""
    return build_report(streams, unreadable).html


def build_report(streams: Sequence[Stream], unreadable: Sequence[str] = ()) -> Report:
    """Return the same page with the headlines of its runs."""
    runs = [
        build_run_view(stream, FigureBuilder(f"run{order}")) for order, stream in enumerate(streams, start=1)
    ]
    title = runs[0].headline.title if len(runs) == 1 else f"{len(runs)} runs"
    html = render_template(
        "report.html.j2", title=title, runs=runs, outcome_labels=OUTCOME_LABELS, unreadable=unreadable
    )
    return Report(html, tuple(run.headline for run in runs))


def build_run_view(stream: Stream, figures: FigureBuilder) -> RunView:
    """Return the view of one run."""
    whole, plan_problems = with_plan(stream)
    summary = summarize(whole) if whole.header.kind == "load" else None
    return RunView(
        id=figures.prefix,
        stream=stream,
        headline=build_headline(stream, None if plan_problems else summary),
        template=TEMPLATES[stream.header.kind],
        view=load_view(whole, figures, summary) if summary else VIEWS[whole.header.kind](whole, figures),
        problems=(*stream.problems, *plan_problems),
        facts=tuple(run_facts(stream)),
    )


def with_plan(stream: Stream) -> tuple[Stream, list[str]]:
    """Return *stream* with an empty plan if it is a load run without one, and a message that says so."""
    if stream.header.kind != "load" or stream.first(LoadPlan):
        return stream, []
    seconds = stream.of(Second)
    duration_s = max((each.at_s + 1.0 for each in seconds), default=1.0)
    plan = LoadPlan(
        scenario="",
        operations={},
        dimension=0,
        vectors_per_request=0,
        stages=(Stage(kind="constant", from_per_s=0, to_per_s=0, duration_s=duration_s, name="all"),),
        duration_s=duration_s,
        scheduled=sum(each.due for each in seconds),
        in_flight_max=0,
        start_deadline_s=0,
    )
    problem = "the plan of this run is missing: its schedule and its thresholds are unknown"
    return structs.replace(stream, records=(plan, *stream.records)), [problem]
