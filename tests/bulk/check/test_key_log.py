"""The log of a comparison sums up its entries by key, however many files they fill."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.bulk.check import key_log
from vecgate.bulk.check.key_log import KeyEntry, KeyLog
from vecgate.errors import VecgateError

EQUAL, MISSING, DIFFERENT, REJECTED, LISTED = KeyEntry
RESULTS = (EQUAL, MISSING, DIFFERENT)


@given(
    entries=st.lists(st.tuples(st.sampled_from(["a", "b", "ü", "n\n", ""]), st.sampled_from(KeyEntry))),
    buffer_bytes=st.sampled_from([1, 20, 8_192]),
    files=st.sampled_from([1, 3, 1_024]),
)
def test_the_last_comparison_of_a_key_counts(
    entries: list[tuple[str, KeyEntry]], buffer_bytes: int, files: int
) -> None:
    """Whether entries are still in memory or on disk; a rejected record changes no result."""
    last: dict[str, KeyEntry] = {}
    for key, entry in entries:
        if entry in RESULTS:
            last[key] = entry
        elif entry is REJECTED:
            last.setdefault(key, entry)
    listed = {key for key, entry in entries if entry is LISTED}
    with pytest.MonkeyPatch.context() as patch, KeyLog() as log:
        patch.setattr(key_log, "BUFFER_BYTES", buffer_bytes)
        patch.setattr(key_log, "FILES", files)
        for key, entry in entries:
            log.add(key, entry)
        summary = log.summary()
        assert log.is_empty is not bool(entries)
    assert summary.results == Counter(last.values())
    assert summary.extra == len(listed - last.keys())
    assert set(summary.extra_keys) == listed - last.keys()
    assert summary.unlisted == sum(
        entry in {EQUAL, DIFFERENT} and key not in listed for key, entry in last.items()
    )
    for entry in RESULTS:
        assert set(summary.examples.get(entry, [])) == {key for key in last if last[key] is entry}


def test_a_few_keys_are_named() -> None:
    """Of many, in one file or in several."""
    with KeyLog() as log:
        for number in range(5_000):
            log.add(f"missing {number}", MISSING)
            log.add(f"extra {number}", LISTED)
        summary = log.summary()
    assert summary.results[MISSING] == summary.extra == 5_000
    assert len(summary.examples[MISSING]) == len(summary.extra_keys) == key_log.EXAMPLES_KEPT


def test_the_files_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the log. Before its end they are in the temporary folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(key_log, "BUFFER_BYTES", 1)
    with KeyLog() as log:
        log.add("a", MISSING)
        assert list(tmp_path.rglob("*"))
    assert not list(tmp_path.rglob("*"))


def test_a_temporary_folder_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the variable that chooses another one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    monkeypatch.setattr(key_log, "BUFFER_BYTES", 1)
    with KeyLog() as log, pytest.raises(VecgateError, match="none cannot be used: No such file") as caught:
        log.add("a", MISSING)
    assert "TMPDIR" in caught.value.hint
