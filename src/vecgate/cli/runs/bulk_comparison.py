"""A comparison of an input with an index: the lines and the JSON of `put --verify` and `diff`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from vecgate.bulk.bulk_recorder import comparison_record
from vecgate.bulk.verify import Comparison, KeyDifference, Sample
from vecgate.errors import UsageError
from vecgate.exit_codes import EXIT_CODE_OF_GRADE, ExitCode, exit_code_of
from vecgate.formatting import format_count, format_duration
from vecgate.gate.verdict import WORDS, Grade
from vecgate.results.bulk_records import BulkVerification

#: The last words of a line about a comparison that did not end.
AGAIN = "compare again with `vecgate diff`"


@dataclass(frozen=True, slots=True)
class VerifyChoice:
    """The records to read back, as the user chose them: a *share* of the keys, or about *number* records."""

    share: float = 1.0
    number: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `all`, `10000` or `1%`. Raises UsageError."""
        if text == "all":
            return cls()
        wrong = UsageError(f"--verify={text} is not allowed; use --verify, --verify=10000 or --verify=1%")
        try:
            choice = cls(float(text[:-1]) / 100) if text.endswith("%") else cls(number=int(text))
            choice.sample(total=1)
        except ValueError:
            raise wrong from None
        return choice

    def sample(self, *, total: int) -> Sample:
        """Return the keys of *total* records to read back. Raises ConfigError."""
        return Sample(self.share) if self.number is None else Sample.of_records(self.number, total=total)


def comparison_exit_code(comparison: Comparison, grade: Grade) -> ExitCode:
    """Return the exit code of a comparison of that *grade*."""
    if comparison.interrupted:
        return ExitCode.INTERRUPTED
    if comparison.stopped_by is not None:
        return exit_code_of(comparison.stopped_by)
    return EXIT_CODE_OF_GRADE[grade]


def comparison_word(comparison: Comparison, grade: Grade) -> str:
    """Return the first word of the line of a comparison of that *grade*."""
    return "INTERRUPTED" if comparison.interrupted else WORDS[grade]


def comparison_lines(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Yield the label and the text of each line about *comparison*."""
    duration = format_duration(comparison.elapsed_s)
    requests = format_count(comparison.requests, "request")
    yield "read back", f"{format_count(comparison.compared, 'record')} in {duration}, {requests}"
    different = [_describe(difference) for difference in comparison.different_keys]
    for label, number, examples in (
        ("missing", comparison.missing, [repr(key) for key in comparison.missing_keys]),
        ("different", comparison.different, different),
        ("extra", comparison.extra, [repr(key) for key in comparison.extra_keys]),
    ):
        if number:
            more = ", …" if number > len(examples) else ""
            yield label, f"{format_count(number, 'key')}: {', '.join(examples)}{more}"


def comparison_to_dict(comparison: Comparison) -> dict[str, object]:
    """Return *comparison* for JSON. It has keys, but no values."""
    record = comparison_record(comparison)
    return {name: getattr(record, name) for name in BulkVerification.__struct_fields__} | {
        "is_complete": comparison.is_complete,
        "stopped_by": record.stopped_by or None,
        "missing_keys": comparison.missing_keys,
        "different_keys": [
            {"key": difference.key, "parts": difference.parts} for difference in comparison.different_keys
        ],
        "extra_keys": comparison.extra_keys,
    }


def _describe(difference: KeyDifference) -> str:
    return f"{difference.key!r} ({difference.parts})" if difference.parts else repr(difference.key)
