"""What the soak sends, and what must be there in the end."""

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
#: Settled rows that are looked at after a kill.
SAMPLE = 300


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Rows in the order of the file, in columns of equal length n; `row` is their only metadata.

    keys     shape (n,): the number that is the key; some come again further down
    vectors  shape (n, DIMENSION)
    """

    keys: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]

    @classmethod
    def random(cls, count: int, *, seed: int) -> Records:
        """*count* rows, of which about one in twenty has the key of an earlier one."""
        random = np.random.default_rng(seed)
        keys = np.arange(count)
        again = np.flatnonzero(random.random(count) < REPEATED)[1:]
        keys[again] = (random.random(len(again)) * again).astype(np.int64)
        return cls(keys, random.standard_normal((count, DIMENSION), dtype=np.float32))

    def write(self, path: Path) -> Path:
        """The rows as a parquet file."""
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(self.vectors.ravel()), DIMENSION)
        keys = pa.array(self.keys.astype(str))
        pq.write_table(pa.table({"key": keys, "vector": vectors, "row": np.arange(len(self.keys))}), path)
        return path

    def last_rows(self, among: npt.NDArray[np.bool_] | None = None) -> dict[str, int]:
        """The last row of each key, or the last of those *among* the rows."""
        rows = np.arange(len(self.keys)) if among is None else np.flatnonzero(among)
        return dict(zip(self.keys[rows].astype(str).tolist(), rows.tolist(), strict=True))

    def check_final(self, reader: BulkReader) -> int:
        """Hold all of an index against what a sequential writer leaves; how many vectors that is."""
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
        """Hold some hundred of the rows in *journal* against the index; how many the journal holds.

        A row that is settled is there, or a later one of its key.
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
    """Which of *count* rows the journal of a client that is gone holds as acknowledged."""
    settled = np.zeros(count, np.bool_)
    if journal.exists():
        # Only looked at: what the killed client left is for the next one to recover.
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as database:
            tables = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'settled'").fetchone()
            ranges = database.execute("SELECT start, stop, aside FROM settled") if tables[0] else ()
            for start, stop, aside in ranges:
                assert not aside
                settled[start:stop] = True
    return settled
