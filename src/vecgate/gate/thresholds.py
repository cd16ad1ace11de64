"""What a load run must meet, in k6's words: `p(99){operation:PutVectors} < 500ms`.

A threshold is a metric, tags that say of what, a comparator, and a limit with its unit. `measures` holds it
against a run.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vecgate.errors import UsageError
from vecgate.results.load import Plan
from vecgate.results.spans import stages_of

COMPARATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
#: The unit in which each is measured, and how many of that it is.
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
HINT = "Such as `p(99){operation:PutVectors} < 500ms` or `errors < 0.1%`; docs/thresholds.md has all."

_FORM = re.compile(r"([^{}<>=]*?)\s*(?:\{([^{}]*)\})?\s*(<=|>=|==|<|>)\s*([^<>=]*)")
_PERCENTILE = re.compile(r"p\(?(\d+(?:\.\d+)?)\)?")
_RECALL = re.compile(r"recall@(\d+)")
_LIMIT = re.compile(r"(\d+(?:\.\d+)?)\s*(.*)")
_SERVICE = "service_"


@dataclass(frozen=True, slots=True)
class Metric:
    """What may be said of a metric.

    units  that its limit may have
    tags   that say of what it is
    most   that its limit may be, in the first of *units*
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
}
#: As people write them.
WRITTEN = (
    "p(99), med, avg, max, errors, throttled, rate, count, achieved, dropped, late, lost, recall@10, cost"
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a run must meet.

    text        as it was written
    metric      one of METRICS
    percentile  of a `p`
    k           of a recall
    operation   the only one that counts; *stage* likewise; empty for all
    is_service  the time counts from the actual departure, not the intended one
    comparator  one of COMPARATORS
    limit       in *unit*, the one that the metric is measured in
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

    def holds(self, value: float) -> bool:
        """Whether *value*, in *unit*, meets it."""
        return COMPARATORS[self.comparator](value, self.limit)


def parse_threshold(text: str) -> Threshold:
    """The threshold that *text* says. Raises UsageError, which says what is allowed."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise _wrong(
            text, f"it reads METRIC{{TAG:VALUE}} COMPARATOR LIMIT; comparators are {_list(COMPARATORS)}"
        )
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


def parse_thresholds(texts: Sequence[str], plan: Plan) -> tuple[Threshold, ...]:
    """The thresholds that *texts* say, for a run of *plan*. Raises UsageError with all that is wrong."""
    found, problems = [], []
    for text in texts:
        try:
            found.append(_fitting(parse_threshold(text), plan))
        except UsageError as error:
            problems.append(str(error))
    if problems:
        raise UsageError("\n".join(problems), hint=HINT)
    return tuple(found)


def _fitting(threshold: Threshold, plan: Plan) -> Threshold:
    known = {"operation": list(plan.operations), "stage": [name for name, _, _ in stages_of(plan)]}
    for tag, names in known.items():
        wanted = getattr(threshold, tag)
        if wanted and wanted not in names:
            raise _wrong(threshold.text, f"the run has no {tag} {wanted!r}; it has {_list(names)}")
    return threshold


def _metric(text: str, named: str) -> tuple[str, float, int, bool]:
    """Name, percentile and k, and whether it is service time."""
    is_service = named.startswith(_SERVICE)
    name = named.removeprefix(_SERVICE)
    percentile = _PERCENTILE.fullmatch("p50" if name == "med" else name)
    recall = _RECALL.fullmatch(name)
    found = "p" if percentile else "recall" if recall else name
    if found not in METRICS or (is_service and METRICS[found] is not _TIME):
        raise _wrong(text, f"{named!r} is no metric; metrics are {WRITTEN}, and service_p(99) and so on")
    if percentile and not 0 < float(percentile[1]) <= 100:  # noqa: PLR2004 - per cent
        raise _wrong(text, f"{named!r} is no percentile; those are above 0 and up to 100")
    if name in {"p", "recall"} or (recall and not int(recall[1])):
        raise _wrong(text, f"{named!r} lacks its number, as in p(99) and recall@10")
    return found, float(percentile[1]) if percentile else 0.0, int(recall[1]) if recall else 0, is_service


def _tags(text: str, metric: str, tagged: str | None) -> dict[str, str]:
    allowed, tags = METRICS[metric].tags, {}
    for each in tagged.split(",") if tagged is not None else ():
        tag, colon, value = (part.strip() for part in each.partition(":"))
        if not (colon and value) or tag in tags:
            raise _wrong(
                text, f"{each.strip()!r} is no tag: each is written once, as in {{operation:PutVectors}}"
            )
        if tag not in allowed:
            raise _wrong(text, f"{metric} has no tag {tag!r}; it has {_list(allowed) or 'none'}")
        tags[tag] = value
    if tags.get("time", "service") not in {"service", "response"}:
        raise _wrong(text, f"time is {tags['time']!r}; allowed are response, service")
    return tags


def _limit(text: str, metric: str, limited: str) -> tuple[float, str]:
    """The limit in the unit that the metric is measured in, and that unit."""
    match, allowed = _LIMIT.fullmatch(limited.strip()), METRICS[metric]
    if match is None:
        raise _wrong(text, f"the limit {limited.strip()!r} is no number that is 0 or more")
    number, given = float(match[1]), match[2].strip()
    if given not in allowed.units:
        wrong = f"{given!r} is no unit of {metric}" if given else f"{metric} needs a unit"
        raise _wrong(text, f"{wrong}; allowed are {_list(unit or 'no unit' for unit in allowed.units)}")
    if allowed.most is not None and given == allowed.units[0] and number > allowed.most:
        raise _wrong(text, f"{metric} is never above {allowed.most:g}{given and f' {given}'}")
    unit, factor = UNITS[given or allowed.units[-1]] if metric != "cost" else UNITS["usd"]
    return number * factor, unit


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def _wrong(text: str, problem: str) -> UsageError:
    return UsageError(f"threshold {text!r}: {problem}", hint=HINT)
