"""Switches, for where no source settles what AWS does, and for tests that need another AWS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from vecgate.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the endpoint behaves where it could behave otherwise.

    refuses_duplicate_keys  PutVectors with a repeated key is a 400; if not, the last record of a key wins.
                            Users of the service report both: inferred
    absent_differs          `$ne` and `$nin` match where the key is absent, as the negations of `$eq` and
                            `$in`. No source: inferred
    classic_until_s         buckets made before this, in epoch seconds, are old ones: CLASSIC unless told
                            otherwise. On AWS that is 2026-09-30; here no bucket is old unless asked for
    backfill_s              how long a text search configuration that is added to an index with vectors is
                            BUILDING. Ours
    hybrid_depth            how far down each ranking a hybrid search looks, topK at least. Ours
    """

    refuses_duplicate_keys: bool = True
    absent_differs: bool = True
    classic_until_s: float = 0.0
    backfill_s: float = 1.0
    hybrid_depth: int = 1_000


def read_behaviour(words: Iterable[str]) -> Behaviour:
    """The behaviour that *words* such as `absent_differs=false` ask for; what they do not name stays.

    Raises ConfigError for a word that is not understood.
    """
    values = dict(word.partition("=")[::2] for word in words)
    try:
        # Text that reads as a boolean or a number becomes one.
        chosen = msgspec.convert(values, _Chosen, strict=False)
    except msgspec.ValidationError as error:
        names = ", ".join(Behaviour.__dataclass_fields__)
        raise ConfigError(f"--behaviour is not understood: {error}", hint=f"There are {names}.") from None
    return Behaviour(**msgspec.structs.asdict(chosen))


#: The same fields, read strictly: an unknown one is an error.
_Chosen = msgspec.defstruct(
    "_Chosen",
    [(name, field.type, field.default) for name, field in Behaviour.__dataclass_fields__.items()],
    forbid_unknown_fields=True,
)
