"""A whole source judged before one request is sent.

It is read once for all counts. Only where keys come twice, or metadata exceed the filterable limit, is it
read a second time: to compare the keys themselves, and to find the fewest keys to make non-filterable.
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
import orjson

from vecgate.bulk.batching import rows_that_fit
from vecgate.bulk.check_report import CheckReport, Duplicates, MetadataKey, Norms, ProblemCount, Suggestion
from vecgate.bulk.encoding import put_members
from vecgate.bulk.records import Block, Float32Matrix, Reject
from vecgate.bulk.sources.source import Source
from vecgate.bulk.suggestion import Covers
from vecgate.bulk.validation import IndexRules, validate
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
#: Of each block so many vectors are encoded to see how large a request gets.
ENCODED_SAMPLE = 64
#: Places in a problem that differ from record to record.
_PLACE = re.compile(r"\b(line|column|element) [\d,]+")


def check(source: Source, rules: IndexRules | None = None) -> CheckReport:
    """What *source* holds, and what an index with *rules* would refuse of it.

    Without *rules* the index is one made for the source: of its dimension, with every metadata key
    filterable, and of a metric that takes zero vectors.

    Raises SourceError where the source cannot be read to its end.
    """
    tally = _Tally(rules)
    for block in source.blocks(dimension=rules.dimension if rules else None):
        tally.add(block)
    repeated = _repeated(tally.hashes)
    duplicates = Duplicates(len(repeated), _superseded(tally.hashes), is_certain=not len(repeated))
    suggestion = None
    if source.is_repeatable and (len(repeated) or tally.metadata.filterable_over):
        keys = _KeyCounts(frozenset(repeated.tolist()))
        names = [key.name for key in tally.metadata.largest_first()]
        covers = Covers(names, tally.metadata.fixed)
        for block in source.blocks(dimension=rules.dimension if rules else None):
            keys.add(block)
            covers.add(_fitting(block, rules, names).metadata)
        duplicates, suggestion = keys.duplicates(), covers.suggestion()
    return tally.report(source, duplicates, suggestion)


def _rules_for(block: Block, rules: IndexRules | None) -> IndexRules:
    """*rules*, or those of an index made for the block."""
    return rules or IndexRules(block.vectors.shape[1], "euclidean")


class _Tally:
    """All counts of the first reading."""

    def __init__(self, rules: IndexRules | None) -> None:
        self.rules = rules
        self.good = 0
        self.problems = _Problems()
        self.lengths: Counter[int] = Counter()
        self.norms = Norms(0, 0, 0, inf, 0.0)
        self.metadata = _MetadataTally(rules.non_filterable if rules else frozenset())
        self.hashes: list[Hashes] = []
        self.sample_bytes = self.sample_vectors = 0

    def add(self, block: Block) -> None:
        good, rejects = validate(block, _rules_for(block, self.rules))
        self.good += len(good)
        self.problems.add(rejects)
        self.lengths[block.vectors.shape[1]] += len(block)
        self.lengths.update(len(r.vector) for r in block.rejects if r.vector is not None)
        self.norms = _merged(self.norms, block.vectors)
        self.metadata.add(chain(block.metadata, (reject.metadata for reject in block.rejects)))
        self.hashes.append(np.fromiter(map(hash, _keys(block)), dtype=np.int64))
        if sample := put_members(good.slice(0, ENCODED_SAMPLE)):
            self.sample_bytes += len(orjson.dumps(sample, option=orjson.OPT_SERIALIZE_NUMPY))
            self.sample_vectors += len(sample)

    def report(self, source: Source, duplicates: Duplicates, suggestion: Suggestion | None) -> CheckReport:
        bytes_per_vector = self.sample_bytes / max(1, self.sample_vectors)
        rows = rows_that_fit(VECTORS_PER_PUT_MAX, PAYLOAD_BYTES_MAX, bytes_per_vector=bytes_per_vector)
        norms = self.norms if self.norms.smallest < inf else replace(self.norms, smallest=0.0)
        return CheckReport(
            name=source.name,
            layout=source.describe(),
            records=self.good + self.problems.records,
            good=self.good,
            bad=self.problems.records,
            problems=self.problems.counts(),
            lengths=tuple((length, count) for length, count in self.lengths.most_common() if count),
            duplicates=duplicates,
            norms=norms,
            metadata=self.metadata.largest_first(),
            filterable_over=self.metadata.filterable_over,
            total_over=self.metadata.total_over,
            bytes_per_vector=bytes_per_vector,
            requests=ceil(self.good / rows),
            suggestion=suggestion,
        )


class _Problems:
    """Rejects by reason."""

    def __init__(self) -> None:
        self.records = 0
        self._counts: Counter[str] = Counter()
        self._keys: dict[str, list[str]] = {}

    def add(self, rejects: Sequence[Reject]) -> None:
        for reject in rejects:
            problem = _PLACE.sub(r"\1 N", reject.problem)
            keys = self._keys.setdefault(problem, [])
            if len(keys) < EXAMPLES_MAX:
                keys.append(reject.key or _place(reject))
            self._counts[problem] += 1
            self.records += 1

    def counts(self) -> tuple[ProblemCount, ...]:
        return tuple(ProblemCount(p, count, tuple(self._keys[p])) for p, count in self._counts.most_common())


@dataclass(slots=True)
class _KeyTally:
    records: int = 0
    size: int = 0
    size_max: int = 0
    types: set[str] = field(default_factory=set)

    def add(self, value: object, size: int) -> None:
        self.records += 1
        self.size += size
        self.size_max = max(self.size_max, size)
        self.types.add(_type_word(value))


class _MetadataTally:
    """Sizes of metadata as the service counts them; *fixed* keys are non-filterable already."""

    def __init__(self, fixed: frozenset[str]) -> None:
        self.fixed = fixed
        self.filterable_over = self.total_over = 0
        self._keys: dict[str, _KeyTally] = {}

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
            self._keys.setdefault(name, _KeyTally()).add(value, entry_bytes(name, value))
        total = metadata_bytes(entries)
        self.total_over += total > METADATA_BYTES_MAX
        filterable = metadata_bytes(entries, without=self.fixed) if self.fixed else total
        self.filterable_over += filterable > FILTERABLE_BYTES_MAX


class _KeyCounts:
    """Counts keys whose hash came more than once: equal keys alone are duplicates."""

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


def _fitting(block: Block, rules: IndexRules | None, names: Sequence[str]) -> Block:
    """What of *block* would be taken if none of its metadata were filterable."""
    return validate(block, replace(_rules_for(block, rules), non_filterable=frozenset(names)))[0]


def _place(reject: Reject) -> str:
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


def _merged(norms: Norms, vectors: Float32Matrix) -> Norms:
    """*norms* with those of *vectors* that are finite."""
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
    """A lone surrogate has no size; the record is refused for it."""
    try:
        metadata_bytes(metadata)
    except UnicodeEncodeError:
        return False
    return True


def _type_word(value: object) -> str:
    words = {str: "string", bool: "boolean", int: "number", float: "number", list: "array"}
    return words.get(type(value), "other")
