"""Checks a whole source without a request.

The source is read once for all counts. It is read a second time only if keys occur twice, to compare the keys
themselves, or if metadata exceed the filterable limit, to find the keys to make non-filterable.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from math import ceil, inf
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vecgate.bulk.check.check_report import (
    CheckReport,
    Duplicates,
    MetadataKey,
    Norms,
    ProblemCount,
    Suggestion,
)
from vecgate.bulk.check.non_filterable_advice import NonFilterableAdvisor
from vecgate.bulk.check.request_size import encoded_sample
from vecgate.bulk.core.batching import rows_that_fit
from vecgate.bulk.core.record_blocks import Block, Float32Matrix, RejectedRecord
from vecgate.bulk.core.record_validation import IndexRules, validate
from vecgate.bulk.sources.source import Source
from vecgate.s3vectors.limits import (
    FILTERABLE_BYTES_MAX,
    METADATA_BYTES_MAX,
    PAYLOAD_BYTES_MAX,
    VECTORS_PER_PUT_MAX,
)
from vecgate.s3vectors.metadata import Metadata, entry_bytes, metadata_bytes

Hashes: TypeAlias = npt.NDArray[np.int64]

EXAMPLES_MAX = 5
UNIT_TOLERANCE = 1e-3
#: Texts of this mean size are content, not values to filter by.
LONG_TEXT_BYTES = 256
#: Numbers in a problem that differ from record to record.
_LOCATION = re.compile(r"\b(line|column|element) [\d,]+")


def check_source(source: Source, rules: IndexRules | None = None) -> CheckReport:
    """Return the content of *source* and the records that an index with *rules* would reject.

    Without *rules*, the index is assumed to have the dimension of the source, only filterable metadata keys,
    and a metric that accepts zero vectors.

    Raises SourceError if the source cannot be read to its end.
    """
    counts = _SourceCounts(rules)
    for block in source.blocks(dimension=rules.dimension if rules else None):
        counts.add(block)
    repeated = _repeated(counts.hashes)
    duplicates = Duplicates(len(repeated), _superseded(counts.hashes), is_certain=not len(repeated))
    suggestion = None
    if source.is_repeatable and (len(repeated) or counts.metadata.filterable_over):
        keys = _KeyCounts(frozenset(repeated.tolist()))
        largest = counts.metadata.largest_first()
        names = [key.name for key in largest]
        long_texts = [
            key.name for key in largest if key.types == ("string",) and key.bytes_mean >= LONG_TEXT_BYTES
        ]
        advisor = NonFilterableAdvisor(names, counts.metadata.fixed, long_texts)
        for block in source.blocks(dimension=rules.dimension if rules else None):
            keys.add(block)
            advisor.add(_valid_if_non_filterable(block, rules, names).metadata)
        duplicates, suggestion = keys.duplicates(), advisor.suggestion()
    return counts.report(source, duplicates, suggestion)


def _rules_for(block: Block, rules: IndexRules | None) -> IndexRules:
    """Return *rules*, or the rules of an index that is created for the block."""
    return rules or IndexRules(block.vectors.shape[1], "euclidean")


class _SourceCounts:
    """All counts of the first reading."""

    def __init__(self, rules: IndexRules | None) -> None:
        self.rules = rules
        self.valid = 0
        self.problems = _ProblemCounts()
        self.lengths: Counter[int] = Counter()
        self.norms = Norms(0, 0, 0, inf, 0.0)
        self.metadata = _MetadataCounts(rules.non_filterable if rules else frozenset())
        self.hashes: list[Hashes] = []
        self.sample_bytes = self.sample_vectors = 0

    def add(self, block: Block) -> None:
        valid, rejects = validate(block, _rules_for(block, self.rules))
        self.valid += len(valid)
        self.problems.add(rejects)
        self.lengths[block.vectors.shape[1]] += len(block)
        self.lengths.update(len(r.vector) for r in block.rejects if r.vector is not None)
        self.norms = _add_norms(self.norms, block.vectors)
        self.metadata.add(chain(block.metadata, (reject.metadata for reject in block.rejects)))
        self.hashes.append(np.fromiter(map(hash, _keys(block)), dtype=np.int64))
        size, count = encoded_sample(valid)
        self.sample_bytes += size
        self.sample_vectors += count

    def report(self, source: Source, duplicates: Duplicates, suggestion: Suggestion | None) -> CheckReport:
        bytes_per_vector = self.sample_bytes / max(1, self.sample_vectors)
        rows = rows_that_fit(VECTORS_PER_PUT_MAX, PAYLOAD_BYTES_MAX, bytes_per_vector=bytes_per_vector)
        norms = self.norms if self.norms.smallest < inf else replace(self.norms, smallest=0.0)
        return CheckReport(
            name=source.name,
            layout=source.describe(),
            records=self.valid + self.problems.records,
            valid=self.valid,
            invalid=self.problems.records,
            problems=self.problems.counts(),
            lengths=tuple((length, count) for length, count in self.lengths.most_common() if count),
            duplicates=duplicates,
            norms=norms,
            metadata=self.metadata.largest_first(),
            filterable_over=self.metadata.filterable_over,
            total_over=self.metadata.total_over,
            bytes_per_vector=bytes_per_vector,
            requests=ceil(self.valid / rows),
            suggestion=suggestion,
            conversions=source.conversions,
        )


class _ProblemCounts:
    """Counts rejects by reason."""

    def __init__(self) -> None:
        self.records = 0
        self._counts: Counter[str] = Counter()
        self._keys: dict[str, list[str]] = {}

    def add(self, rejects: Sequence[RejectedRecord]) -> None:
        for reject in rejects:
            problem = _LOCATION.sub(r"\1 N", reject.problem)
            keys = self._keys.setdefault(problem, [])
            if len(keys) < EXAMPLES_MAX:
                keys.append(reject.key or _location(reject))
            self._counts[problem] += 1
            self.records += 1

    def counts(self) -> tuple[ProblemCount, ...]:
        return tuple(ProblemCount(p, count, tuple(self._keys[p])) for p, count in self._counts.most_common())


@dataclass(slots=True)
class _KeySizes:
    records: int = 0
    size: int = 0
    size_max: int = 0
    types: set[str] = field(default_factory=set)

    def add(self, value: object, size: int) -> None:
        self.records += 1
        self.size += size
        self.size_max = max(self.size_max, size)
        self.types.add(_type_name(value))


class _MetadataCounts:
    """Sizes of metadata as the service counts them. *fixed* keys are non-filterable already."""

    def __init__(self, fixed: frozenset[str]) -> None:
        self.fixed = fixed
        self.filterable_over = self.total_over = 0
        self._keys: dict[str, _KeySizes] = {}

    def add(self, metadata: Iterable[object]) -> None:
        for entries in metadata:
            if isinstance(entries, Mapping) and _is_countable(entries):
                self._add(entries)

    def largest_first(self) -> tuple[MetadataKey, ...]:
        return tuple(
            MetadataKey(name, k.records, tuple(sorted(k.types)), k.size / k.records, k.size_max)
            for name, k in sorted(self._keys.items(), key=lambda item: (-item[1].size_max, item[0]))
        )

    def _add(self, entries: Metadata) -> None:
        for name, value in entries.items():
            self._keys.setdefault(name, _KeySizes()).add(value, entry_bytes(name, value))
        total = metadata_bytes(entries)
        self.total_over += total > METADATA_BYTES_MAX
        filterable = metadata_bytes(entries, without=self.fixed) if self.fixed else total
        self.filterable_over += filterable > FILTERABLE_BYTES_MAX


class _KeyCounts:
    """Counts the keys whose hash occurs more than once, because different keys may have equal hashes."""

    def __init__(self, hashes: frozenset[int]) -> None:
        self._hashes = hashes
        self._counts: Counter[str] = Counter()

    def add(self, block: Block) -> None:
        if self._hashes:
            self._counts.update(key for key in _keys(block) if hash(key) in self._hashes)

    def duplicates(self) -> Duplicates:
        repeated = {key: count for key, count in self._counts.items() if count > 1}
        superseded = sum(repeated.values()) - len(repeated)
        return Duplicates(len(repeated), superseded, tuple(islice(repeated, EXAMPLES_MAX)))


def _valid_if_non_filterable(block: Block, rules: IndexRules | None, names: Sequence[str]) -> Block:
    """Return the records of *block* that are valid if all their metadata are non-filterable."""
    return validate(block, replace(_rules_for(block, rules), non_filterable=frozenset(names)))[0]


def _location(reject: RejectedRecord) -> str:
    line = re.match(r"line [\d,]+", reject.problem)
    return line[0] if line else f"record {reject.position:,}"


def _keys(block: Block) -> Iterator[str]:
    return chain(block.keys, (reject.key for reject in block.rejects if reject.key))


def _repeated(hashes: Sequence[Hashes]) -> Hashes:
    values, counts = np.unique(np.concatenate([*hashes, np.empty(0, dtype=np.int64)]), return_counts=True)
    return values[counts > 1]


def _superseded(hashes: Sequence[Hashes]) -> int:
    every = np.concatenate([*hashes, np.empty(0, dtype=np.int64)])
    return len(every) - len(np.unique(every))


def _add_norms(norms: Norms, vectors: Float32Matrix) -> Norms:
    """Return *norms* with the finite ones of *vectors* added."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    lengths = lengths[np.isfinite(lengths)]
    if not len(lengths):
        return norms
    return Norms(
        norms.vectors + len(lengths),
        norms.unit + int((np.abs(lengths - 1) <= UNIT_TOLERANCE).sum()),
        norms.zero + int((lengths == 0).sum()),
        min(norms.smallest, float(lengths.min())),
        max(norms.largest, float(lengths.max())),
    )


def _is_countable(metadata: Mapping[Any, object]) -> bool:
    """Return False for metadata with a lone surrogate, which have no size and are rejected."""
    try:
        metadata_bytes(metadata)
    except UnicodeEncodeError:
        return False
    return True


def _type_name(value: object) -> str:
    names = {str: "string", bool: "boolean", int: "number", float: "number", list: "array"}
    return names.get(type(value), "other")
