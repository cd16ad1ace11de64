"""The report on a whole source, as text and as JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from vecgate.formatting import format_bytes, format_count
from vecgate.s3vectors.limits import FILTERABLE_BYTES_MAX, METADATA_BYTES_MAX, NON_FILTERABLE_KEYS_MAX

_LABEL_WIDTH = 12
#: End of a problem of metadata to the option that helps.
_HINTS = (
    (("nulls", "is null"), "--nulls drop leaves out null entries, --nulls prune also null elements"),
    ("is an empty array", "--nulls prune leaves out empty arrays"),
    ("is an object", "--flatten makes each entry of an object metadata, such as object.entry"),
    (("infinite number", "infinite numbers"), "leave the column out with --metadata, or correct its values"),
)


@dataclass(frozen=True, slots=True)
class ProblemCount:
    """Records that would be rejected for one reason.

    problem  what is wrong and what is allowed
    records  how many
    keys     of the first few; a record without a key is named `line 5` or `record 4`
    """

    problem: str
    records: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Keys that occur more than once; the last record of each wins.

    keys        how many such keys
    superseded  how many records a later one replaces
    examples    a few of the keys; empty if the source cannot be read twice
    is_certain  False if keys were compared by 64-bit hashes only
    """

    keys: int = 0
    superseded: int = 0
    examples: tuple[str, ...] = ()
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class Norms:
    """Euclidean norms of the finite vectors.

    vectors   how many were measured
    unit      vectors of norm 1, within a thousandth
    zero      vectors of norm 0, which a cosine index rejects
    smallest  norm, 0 without vectors
    largest   norm, 0 without vectors
    """

    vectors: int
    unit: int
    zero: int
    smallest: float
    largest: float


