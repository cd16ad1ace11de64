"""Thresholds of a load run, in the syntax of k6: `p(99){operation:PutVectors} < 500ms`.

A threshold has a metric, tags that select requests, a comparator, and a limit with its unit.
`threshold_checks` measures it in a run.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vecgate.errors import UsageError
from vecgate.results.load.load_records import LoadPlan
from vecgate.results.spans import stage_intervals

COMPARATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
#: Each unit, with the unit in which vecgate measures and the factor between the two.
UNITS: Final[Mapping[str, tuple[str, float]]] = {
    "us": ("ms", 1e-3),
    "ms": ("ms", 1),
    "s": ("ms", 1e3),
    "%": ("%", 1),
    "": ("", 1),
    "usd": ("usd", 1),
    "vectors/s": ("vectors/s", 1),
    "requests/s": ("requests/s", 1),
}
HINT = "Write for example `p(99){operation:PutVectors} < 500ms` or `errors < 0.1%`; see docs/thresholds.md."

_FORM = re.compile(r"([^{}<>=]*?)\s*(?:\{([^{}]*)\})?\s*(<=|>=|==|<|>)\s*([^<>=]*)")
_COMPARATOR = re.compile(r"[<>=!]+")
_PERCENTILE = re.compile(r"p(?:\((?P<in_brackets>\d+(?:\.\d+)?)\)|(?P<bare>\d+(?:\.\d+)?))")
_RECALL = re.compile(r"recall@(\d+)")
_LIMIT = re.compile(r"(\d+(?:\.\d+)?)\s*(.*)")
_SERVICE = "service_"


@dataclass(frozen=True, slots=True)
class Metric:
    """The parts that a threshold with this metric may have.

    units  of the limit
    tags   that select requests
    most   highest limit, in the first of *units*
    """

    units: tuple[str, ...]
    tags: tuple[str, ...] = ()
    most: float | None = None


_TIME = Metric(("ms", "s", "us"), ("operation", "stage", "time"))
_OF_REQUESTS = Metric(("%", ""), ("operation", "stage"), 100)
_OF_SCHEDULE = Metric(("%", ""), ("stage",), 100)
METRICS: Final[Mapping[str, Metric]] = {
    "p": _TIME,
    "avg": _TIME,
    "max": _TIME,
    "errors": _OF_REQUESTS,
    "throttled": _OF_REQUESTS,
    "rate": Metric(("vectors/s", "requests/s"), ("operation", "stage")),
    "count": Metric(("",), ("operation", "stage")),
    "achieved": Metric(("%",), ("stage",), 100),
    "dropped": _OF_SCHEDULE,
    "late": _OF_SCHEDULE,
    "lost": _OF_SCHEDULE,
    "recall": Metric(("",), (), 1),
    "cost": Metric(("usd", "")),
    "cost_per_hour": Metric(("usd", "")),
}
#: As users write them.
WRITTEN = (
    "p(99), med, avg, max, errors, throttled, rate, count, achieved, dropped, late, lost, recall@10, cost, "
    "cost_per_hour"
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """One condition that a run must meet.

    text        as the user wrote it
    metric      one of METRICS
    comparator  one of COMPARATORS
    limit       in *unit*, in which the metric is measured
    percentile  of the metric `p`
    k           topK of the metric `recall`
    operation   only this operation counts; empty for all
    stage       only this stage counts; empty for all
    is_service  times count from the actual start of a request, not from the scheduled one
    """

    text: str
    metric: str
    comparator: str
    limit: float
    unit: str
    percentile: float = 0.0
    k: int = 0
    operation: str = ""
    stage: str = ""
    is_service: bool = False

    def is_met_by(self, value: float) -> bool:
        """Return whether *value*, in *unit*, meets the threshold."""
        return COMPARATORS[self.comparator](value, self.limit)


def parse_threshold(text: str) -> Threshold:
    """Return the threshold that *text* states. Raises UsageError that says what is allowed."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise _error(text, _form_problem(text))
    named, tagged, comparator, limited = match.groups()
    metric, percentile, k, is_service = _metric(text, named)
    tags = _tags(text, metric, tagged)
    limit, unit = _limit(text, metric, limited)
    return Threshold(
        text.strip(),
        metric,
        comparator,
        limit,
        unit,
        percentile=percentile,
        k=k,
        operation=tags.get("operation", ""),
        stage=tags.get("stage", ""),
        is_service=is_service or tags.get("time") == "service",
    )


