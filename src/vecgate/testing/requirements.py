"""A requirement: one checkable promise of the S3 Vectors API, with an id, a level and a source.

A test carries exactly one, as a pytest mark. The id of a parametrised test gets the id of its parameters as a
suffix, so that every case has an id of its own that no reordering changes; baselines and deviations name it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from inspect import cleandoc
from typing import Any, Literal, TypeAlias, get_args

import msgspec
import pytest

Level: TypeAlias = Literal["must", "should", "may"]
Evidence: TypeAlias = Literal["model", "documented", "recorded", "inferred"]

LEVELS: tuple[Level, ...] = get_args(Level)
EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)
MARK = "requirement"

ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+")
CASE_LENGTH_MAX = 100


@dataclass(frozen=True, slots=True)
class Requirement:
    """One checkable promise.

    id        such as `put-vectors.duplicate-keys`, of a parametrised test `put-vectors.key-length[1025]`
    level     must: a client breaks without it; should: AWS does so; may: nobody has seen what AWS does
    evidence  model: botocore's service model; documented: by Amazon; recorded: seen on AWS by a public test
              or probe; inferred: none of these
    source    the URL that says so
    needs     capabilities of a target without which it cannot be judged
    covers    what of the service model it checks, in the words of `vecgate.testing.coverage`
    slow      left out of a quick run
    test      node id of the test
    claim     the first line of the docstring of the test
    """

    id: str
    level: Level
    evidence: Evidence
    source: str
    needs: frozenset[str] = frozenset()
    covers: tuple[str, ...] = ()
    slow: bool = False
    test: str = ""
    claim: str = ""

    @property
    def group(self) -> str:
        """What stands before the first dot: an operation, as `put-vectors`, or a topic."""
        return self.id.split(".", 1)[0]


def requirement(
    id_: str,
    /,
    *,
    level: Level,
    evidence: Evidence,
    source: str,
    needs: str | Iterable[str] = (),
    covers: str | Iterable[str] = (),
    slow: bool = False,
) -> pytest.MarkDecorator:
    """Mark a test as the check of requirement *id_*. Raises ValueError where the mark makes no sense.

    *needs* and *covers* may be one text with spaces. Both may name a parameter of the test:
    `covers="{operation}.indexName.max"`; *needs* may name an operation, which stands for what that takes:
    `needs="{operation}"`.
    """
    problems = [
        *([] if ID.fullmatch(id_) else [f"id {id_!r} does not read group.name in lower case and hyphens"]),
        *([] if level in LEVELS else [f"level {level!r} is none of {', '.join(LEVELS)}"]),
        *([] if evidence in EVIDENCE else [f"evidence {evidence!r} is none of {', '.join(EVIDENCE)}"]),
        *([] if source.startswith("https://") else [f"source {source!r} is no https URL"]),
    ]
    if problems:
        raise ValueError(f"requirement {id_}: {'; '.join(problems)}")
    mark: pytest.MarkDecorator = getattr(pytest.mark, MARK)
    return mark.with_args(
        id_,
        level=level,
        evidence=evidence,
        source=source,
        needs=_words(needs),
        covers=_words(covers),
        slow=slow,
    )


def requirement_of(item: pytest.Item) -> Requirement | None:
    """The requirement that *item* checks, with the suffix of its parameters; None where it carries none."""
    mark = item.get_closest_marker(MARK)
    if mark is None:
        return None
    given: Mapping[str, Any] = mark.kwargs
    parameters = _parameters(item)
    return Requirement(
        id=mark.args[0] + _suffix(item),
        level=given["level"],
        evidence=given["evidence"],
        source=given["source"],
        needs=frozenset(_filled(given["needs"], parameters)),
        covers=_filled(given["covers"], parameters),
        slow=given["slow"],
        test=item.nodeid,
        claim=_claim(item),
    )


def catalogue_of(items: Sequence[pytest.Item]) -> tuple[dict[str, Requirement], list[str]]:
    """The requirements of *items* by node id, and what is wrong with them, a sentence each."""
    problems: list[str] = []
    found: dict[str, Requirement] = {}
    for item in items:
        marks = list(item.iter_markers(MARK))
        requirement = requirement_of(item)
        if requirement is None or len(marks) > 1:
            problems.append(f"{item.nodeid} carries {len(marks)} requirements; a test carries exactly one")
        else:
            found[item.nodeid] = requirement
            problems += _unstable(item, requirement)
    return found, problems + _repeated(found.values())


def listed(requirements: Iterable[Requirement]) -> bytes:
    """*requirements* as a JSON array, in the order of their ids."""
    return msgspec.json.encode(sorted(map(asdict, requirements), key=lambda each: each["id"]), order="sorted")


def _repeated(requirements: Iterable[Requirement]) -> list[str]:
    tests: dict[str, list[str]] = {}
    for each in requirements:
        tests.setdefault(each.id, []).append(each.test)
    counts = Counter({id_: len(named) for id_, named in tests.items()})
    return [f"{id_} is checked by {' and '.join(tests[id_])}" for id_, number in counts.items() if number > 1]


def _unstable(item: pytest.Item, requirement: Requirement) -> list[str]:
    """Where pytest had to make up the id of a parameter: it would change when a case is inserted."""
    call = getattr(item, "callspec", None)
    if call is None:
        return []
    made_up = {f"{name}{call.indices[name]}": value for name, value in call.params.items()}
    parts = call.id.split("-")
    problems = [
        f"{requirement.test}: give its parameters ids"
        for each, value in made_up.items()
        if each in parts and value != each
    ]
    if len(call.id) > CASE_LENGTH_MAX:
        problems.append(f"{requirement.test}: the ids of its parameters are {len(call.id)} characters long")
    return problems


def _suffix(item: pytest.Item) -> str:
    call = getattr(item, "callspec", None)
    return f"[{call.id}]" if call is not None else ""


def _parameters(item: pytest.Item) -> Mapping[str, Any]:
    call = getattr(item, "callspec", None)
    return call.params if call is not None else {}


def _filled(words: Iterable[str], parameters: Mapping[str, Any]) -> tuple[str, ...]:
    filled = (word.format_map(parameters) if "{" in word else word for word in words)
    return tuple(part for text in filled for part in text.split())


def _claim(item: pytest.Item) -> str:
    text = getattr(getattr(item, "function", None), "__doc__", None) or ""
    return " ".join(cleandoc(text).split("\n\n")[0].split())


def _words(given: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(given.split()) if isinstance(given, str) else tuple(given)
