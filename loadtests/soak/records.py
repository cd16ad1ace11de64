"""The records of a soak test, and checks of the index and the journal against them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from vecgate.bulk.reader import BulkReader

DIMENSION = 32
REPEATED = 0.05
#: Number of settled rows to check after a kill.
SAMPLE = 300


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Rows in the order of the file, in columns of equal length n; `row` is their only metadata.

    keys     shape (n,): a number for each row; some repeat an earlier one
    vectors  shape (n, DIMENSION)
    """

    keys: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]

    @classmethod
    def random(cls, count: int, *, seed: int) -> Records:
        """Return *count* rows. About one in twenty has the key of an earlier row."""
        random = np.random.default_rng(seed)
        keys = np.arange(count)
        repeats = np.flatnonzero(random.random(count) < REPEATED)[1:]
        keys[repeats] = (random.random(len(repeats)) * repeats).astype(np.int64)
        return cls(keys, random.standard_normal((count, DIMENSION), dtype=np.float32))

    def write(self, path: Path) -> Path:
        """Write the rows as a parquet file."""
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(self.vectors.ravel()), DIMENSION)
        keys = pa.array(self.keys.astype(str))
        pq.write_table(pa.table({"key": keys, "vector": vectors, "row": np.arange(len(self.keys))}), path)
        return path

    def last_rows(self, among: npt.NDArray[np.bool_] | None = None) -> dict[str, int]:
        """Return the last row of each key, of all rows or of those that the mask *among* selects."""
        rows = np.arange(len(self.keys)) if among is None else np.flatnonzero(among)
        return dict(zip(self.keys[rows].astype(str).tolist(), rows.tolist(), strict=True))

    def check_final(self, reader: BulkReader) -> int:
        """Check that the index is as a sequential writer leaves it, and return the number of its vectors."""
        expected = self.last_rows()
        count = len(expected)
        for page in reader.scan():
            assert page.vectors is not None
            rows = [expected.pop(key) for key in page.keys]
            assert [each and each["row"] for each in page.metadata] == rows
            assert page.vectors.tobytes() == self.vectors[rows].tobytes()
        assert not expected, f"{len(expected):,} vectors are missing"
        return count

    def check_settled(self, reader: BulkReader, journal: Path, *, random: np.random.Generator) -> int:
        """Check that the index has a sample of the rows in *journal*, and return the number of settled rows.

        The index has each settled row, or a later one of its key.
        """
        settled = settled_rows(journal, len(self.keys))
        last = self.last_rows(settled)
        sample = random.choice(list(last), min(SAMPLE, len(last)), replace=False).tolist() if last else []
        stored = reader.get(sample)
        assert len(stored.keys) == len(sample)
        for key, metadata in zip(stored.keys, stored.metadata, strict=True):
            row = metadata["row"] if metadata else -1
            assert row >= last[key], f"row {last[key]} of key {key} was acknowledged, row {row} is there"
            assert str(self.keys[row]) == key
        return int(settled.sum())


def settled_rows(journal: Path, count: int) -> npt.NDArray[np.bool_]:
    """Return for each of *count* rows whether the journal of a killed client has it as acknowledged."""
    settled = np.zeros(count, np.bool_)
    if journal.exists():
        # Read-only: the next client recovers the journal.
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as database:
            tables = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'settled'").fetchone()
            ranges = database.execute("SELECT start, stop, aside FROM settled") if tables[0] else ()
            for start, stop, is_rejected in ranges:
                assert not is_rejected
                settled[start:stop] = True
    return settled
