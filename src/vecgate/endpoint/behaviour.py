"""Switches for behaviour of AWS that no source settles, and for tests that need a different AWS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from vecgate.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The endpoint's behaviour where alternatives exist.

    refuses_duplicate_keys  PutVectors with a repeated key is a 400; otherwise the last record of a key wins.
                            Users of the service report both: inferred
    ne_matches_absent       `$ne` and `$nin` match vectors that lack the key, as the negations of `$eq` and
                            `$in`. No source: inferred
    classic_until_s         buckets created before this time, in epoch seconds, are CLASSIC by default. On AWS
                            that is 2026-09-30; by default no bucket here is that old
    backfill_s              how long a text search configuration that is added to an index with vectors stays
                            BUILDING. AWS publishes no number
    hybrid_depth            how many results of each ranking a hybrid search fuses, at least topK. AWS
                            publishes no number
    """

    refuses_duplicate_keys: bool = True
    ne_matches_absent: bool = True
    classic_until_s: float = 0.0
    backfill_s: float = 1.0
    hybrid_depth: int = 1_000


def parse_behaviour(assignments: Iterable[str]) -> Behaviour:
    """Return the behaviour that assignments such as `ne_matches_absent=false` select; the rest keeps its
    default.

    Raises ConfigError for an unknown name or a bad value.
    """
    values = dict(assignment.partition("=")[::2] for assignment in assignments)
    try:
        # Not strict: text such as `false` or `2.5` converts to the type of the field.
        entry = msgspec.convert(values, _BehaviourEntry, strict=False)
    except msgspec.ValidationError as error:
        names = ", ".join(Behaviour.__dataclass_fields__)
        raise ConfigError(f"invalid --behaviour: {error}", hint=f"The switches are {names}.") from None
    return Behaviour(**msgspec.structs.asdict(entry))


#: The same fields; an unknown one is an error.
_BehaviourEntry = msgspec.defstruct(
    "_BehaviourEntry",
    [(name, field.type, field.default) for name, field in Behaviour.__dataclass_fields__.items()],
    forbid_unknown_fields=True,
)
