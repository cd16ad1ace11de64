"""The known deviations of a target: the requirements that it does not meet, and why.

A run fails on an entry that no longer applies, so the list stays true.

[[deviation]]
requirements = ["get-vectors.absent-keys"]      # exact ids; one cause may affect several
reason = "Answers 404 where AWS omits keys that are not stored."
evidence = "https://github.com/getmoto/moto/blob/5.2.5/moto/s3vectors/models.py"

[[unsupported]]
capability = "query"                             # one of `vecgate.targets.capabilities`
reason = "Has no QueryVectors."
evidence = "moto 5.2.5, 2026-11-24: answered with 404"
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec

from vecgate.gate.requirement_ids import current_id
from vecgate.targets.capabilities import BASE, CAPABILITIES
from vecgate.toml_schema import Parser, Problems, Text, parse_table, parse_tables, read_toml, suggest

Ids: TypeAlias = Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]


class Deviation(msgspec.Struct, frozen=True):
    """One cause, and the requirements that a target does not meet because of it."""

    requirements: Ids
    reason: Text
    evidence: Text


class UnsupportedCapability(msgspec.Struct, frozen=True):
    """A capability that a target is known not to support."""

    capability: str
    reason: Text
    evidence: Text


class _File(msgspec.Struct, frozen=True):
    deviation: tuple[Deviation, ...] = ()
    unsupported: tuple[UnsupportedCapability, ...] = ()
    lacks: tuple[UnsupportedCapability, ...] = ()  # the name of `unsupported` in files of earlier versions


@dataclass(frozen=True, slots=True)
class Deviations:
    """The known deviations of one target.

    known        id of a requirement to its deviation
    unsupported  capability to its entry
    retired      listed ids of requirements that no longer exist; they have no effect
    """

    known: Mapping[str, Deviation] = field(default_factory=dict)
    unsupported: Mapping[str, UnsupportedCapability] = field(default_factory=dict)
    retired: tuple[str, ...] = ()

    def unmatched(self, ids: Collection[str]) -> list[str]:
        """Return the ids of the list that are not among *ids*, the ids of all requirements."""
        return sorted(self.known.keys() - set(ids))

    def stale_capabilities(self, unsupported: Collection[str]) -> list[str]:
        """Return the listed capabilities that are not among *unsupported*, those that the target lacks."""
        return sorted(self.unsupported.keys() - set(unsupported))


def read_deviations(path: Path) -> Deviations:
    """Return the deviations in the file at *path*, none if it does not exist. Raises ConfigError.

    Ids of earlier versions are read as the ids of today.
    """
    if not path.exists():
        return Deviations()
    problems = Problems()
    capabilities = partial(parse_tables, UnsupportedCapability, check=_check_capability)
    parsers: dict[str, Parser] = {"unsupported": capabilities, "lacks": capabilities}
    file = parse_table(_File, read_toml(path), "", problems, parsers) or _File()
    known: dict[str, Deviation] = {}
    retired: list[str] = []
    for entry in file.deviation:
        for listed in entry.requirements:
            id_ = current_id(listed)
            if id_ is None:
                retired.append(listed)
            elif id_ in known:
                problems.add("deviation", f"lists {listed} twice, allowed is one entry for each requirement")
            else:
                known[id_] = entry
    problems.raise_if_any(path, hint="conformance/README.md shows the format.")
    unsupported = {entry.capability: entry for entry in (*file.unsupported, *file.lacks)}
    return Deviations(known, unsupported, tuple(retired))


def _check_capability(entry: UnsupportedCapability, path: str, problems: Problems) -> None:
    if entry.capability == BASE:
        problems.add(f"{path}.capability", f"is {BASE!r}, which every target must support")
    elif entry.capability not in CAPABILITIES:
        allowed = suggest(entry.capability, CAPABILITIES)
        problems.add(f"{path}.capability", f"is {entry.capability!r}, {allowed}")
