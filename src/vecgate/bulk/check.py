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
from vecgate.bulk.validation import IndexRules, validate
from vecgate.s3vectors.limits import (
    FILTERABLE_BYTES_MAX,
    METADATA_BYTES_MAX,
    NON_FILTERABLE_KEY_LENGTH_MAX,
    NON_FILTERABLE_KEYS_MAX,
    PAYLOAD_BYTES_MAX,
    VECTORS_PER_PUT_MAX,
)
from vecgate.s3vectors.metadata import Metadata, entry_bytes, metadata_bytes

Hashes: TypeAlias = npt.NDArray[np.int64]

EXAMPLES_MAX = 5
UNIT_TOLERANCE = 1e-3
#: Of each block so many vectors are encoded to see how large a request gets.
ENCODED_SAMPLE = 64
#: Every set of so many keys, the largest ones, is tried.
CANDIDATES_MAX = 12
_TRIED_AT_ONCE = 1024
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
        covers = _Covers.of(tally.metadata, rules)
        for block in source.blocks(dimension=rules.dimension if rules else None):
            keys.add(block)
            covers.add(block)
        duplicates, suggestion = keys.duplicates(), covers.suggestion()
    return tally.report(source, duplicates, suggestion)


def rules_for(block: Block, rules: IndexRules | None) -> IndexRules:
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
        good, rejects = validate(block, rules_for(block, self.rules))
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
                keys.append(reject.key or f"record {reject.position:,}")
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


class _Covers:
    """For every set of candidate keys: how large the largest record stays when they do not count.

    A set is a number whose bits are the candidates, so one matrix product weighs all sets at once.
    """

    def __init__(self, candidates: Sequence[str], all_keys: frozenset[str], rules: IndexRules | None) -> None:
        self._candidates, self._all_keys, self._rules = candidates, all_keys, rules
        self._fixed = rules.non_filterable if rules else frozenset[str]()
        sets = np.arange(2 ** len(candidates))
        self._members = (sets[:, None] >> np.arange(len(candidates)) & 1).astype(np.float64)
        self._left_max = np.zeros(len(sets))
        self._rescued = 0

    @classmethod
    def of(cls, metadata: _MetadataTally, rules: IndexRules | None) -> _Covers:
        """The largest keys are the candidates, those alone that an index can name."""
        names = [key.name for key in metadata.largest_first()]
        nameable = [
            n for n in names if n not in metadata.fixed and 1 <= len(n) <= NON_FILTERABLE_KEY_LENGTH_MAX
        ]
        return cls(nameable[:CANDIDATES_MAX], frozenset(names), rules)

    def add(self, block: Block) -> None:
        rules = replace(rules_for(block, self._rules), non_filterable=self._all_keys)
        good, _ = validate(block, rules)
        over = [m for m in good.metadata if m and self._filterable(m) > FILTERABLE_BYTES_MAX]
        self._rescued += len(over)
        for start in range(0, len(over), _TRIED_AT_ONCE):
            self._weigh(over[start : start + _TRIED_AT_ONCE])

    def suggestion(self) -> Suggestion | None:
        """The fewest keys, of these the ones that leave least; None where no record needs it."""
        if not self._rescued:
            return None
        counts = self._members.sum(axis=1)
        fits = (self._left_max <= FILTERABLE_BYTES_MAX) & (
            counts + len(self._fixed) <= NON_FILTERABLE_KEYS_MAX
        )
        if not fits.any():
            return Suggestion((), 0)
        best = min(np.flatnonzero(fits).tolist(), key=lambda i: (counts[i], self._left_max[i]))
        chosen = (key for key, is_in in zip(self._candidates, self._members[best], strict=True) if is_in)
        return Suggestion((*sorted(self._fixed), *chosen), self._rescued)

    def _filterable(self, metadata: Metadata) -> int:
        return metadata_bytes(metadata, without=self._fixed)

    def _weigh(self, records: Sequence[Metadata]) -> None:
        sizes = [[entry_bytes(k, m[k]) if k in m else 0 for k in self._candidates] for m in records]
        whole = np.array([self._filterable(m) for m in records], dtype=np.float64)
        left = whole[:, None] - np.array(sizes, dtype=np.float64).reshape(len(records), -1) @ self._members.T
        self._left_max = np.maximum(self._left_max, left.max(axis=0))


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
