"""What a look at a whole file found, and how it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from vecgate.s3vectors.limits import FILTERABLE_BYTES_MAX, METADATA_BYTES_MAX, NON_FILTERABLE_KEYS_MAX

_LABEL_WIDTH = 12


@dataclass(frozen=True, slots=True)
class ProblemCount:
    """Records that would be refused for one reason.

    problem  what is wrong and what is allowed
    records  how many
    keys     of the first few; one without a key stands as `line 5` or `record 4`
    """

    problem: str
    records: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Keys that come more than once; the last record of each wins.

    keys        how many such keys
    superseded  how many records a later one replaces
    examples    a few of the keys; none where the source could not be read again
    is_certain  False: counted by 64-bit hashes alone
    """

    keys: int = 0
    superseded: int = 0
    examples: tuple[str, ...] = ()
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class Norms:
    """Lengths of the finite vectors, in the Euclidean sense.

    vectors   how many were measured
    unit      vectors of length 1, within a thousandth
    zero      vectors of length 0, which cosine does not take
    smallest  length, 0 where there are no vectors
    largest   length, 0 where there are no vectors
    """

    vectors: int
    unit: int
    zero: int
    smallest: float
    largest: float


@dataclass(frozen=True, slots=True)
class MetadataKey:
    """One metadata key over all records; bytes as the service counts them.

    types  string, number, boolean, array, or other, which the service refuses
    """

    name: str
    records: int
    types: tuple[str, ...]
    bytes_mean: float
    bytes_max: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Which metadata keys to make non-filterable when the index is created.

    keys     the fewest that let every record fit, those that the index has included; empty where none do
    rescued  records that are refused without it and taken with it
    """

    keys: tuple[str, ...]
    rescued: int

    @property
    def option(self) -> str:
        """The option of `vecgate put --create` that does it, or nothing."""
        return f"--non-filterable {','.join(self.keys)}" if self.keys else ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a whole source holds, judged without one request.

    name, layout       of the source: what it is called, what its columns were taken for
    records            all of them: good and bad
    good               would be taken
    bad                would be refused
    problems           bad records by reason, most frequent first
    lengths            (values in a vector, how many vectors), most frequent first
    metadata           keys, largest first
    filterable_over    records whose filterable metadata exceed 2 KB
    total_over         records whose metadata exceed 40 KB
    bytes_per_vector   in a request, estimated from a sample
    requests           PutVectors that the good records come to, about
    suggestion         None where every record fits, or the source cannot be read twice
    """

    name: str
    layout: str
    records: int
    good: int
    bad: int
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

    @property
    def suggests_cosine(self) -> bool:
        """Every vector has unit length, as models made for cosine give them."""
        return 0 < self.norms.unit == self.norms.vectors

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON knows it."""
        option = self.suggestion.option if self.suggestion else ""
        plain = cast("dict[str, Any]", msgspec.to_builtins(self))
        return {**plain, "suggests_cosine": self.suggests_cosine, "option": option}

    def lines(self) -> list[str]:
        """The report as text, the verdict last."""
        return [
            f"{self.name}: {_count(self.records, 'record')}",
            self.layout,
            *self._problem_lines(),
            *self._duplicate_lines(),
            *self._vector_lines(),
            *self._metadata_lines(),
            *self._suggestion_lines(),
            _line(
                "requests",
                f"about {self.requests:,} PutVectors, in all {_size(self.bytes_per_vector * self.good)}",
            ),
            self._verdict(),
        ]

    def _problem_lines(self) -> Iterator[str]:
        for problem in self.problems:
            more = ", …" if problem.records > len(problem.keys) else ""
            yield _line(
                "refused", f"{problem.records:,}: {problem.problem}; keys {', '.join(problem.keys)}{more}"
            )

    def _duplicate_lines(self) -> Iterator[str]:
        found = self.duplicates
        if found.keys:
            probably = "" if found.is_certain else "probably "
            examples = f": {', '.join(found.examples)}" if found.examples else ""
            yield _line("duplicates", f"{probably}{_count(found.keys, 'key')} more than once{examples}")
            yield _line("", f"the last of each wins; {_count(found.superseded, 'record')} replaced")

    def _vector_lines(self) -> Iterator[str]:
        for length, count in self.lengths:
            yield _line("vectors", f"{count:,} of {length:,} values")
        if self.norms.largest:
            cosine = ": all of unit length, cosine suits them" if self.suggests_cosine else ""
            yield _line("norms", f"{self.norms.smallest:.4g} to {self.norms.largest:.4g}{cosine}")
        if self.norms.zero:
            yield _line("", f"{_count(self.norms.zero, 'vector')} of length zero, which cosine does not take")

    def _metadata_lines(self) -> Iterator[str]:
        for key in self.metadata:
            sizes = f"{key.bytes_mean:,.0f} bytes on average, {key.bytes_max:,} at most"
            yield _line(
                "metadata",
                f"{key.name}: {' or '.join(key.types)}, in {_count(key.records, 'record')}, {sizes}",
            )
        if self.filterable_over:
            limit = f"{FILTERABLE_BYTES_MAX:,} bytes of filterable metadata"
            yield _line("", f"{_count(self.filterable_over, 'record')} above {limit}")
        if self.total_over:
            yield _line(
                "",
                f"{_count(self.total_over, 'record')} above {METADATA_BYTES_MAX:,} bytes of metadata in all",
            )

    def _suggestion_lines(self) -> Iterator[str]:
        if self.suggestion is None:
            return
        if self.suggestion.keys:
            yield _line("suggestion", f"create the index with {self.suggestion.option}")
            yield _line("", f"which lets the index take {_count(self.suggestion.rescued, 'more record')}")
        else:
            yield _line(
                "suggestion", f"no {NON_FILTERABLE_KEYS_MAX} non-filterable keys let every record fit;"
            )
            yield _line("", "shorten the metadata, or keep the text in S3 and store a link")

    def _verdict(self) -> str:
        if self.bad:
            return f"FAIL  {self.bad:,} of {self.records:,} records would be refused"
        return f"PASS  {self.good:,} of {self.records:,} records would be taken"


def _line(label: str, text: str) -> str:
    return f"  {label:<{_LABEL_WIDTH}}{text}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _size(size_bytes: float) -> str:
    units = {"GB": 1e9, "MB": 1e6, "KB": 1e3}
    found = next(((unit, size_bytes / scale) for unit, scale in units.items() if size_bytes >= scale), None)
    return f"{found[1]:,.1f} {found[0]}" if found else f"{size_bytes:,.0f} bytes"
