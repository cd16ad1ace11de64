"""Where a target is known to differ: a list that cannot rot. A run fails on an entry that is no longer true.

[[deviation]]
requirements = ["get-vectors.absent-keys"]      # exact ids; one cause may break several
reason = "Answers 404 where AWS leaves out what is not stored."
evidence = "https://github.com/getmoto/moto/blob/5.2.5/moto/s3vectors/models.py"

[[lacks]]
capability = "query"                             # one of `vecgate.targets.capabilities`
reason = "Has no QueryVectors."
evidence = "moto 5.2.5, 2026-11-24: answered with 404"
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from vecgate.errors import ConfigError
from vecgate.targets.capabilities import CAPABILITIES


class Deviation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One cause, and the requirements that a target does not keep for it."""

    requirements: tuple[str, ...]
    reason: str
    evidence: str


class Lack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A capability that a target is known to lack."""

    capability: str
    reason: str
    evidence: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    deviation: tuple[Deviation, ...] = ()
    lacks: tuple[Lack, ...] = ()


@dataclass(frozen=True, slots=True)
class Deviations:
    """The list of one target.

    known  id of a requirement to its deviation
    lacks  capability to why it is known to be lacking
    """

    known: Mapping[str, Deviation] = field(default_factory=dict)
    lacks: Mapping[str, Lack] = field(default_factory=dict)

    def unmatched(self, ids: Collection[str]) -> list[str]:
        """The ids in the list that no requirement of *ids* has."""
        return sorted(self.known.keys() - set(ids))

    def outgrown(self, lacking: Collection[str]) -> list[str]:
        """The capabilities in the list that a target which lacks *lacking* has after all."""
        return sorted(self.lacks.keys() - set(lacking))


def read_deviations(path: Path) -> Deviations:
    """The list in the file at *path*; an empty one where there is no such file. Raises ConfigError."""
    if not path.exists():
        return Deviations()
    try:
        content = msgspec.toml.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} lists no deviations: {error}", hint="conformance/README.md shows the format."
        ) from None
    if problems := _problems(content):
        raise ConfigError(f"{path}: {'; '.join(problems)}")
    known = {id_: each for each in content.deviation for id_ in each.requirements}
    return Deviations(known, {each.capability: each for each in content.lacks})


def _problems(content: _File) -> list[str]:
    ids = Counter(id_ for each in content.deviation for id_ in each.requirements)
    entries = [(", ".join(each.requirements), each.reason, each.evidence) for each in content.deviation]
    entries += [(each.capability, each.reason, each.evidence) for each in content.lacks]
    unexplained = [name for name, *told in entries if not all(text.strip() for text in told)]
    return [
        *(f"{id_} is listed {number} times" for id_, number in ids.items() if number > 1),
        *(f"{name} has no reason or no evidence" for name in unexplained),
        *(
            f"no capability is called {each.capability!r}"
            for each in content.lacks
            if each.capability not in CAPABILITIES
        ),
        *("a deviation names no requirement" for each in content.deviation if not each.requirements),
    ]
