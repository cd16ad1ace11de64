"""The number of rejected records at which a run stops, because its input is wrong as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from vecgate.errors import ConfigError

#: A share of the records is judged from this number of records on.
RECORDS_MIN = 1_000
PERCENT_DEFAULT = 10.0


@dataclass(frozen=True, slots=True)
class RejectLimit:
    """The largest number of rejected records, or their largest share in percent of the records read.

    A share is judged once RECORDS_MIN records were read.
    """

    percent: float | None = PERCENT_DEFAULT
    records: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the limit that *text* states: `500`, or `2.5%`. Raises ConfigError."""
        number = text.strip()
        try:
            if number.endswith("%"):
                percent = float(number.removesuffix("%"))
                if 0 <= percent <= 100:  # noqa: PLR2004 - percent
                    return cls(percent=percent)
            elif (records := int(number)) >= 0:
                return cls(percent=None, records=records)
        except ValueError:
            pass
        raise ConfigError(f"{text!r} is no number of rejected records; use a number or a share: 500 or 10%")

    def is_exceeded(self, rejected: int, *, read: int) -> bool:
        """Return true if *rejected* of *read* records are too many."""
        if self.records is not None:
            return rejected > self.records
        return self.percent is not None and read >= RECORDS_MIN and rejected > read * self.percent / 100

    def __str__(self) -> str:
        return f"{self.records:,}" if self.records is not None else f"{self.percent:g} %"