@dataclass(frozen=True, slots=True)
class MetadataKey:
    """One metadata key over all records; bytes as the service counts them.

    types  string, number, boolean, array, or other, which the service rejects
    """

    name: str
    records: int
    types: tuple[str, ...]
    bytes_mean: float
    bytes_max: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The metadata keys to make non-filterable when the index is created.

    keys     the smallest set that lets every record fit, including the keys that are non-filterable already;
             empty if no set does
    rescued  records that are rejected without these keys and accepted with them
    added    the keys that are filterable now
    """

    keys: tuple[str, ...]
    rescued: int
    added: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        """The option of `vecgate put --create` for these keys, or an empty text."""
        return f"--non-filterable {','.join(self.keys)}" if self.keys else ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The content of a whole source and its problems, found without a request.

    name               of the source
    layout             the use of each column
    conversions        metadata columns that are converted to another type, and to which
    records            valid and invalid ones together
    valid              records that would be accepted
    invalid            records that would be rejected
    problems           invalid records by reason, most frequent first
    lengths            (values in a vector, how many vectors), most frequent first
    metadata           keys, largest first
    filterable_over    records whose filterable metadata exceed 2 KB
    total_over         records whose metadata exceed 40 KB
    bytes_per_vector   in a request, estimated from a sample
    requests           PutVectors requests for the valid records, about
    suggestion         None if every record fits, or the source cannot be read twice
    """

    name: str
    layout: str
    records: int
    valid: int
    invalid: int
    problems: tuple[ProblemCount, ...]
    lengths: tuple[tuple[int, int], ...]
    duplicates: Duplicates
    norms: Norms
    metadata: tuple[MetadataKey, ...]
    filterable_over: int
    total_over: int
    bytes_per_vector: float
    requests: int
    suggestion: Suggestion | None
    conversions: tuple[str, ...] = ()

    @property
    def suggests_cosine(self) -> bool:
        """True if every vector has unit norm, as models trained for cosine return them."""
        return 0 < self.norms.unit == self.norms.vectors

    def to_dict(self) -> dict[str, Any]:
        """Return the report in a form that JSON can represent."""
        option = self.suggestion.option if self.suggestion else ""
        plain = cast("dict[str, Any]", msgspec.to_builtins(self))
        return {**plain, "suggests_cosine": self.suggests_cosine, "option": option}

    def lines(self) -> list[str]:
        """Return the report as lines of text, the verdict last."""
        return [
            f"{self.name}: {format_count(self.records, 'record')}",
            self.layout,
            *self._problem_lines(),
            *self._duplicate_lines(),
            *self._vector_lines(),
            *(_line("converted", conversion) for conversion in self.conversions),
            *self._metadata_lines(),
            *self._suggestion_lines(),
            self._request_line(),
            self._verdict(),
        ]

    def _problem_lines(self) -> Iterator[str]:
        for problem in self.problems:
            more = ", …" if problem.records > len(problem.keys) else ""
            yield _line(
                "rejected", f"{problem.records:,}: {problem.problem}; keys {', '.join(problem.keys)}{more}"
            )
            if hint := next((hint for end, hint in _HINTS if problem.problem.endswith(end)), ""):
                yield _line("", hint)

    def _duplicate_lines(self) -> Iterator[str]:
        found = self.duplicates
        if found.keys:
            probably = "" if found.is_certain else "probably "
            examples = f": {', '.join(found.examples)}" if found.examples else ""
            yield _line("duplicates", f"{probably}{format_count(found.keys, 'key')} more than once{examples}")
            yield _line("", f"the last of each wins; {_records(found.superseded)} replaced")

    def _vector_lines(self) -> Iterator[str]:
        for length, count in self.lengths:
            yield _line("vectors", f"{count:,} of {length:,} values")
        if self.norms.largest:
            cosine = ": all of unit norm, suited to cosine" if self.suggests_cosine else ""
            yield _line("norms", f"{self.norms.smallest:.4g} to {self.norms.largest:.4g}{cosine}")
            if self.norms.unit < self.norms.vectors - self.norms.zero:
                yield _line(
                    "", "not normalised: cosine ignores the norms, euclidean does not, and for a model made"
                )
                yield _line("", "for dot product, a metric the service lacks, either ranks differently")
        if self.norms.zero:
            vectors = format_count(self.norms.zero, "vector")
            yield _line("", f"{vectors} of norm zero, which a cosine index rejects")

    def _metadata_lines(self) -> Iterator[str]:
        for key in self.metadata:
            sizes = f"{key.bytes_mean:,.0f} bytes on average, {key.bytes_max:,} at most"
            yield _line(
                "metadata",
                f"{key.name}: {' or '.join(key.types)}, in {_records(key.records)}, {sizes}",
            )
        if self.filterable_over:
            limit = f"{FILTERABLE_BYTES_MAX:,} bytes of filterable metadata"
            yield _line("", f"{_records(self.filterable_over)} above {limit}")
        if self.total_over:
            limit = f"{METADATA_BYTES_MAX:,} bytes of metadata in total"
            yield _line("", f"{_records(self.total_over)} above {limit}")

    def _suggestion_lines(self) -> Iterator[str]:
        if self.suggestion is None:
            return
        if self.suggestion.keys:
            yield _line("suggestion", f"create the index with {self.suggestion.option}")
            rescued = format_count(self.suggestion.rescued, "more record")
            yield _line("", f"which lets the index accept {rescued}")
            yield from self._price_lines(self.suggestion.added)
        else:
            yield _line(
                "suggestion",
                f"no set of {NON_FILTERABLE_KEYS_MAX} non-filterable keys lets every record fit;",
            )
            yield _line("", "shorten the metadata, or keep the text in S3 and store a link")

    def _price_lines(self, keys: Collection[str]) -> Iterator[str]:
        """Say what is lost if *keys* become non-filterable."""
        yield _line("", f"the price: no query can filter by {' or '.join(keys)} any more")
        arrays = [key.name for key in self.metadata if key.name in keys and "array" in key.types]
        if arrays:
            yield _line(
                "", f"an array costs 4 bytes and its value for each element: if {' or '.join(arrays)}"
            )
            yield _line("", "must stay filterable, as permissions must, store fewer or shorter elements")

    def _request_line(self) -> str:
        size = format_bytes(self.bytes_per_vector * self.valid)
        return _line("requests", f"about {self.requests:,} PutVectors, {size} in total")

    def _verdict(self) -> str:
        if self.invalid:
            return f"FAIL  {self.invalid:,} of {self.records:,} records would be rejected"
        return f"PASS  {self.valid:,} of {self.records:,} records would be accepted"


def _records(count: int) -> str:
    return format_count(count, "record")


def _line(label: str, text: str) -> str:
    return f"  {label:<{_LABEL_WIDTH}}{text}"
