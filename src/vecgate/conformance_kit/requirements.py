"""A requirement: one checkable promise of the S3 Vectors API, with an id, a level and a source.

A test has exactly one requirement, as a pytest mark. In a parametrised test, the id of the parameters is
appended to the requirement id, so that each case has a stable id that baselines and deviations can name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from inspect import cleandoc
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from vecgate.conformance_kit.grades import EVIDENCE, KINDS, Evidence, Kind, Level, level_of

MARK = "requirement"

ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+")
CASE_LENGTH_MAX = 100


@dataclass(frozen=True, slots=True)
class Requirement:
    """One checkable promise.

    id        such as `put-vectors.duplicate-keys`; in a parametrised test `put-vectors.key-length[1025]`
    level     must: a client breaks without it; should: AWS does so; may: what AWS does is not known
    kind      of promise; together with the evidence it decides the level
    evidence  model: botocore's service model; documented: by Amazon; recorded: seen on AWS by a public test
              or probe; inferred: none of these
    source    the URL of the evidence
    needs     capabilities that a target must have for this requirement to be tested
    covers    elements of the service model that it checks; `tests/support/model_coverage.py` names them
    slow      not part of a quick run, as all properties that random examples test
    test      node id of the test
    claim     the first line of the docstring of the test
    """

    id: str
    kind: Kind
    evidence: Evidence
    source: str
    needs: frozenset[str] = frozenset()
    covers: tuple[str, ...] = ()
    slow: bool = False
    test: str = ""
    claim: str = ""

    @property
    def level(self) -> Level:
        """The level that follows from kind and evidence."""
        return level_of(self.kind, self.evidence)

    @property
    def group(self) -> str:
        """The part of the id before the first dot: an operation, such as `put-vectors`, or a topic."""
        return self.id.split(".", 1)[0]


def requirement(
    id_: str,
    /,
    *,
    kind: Kind,
    evidence: Evidence | Mapping[str, Evidence],
    source: str,
    needs: str | Iterable[str] = (),
    covers: str | Iterable[str] = (),
    slow: bool = False,
) -> pytest.MarkDecorator:
    """Mark a test as the check of requirement *id_*. Raises ValueError if an argument is not valid.

    *needs* and *covers* may be one text with spaces. Both may refer to a parameter of the test:
    `covers="{operation}.indexName.max"`. *needs* may also name an operation, which means the capabilities
    that this operation requires: `needs="{operation}"`. *evidence* may be given by the parameter `operation`:
    `evidence={"CreateIndex": "recorded", "": "inferred"}`, where the empty name stands for all others.
    """
    given = tuple(evidence.values()) if isinstance(evidence, Mapping) else (evidence,)
    problems = [
        *([] if ID.fullmatch(id_) else [f"id {id_!r} is not `group.name` in lower case with hyphens"]),
        *([] if kind in KINDS else [f"kind {kind!r} is unknown; use {', '.join(KINDS)}"]),
        *(
            f"evidence {each!r} is unknown; use {', '.join(EVIDENCE)}"
            for each in given
            if each not in EVIDENCE
        ),
        *([] if source.startswith("https://") else [f"source {source!r} is not an https URL"]),
    ]
    if problems:
        raise ValueError(f"requirement {id_}: {'; '.join(problems)}")
    for each in given:
        level_of(kind, each)
    mark: pytest.MarkDecorator = getattr(pytest.mark, MARK)
    return mark.with_args(
        id_,
        kind=kind,
        evidence=evidence,
        source=source,
        needs=_split_words(needs),
        covers=_split_words(covers),
        slow=slow,
    )


def requirement_of(item: pytest.Item) -> Requirement | None:
    """Return the requirement that *item* checks, or None if it has no requirement mark."""
    mark = item.get_closest_marker(MARK)
    if mark is None:
        return None
    given: Mapping[str, Any] = mark.kwargs
    parameters = _parameters(item)
    return Requirement(
        id=mark.args[0] + _suffix(item),
        kind=given["kind"],
        evidence=_evidence(given["evidence"], parameters),
        source=given["source"],
        needs=frozenset(_fill_in(given["needs"], parameters)),
        covers=_fill_in(given["covers"], parameters),
        slow=given["slow"] or getattr(getattr(item, "obj", None), "is_hypothesis_test", False),
        test=item.nodeid,
        claim=_claim(item),
    )


def build_catalogue(items: Sequence[pytest.Item]) -> tuple[dict[str, Requirement], list[str]]:
    """Return the requirements of *items* by node id, and the problems of their marks, one sentence each."""
    problems: list[str] = []
    found: dict[str, Requirement] = {}
    for item in items:
        marks = list(item.iter_markers(MARK))
        requirement = requirement_of(item)
        if requirement is None or len(marks) > 1:
            problems.append(f"{item.nodeid} has {len(marks)} requirements; a test must have exactly one")
        else:
            found[item.nodeid] = requirement
            problems += _unstable_id(item, requirement)
    return found, problems + _duplicate_ids(found.values())


def encode_catalogue(
    requirements: Iterable[Requirement],
    fingerprints: Mapping[str, str] = MappingProxyType({}),
    *,
    quick: Collection[str] = (),
) -> bytes:
    """Encode *requirements* as a JSON array, ordered by id.

    *fingerprints* of the tests are by node id, *quick* are the ids of the quick level.
    """
    plain = (
        {
            **asdict(each),
            "level": each.level,
            "fingerprint": fingerprints.get(each.test, ""),
            "quick": each.id in quick,
        }
        for each in requirements
    )
    return msgspec.json.encode(sorted(plain, key=lambda each: each["id"]), order="sorted")


def _duplicate_ids(requirements: Iterable[Requirement]) -> list[str]:
    tests: dict[str, list[str]] = {}
    for each in requirements:
        tests.setdefault(each.id, []).append(each.test)
    return [f"{id_} is checked by {' and '.join(named)}" for id_, named in tests.items() if len(named) > 1]


def _unstable_id(item: pytest.Item, requirement: Requirement) -> list[str]:
    """Return problems of ids that pytest generated: they would change when a case is inserted."""
    call = getattr(item, "callspec", None)
    if call is None:
        return []
    generated = {f"{name}{call.indices[name]}": value for name, value in call.params.items()}
    parts = call.id.split("-")
    problems = [
        f"{requirement.test}: give its parameters ids"
        for each, value in generated.items()
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


def _evidence(given: Evidence | Mapping[str, Evidence], parameters: Mapping[str, Any]) -> Evidence:
    if not isinstance(given, Mapping):
        return given
    return given.get(parameters.get("operation", ""), given[""])


def _fill_in(words: Iterable[str], parameters: Mapping[str, Any]) -> tuple[str, ...]:
    filled = (word.format_map(parameters) if "{" in word else word for word in words)
    return tuple(part for text in filled for part in text.split())


def _claim(item: pytest.Item) -> str:
    text = getattr(getattr(item, "function", None), "__doc__", None) or ""
    return " ".join(cleandoc(text).split("\n\n")[0].split())


def _split_words(words: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(words.split()) if isinstance(words, str) else tuple(words)
