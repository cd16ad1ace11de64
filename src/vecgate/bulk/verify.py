"""Compares the records of an input with an index, without writing: nothing is missing, nothing is different.

An acknowledgement is what the service says; this is what it has. The last record of a key counts. It is found
in one pass: each record is compared when it is read, and the last comparison of a key is its result. From the
first difference on, results are kept on disk, so memory does not grow with the input.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from vecgate.bulk.check.key_log import EXAMPLES_KEPT, KeyEntry, KeyLog, KeySummary
from vecgate.bulk.check.record_differences import differences
from vecgate.bulk.core.position_ranges import Ranges
from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.core.record_validation import IndexRules, key_problem, validate
from vecgate.bulk.progress import ComparisonProgress, Subscriber, publish
from vecgate.bulk.reader import BulkReader
from vecgate.errors import ConfigError, VecgateError
from vecgate.s3vectors.limits import KEYS_PER_GET_MAX

#: Records that are read at once: several requests for each thread of the reader.
ROWS = 16 * KEYS_PER_GET_MAX
#: Fewest records of a sample that is given as a number.
SAMPLE_MIN = 100
#: Differences whose parts are remembered, so that the first few can be shown.
_DETAILS_KEPT = 1_000
_PROGRESS_S = 0.5
_HASHES = 2.0**64


@dataclass(frozen=True, slots=True)
class Sample:
    """Selects a share of the keys at random: all records of a key or none, so that its last one counts.

    share  above 0, up to 1 for all
    salt   selects other keys
    """

    share: float = 1.0
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ConfigError(f"the share to verify is {self.share}, allowed is above 0, up to 1")

    @classmethod
    def of_records(cls, number: int, *, total: int) -> Sample:
        """Return a sample of about *number* of *total* records."""
        if number < SAMPLE_MIN:
            raise ConfigError(
                f"a sample of {number:,} records proves little; allowed are at least {SAMPLE_MIN}"
            )
        return cls(min(1.0, number / max(1, total)))

    def takes(self, key: str) -> bool:
        """Return true if *key* is in the sample."""
        if self.share >= 1:
            return True
        digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, key=self.salt).digest()
        return int.from_bytes(digest, "little") < self.share * _HASHES


@dataclass(frozen=True, slots=True)
class KeyDifference:
    """A key that is stored with other values. *parts* names them, such as `vector, metadata 'year'`; empty if
    they were not kept.
    """

    key: str
    parts: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences between the records of an input and an index. Records are counted as read, the rest by
    key.

    read            records read
    rejected        of these, cannot be stored, and so are not compared
    compared        of these, compared with the index; the others are not in the sample
    missing         keys that the index does not have
    different       keys whose vector or metadata are stored with other values
    extra           keys of the index that the input does not have; None if they were not looked for
    unlisted        keys that the index returns, but does not list: *extra* is not reliable
    missing_keys    the first few; likewise *different_keys* and *extra_keys*
    share           of the keys in the sample
    requests        GetVectors requests
    elapsed_s       from the first record read to the end
    stopped_by      the error that ended the comparison early, or None
    interrupted     the caller ended it
    """

    read: int = 0
    rejected: int = 0
    compared: int = 0
    missing: int = 0
    different: int = 0
    extra: int | None = None
    unlisted: int = 0
    missing_keys: tuple[str, ...] = ()
    different_keys: tuple[KeyDifference, ...] = ()
    extra_keys: tuple[str, ...] = ()
    share: float = 1.0
    requests: int = 0
    elapsed_s: float = 0.0
    stopped_by: VecgateError | None = None
    interrupted: bool = False

    @property
    def is_complete(self) -> bool:
        """True if the comparison reached the end of both sides, and each of their answers fits the other."""
        return not (self.stopped_by or self.interrupted or self.unlisted)

    @property
    def is_equal(self) -> bool:
        """True if all keys of the sample were compared and nothing differs, is missing, extra or rejected."""
        differs = self.missing or self.different or self.extra or self.rejected
        is_proven = self.compared or not self.read
        return self.is_complete and bool(is_proven) and not differs


def compare(
    blocks: Iterable[Block],
    reader: BulkReader,
    rules: IndexRules | None = None,
    *,
    rejected: Ranges | None = None,
    sample: Sample | None = None,
    extra: bool = False,
    total: int | None = None,
    subscribers: Iterable[Subscriber] = (),
    is_stopped: Callable[[], bool] = lambda: False,
) -> Comparison:
    """Compare the records of *blocks*, best of up to ROWS records, with the index of *reader*.

    rules       records that an index with these rules rejects are counted and not compared; None: all are
                compared
    rejected    positions that the service rejected, likewise
    sample      the keys to compare; None for all
    extra       list the whole index, to find the keys that the input does not have; not for a sample
    total       records in the input, for progress
    is_stopped  asked between requests: true ends the comparison

    The result, not an exception, has the VecgateError that ended the comparison early.
    """
    if extra and sample is not None and sample.share < 1:
        raise ConfigError("extra keys can be found only if the whole input is compared")
    with KeyLog() as log:
        run = _Run(reader, rules, rejected, sample or Sample(), log, logs_all=extra)
        stopped_by, interrupted = None, False
        try:
            for block in blocks:
                if interrupted := is_stopped():
                    break
                run.compare(block)
                run.publish_progress(subscribers, total)
            if extra and not interrupted:
                interrupted = run.list_index(is_stopped)
        except VecgateError as error:
            # A caller that stops also ends the wait for the next attempt of a request.
            interrupted = is_stopped()
            stopped_by = None if interrupted else error
        is_whole = extra and not interrupted and stopped_by is None
        try:
            summary = log.summary()
        except VecgateError as error:
            summary, is_whole, stopped_by = KeySummary(), False, stopped_by or error
        return run.result(summary, extra=is_whole, stopped_by=stopped_by, interrupted=interrupted)