def parse_thresholds(texts: Sequence[str], plan: LoadPlan) -> tuple[Threshold, ...]:
    """Return the thresholds that *texts* state for a run of *plan*. UsageError lists all problems."""
    found, problems = [], []
    for text in texts:
        try:
            found.append(_check_tags(parse_threshold(text), plan))
        except UsageError as error:
            problems.append(str(error))
    if problems:
        raise UsageError("\n".join(problems), hint=HINT)
    return tuple(found)


def _form_problem(text: str) -> str:
    """Return what keeps *text* from having the form of a threshold."""
    found, allowed = _COMPARATOR.findall(text), f"allowed are {_join(COMPARATORS)}"
    if wrong := [each for each in found if each not in COMPARATORS]:
        return f"{wrong[0]!r} is not a comparator; {allowed}"
    if len(found) > 1:
        return f"it has {len(found)} comparators; write one condition in each threshold"
    if not found:
        return f"it has no comparator; {allowed}"
    if text.count("{") != text.count("}"):
        return "a brace is missing; write the tags as in {operation:PutVectors}"
    return "write METRIC{TAG:VALUE} COMPARATOR LIMIT"


def _check_tags(threshold: Threshold, plan: LoadPlan) -> Threshold:
    known = {"operation": list(plan.operations), "stage": [name for name, _, _ in stage_intervals(plan)]}
    for tag, names in known.items():
        wanted = getattr(threshold, tag)
        if wanted and wanted not in names:
            raise _error(threshold.text, f"the run has no {tag} {wanted!r}; it has {_join(names)}")
    return threshold


def _metric(text: str, named: str) -> tuple[str, float, int, bool]:
    """Return the name, the percentile, k, and whether the metric is a service time."""
    is_service = named.startswith(_SERVICE)
    name = named.removeprefix(_SERVICE)
    match = _PERCENTILE.fullmatch("p50" if name == "med" else name)
    percentile = float(match["in_brackets"] or match["bare"]) if match else None
    recall = _RECALL.fullmatch(name)
    found = "p" if match else "recall" if recall else name
    if found not in METRICS or (is_service and METRICS[found] is not _TIME):
        raise _error(text, f"{named!r} is not a metric; metrics are {WRITTEN}, and service_p(99) and so on")
    if percentile is not None and not 0 < percentile <= 100:  # noqa: PLR2004 - per cent
        raise _error(text, f"{named!r} is not a percentile; allowed is above 0, up to 100")
    if name in {"p", "recall"} or (recall and not int(recall[1])):
        raise _error(text, f"{named!r} needs a number, as in p(99) or recall@10")
    return found, percentile or 0.0, int(recall[1]) if recall else 0, is_service


def _tags(text: str, metric: str, tagged: str | None) -> dict[str, str]:
    allowed, tags = METRICS[metric].tags, {}
    for each in tagged.split(",") if tagged is not None else ():
        tag, colon, value = (part.strip() for part in each.partition(":"))
        if not (colon and value) or tag in tags:
            raise _error(
                text, f"{each.strip()!r} is not a tag; write each tag once, as in {{operation:PutVectors}}"
            )
        if tag not in allowed:
            raise _error(text, f"{metric} has no tag {tag!r}; its tags are {_join(allowed) or 'none'}")
        tags[tag] = value
    if tags.get("time", "service") not in {"service", "response"}:
        raise _error(text, f"time is {tags['time']!r}; allowed are response, service")
    return tags


def _limit(text: str, metric: str, limited: str) -> tuple[float, str]:
    """Return the limit in the unit in which the metric is measured, and that unit."""
    match, allowed = _LIMIT.fullmatch(limited.strip()), METRICS[metric]
    if match is None:
        raise _error(text, f"the limit {limited.strip()!r} is not a number of 0 or more")
    number, given = float(match[1]), match[2].strip()
    if given not in allowed.units:
        problem = f"{given!r} is not a unit of {metric}" if given else f"{metric} needs a unit"
        verb = "is" if len(allowed.units) == 1 else "are"
        raise _error(text, f"{problem}; allowed {verb} {_join(unit or 'no unit' for unit in allowed.units)}")
    if allowed.most is not None and given == allowed.units[0] and number > allowed.most:
        raise _error(text, f"{metric} is never above {allowed.most:g}{given and f' {given}'}")
    unit, factor = UNITS[given or allowed.units[-1]] if not metric.startswith("cost") else UNITS["usd"]
    return number * factor, unit


def _join(names: Iterable[str]) -> str:
    return ", ".join(names)


def _error(text: str, problem: str) -> UsageError:
    return UsageError(f"threshold {text!r}: {problem}", hint=HINT)
