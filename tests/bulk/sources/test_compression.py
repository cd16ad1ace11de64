"""Compressed files are read to their end, with all their parts, or fail."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable

import pyarrow as pa
import pytest

from vecgate.bulk.sources.compression import decompress
from vecgate.bulk.sources.source import READ_ERRORS

LINES = b"".join(b"%d,%d\n" % (n, n * n) for n in range(20_000))
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: bytes(pa.compress(data, codec="zstd", asbytes=True)),
}


def unpack(data: bytes) -> bytes:
    return decompress(io.BufferedReader(io.BytesIO(data))).read()


@pytest.mark.parametrize("name", COMPRESS)
def test_all_parts_are_read(name: str) -> None:
    """Parallel compressors write one after the other."""
    packed = COMPRESS[name](LINES)
    assert unpack(packed) == LINES
    assert unpack(packed + COMPRESS[name](b"more")) == LINES + b"more"
    assert list(decompress(io.BufferedReader(io.BytesIO(packed))))[-1] == b"19999,399960001\n"


@pytest.mark.parametrize("name", COMPRESS)
@pytest.mark.parametrize("cut", [1, 4, 10, 500])
def test_a_truncated_file_fails(name: str, cut: int) -> None:
    """At any byte."""
    with pytest.raises(READ_ERRORS):
        unpack(COMPRESS[name](LINES)[:-cut])


@pytest.mark.parametrize("name", COMPRESS)
def test_damage_behind_the_first_part_fails(name: str) -> None:
    """The standard library would end there, without a word."""
    packed = COMPRESS[name](LINES)
    with pytest.raises(READ_ERRORS):
        unpack(packed + b"damage")
    with pytest.raises(READ_ERRORS):
        unpack(packed + packed[:-3])


@pytest.mark.parametrize("name", ["xz", "bz2"])
@pytest.mark.parametrize("zeros", [4, 70_000])
def test_padding_between_parts_is_skipped(name: str, zeros: int) -> None:
    """The format of xz has it."""
    packed = COMPRESS[name](LINES)
    assert unpack(packed + bytes(zeros) + packed + bytes(zeros)) == LINES * 2