class _Run:
    """The counts of a comparison that is running."""

    def __init__(
        self,
        reader: BulkReader,
        rules: IndexRules | None,
        rejected: Ranges | None,
        sample: Sample,
        log: KeyLog,
        *,
        logs_all: bool,
    ) -> None:
        self._reader, self._rules, self._rejected = reader, rules, rejected
        self._sample, self._log, self._logs_all = sample, log, logs_all
        self._read = self._rejected_count = self._compared = self._requests = self._differences = 0
        self._begun_s = self._published_at_s = time.monotonic()
        # Parts that differ of the first keys that do, in the order of the input. Empty for a missing key.
        self._details: dict[str, str] = {}

    def compare(self, block: Block) -> None:
        """Compare the records of *block*."""
        valid, rejects = (block, block.rejects) if self._rules is None else validate(block, self._rules)
        names = [reject.key for reject in rejects]
        if self._rejected is not None and (refused := self._rejected.contains(valid.positions)).any():
            names += [valid.keys[row] for row in np.flatnonzero(refused).tolist()]
            valid = valid.take(np.flatnonzero(~refused))
        self._read += len(valid) + len(names)
        self._rejected_count += len(names)
        # Logged first: a record of the same key may have been stored.
        for key in names if self._logs_all else ():
            if key_problem(key) is None:
                self._log.add(key, KeyEntry.REJECTED)
        last = {key: row for row, key in enumerate(valid.keys) if self._sample.takes(key)}
        if last:
            self._compare_distinct(valid.take(list(last.values())))
        self._compared += sum(key in last for key in valid.keys)

    def _compare_distinct(self, block: Block) -> None:
        self._requests += -(-len(block) // KEYS_PER_GET_MAX)
        stored = self._reader.get(block.keys)
        parts = differences(block, stored)
        absent = set(stored.absent)
        self._differences += len(parts) + len(absent)
        # Before the first difference nothing can be overruled by a later record.
        if not (parts or absent) and self._log.is_empty and not self._logs_all:
            return
        for key in block.keys:
            entry = (
                KeyEntry.MISSING if key in absent else KeyEntry.DIFFERENT if key in parts else KeyEntry.EQUAL
            )
            self._log.add(key, entry)
            if entry is KeyEntry.EQUAL:
                self._details.pop(key, None)
            elif key in self._details or len(self._details) < _DETAILS_KEPT:
                self._details[key] = parts.get(key, "")

    def list_index(self, is_stopped: Callable[[], bool]) -> bool:
        """Log every key of the index. Return true if the caller stops it."""
        with closing(self._reader.scan(data=False, metadata=False)) as pages:
            for page in pages:
                if is_stopped():
                    return True
                for key in page.keys:
                    self._log.add(key, KeyEntry.LISTED)
        return False

    def publish_progress(self, subscribers: Iterable[Subscriber], total: int | None) -> None:
        """Publish the progress, twice a second at most."""
        now_s = time.monotonic()
        if now_s - self._published_at_s >= _PROGRESS_S:
            self._published_at_s = now_s
            elapsed_s = now_s - self._begun_s
            publish(subscribers, ComparisonProgress(elapsed_s, self._read, total, self._differences))

    def result(
        self, summary: KeySummary, *, extra: bool, stopped_by: VecgateError | None, interrupted: bool
    ) -> Comparison:
        """Return the result. *extra* says whether the whole index was listed."""
        missing = [key for key, parts in self._details.items() if not parts]
        different = [KeyDifference(key, parts) for key, parts in self._details.items() if parts]
        examples = summary.examples
        return Comparison(
            read=self._read,
            rejected=self._rejected_count,
            compared=self._compared,
            missing=summary.results[KeyEntry.MISSING],
            different=summary.results[KeyEntry.DIFFERENT],
            extra=summary.extra if extra else None,
            unlisted=summary.unlisted if extra else 0,
            missing_keys=tuple((missing or examples.get(KeyEntry.MISSING, []))[:EXAMPLES_KEPT]),
            different_keys=tuple(
                (different or [KeyDifference(k, "") for k in examples.get(KeyEntry.DIFFERENT, [])])[
                    :EXAMPLES_KEPT
                ]
            ),
            extra_keys=tuple(summary.extra_keys) if extra else (),
            share=self._sample.share,
            requests=self._requests,
            elapsed_s=time.monotonic() - self._begun_s,
            stopped_by=stopped_by,
            interrupted=interrupted,
        )
