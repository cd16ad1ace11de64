"""The text of a histogram, compared with texts that other HdrHistogram libraries wrote and can read."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.results.hdr_encoding import COUNTERS, Counters, decode_counters, encode_counters
from vecgate.results.histograms import Histogram

#: Written by hdrhistogram 0.10.8: counts of 0, 2, 1000, 1001, 1500, 2047, 2048, 2000000 and 3600000000.
RECORDED = "HISTFAAAADl4nJNpmSzMwMAgwQABzFCaEURcm7yEwf4DRICJke0k/zFGpsfsE5gPczDx7Z/HyLV4DSMLABQJC10="
RECORDED_COUNTERS = [
    [0, 2, 1000, 1001, 1500, 2047, 2049, 2_000_895, 3_600_809_983],
    [1, 3, 99, 1, 200, 1, 7, 5, 2],
]
#: Bytes before the compressed part, and in its header.
WRAPPER, HEADER = 8, 40

counts = st.dictionaries(st.integers(0, COUNTERS - 1), st.integers(1, 2**47), max_size=60)


def counters(of: dict[int, int]) -> Counters:
    made = np.zeros(max(of, default=-1) + 1, np.uint64)
    for index, count in of.items():
        made[index] = count
    return made


def payload(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text)[WRAPPER:])


def wrapped(payload: bytes, *, cookie: int = 0x1C849314, rest: bytes = b"") -> str:
    packed = zlib.compress(payload) + rest
    return base64.b64encode(cookie.to_bytes(4) + len(packed).to_bytes(4) + packed).decode()


@given(of=counts)
@example(of={0: 1})
@example(of={1: 1})
@example(of={0: 1, 2: 1})
@example(of={COUNTERS - 1: 2**47})
@example(of=dict.fromkeys(range(300), 64))
def test_decoding_is_the_inverse_of_encoding(of: dict[int, int]) -> None:
    """For all counters, with and without gaps between them."""
    expected = counters(of)
    assert np.array_equal(decode_counters(encode_counters(expected)), expected)


def test_a_text_of_another_library_is_read_and_written_alike() -> None:
    """Old result streams have such texts."""
    found = Histogram.decode(RECORDED)
    assert [each.tolist() for each in found.counters()] == RECORDED_COUNTERS
    assert payload(found.encode()) == payload(RECORDED)


@given(of=counts)
def test_the_text_is_that_of_hdrhistogram(of: dict[int, int]) -> None:
    """To the byte, where that library is installed: it has no wheels for arm64."""
    library: Any = pytest.importorskip("hdrh.histogram")
    theirs = library.HdrHistogram(1, 3_600_000_000, 3)
    for index, count in of.items():
        theirs.record_value(theirs.get_value_from_index(index), count)
    if of and max(of) < theirs.counts_len:
        assert payload(encode_counters(counters(of))) == payload(theirs.encode().decode())
        assert np.array_equal(decode_counters(theirs.encode().decode()), counters(of))


HEADERS = payload(RECORDED)[:HEADER]
INVALID = {
    "text": "no histogram",
    "short": base64.b64encode(b"1C849").decode(),
    "another cookie": wrapped(payload(RECORDED), cookie=0x1C849301),
    "cut off": RECORDED[:-8],
    "cut off, as its length": wrapped(payload(RECORDED))[:-4],
    "not compressed": base64.b64encode(bytes.fromhex("1c849314") + (4).to_bytes(4) + b"abcd").decode(),
    "more after the end": wrapped(payload(RECORDED), rest=b"more"),
    "no header": wrapped(HEADERS[:-1]),
    "the cookie of V1": wrapped(b"\x1c\x84\x93\x08" + payload(RECORDED)[4:]),
    "another length": wrapped(payload(RECORDED) + b"\0"),
    "an index offset": wrapped(HEADERS[:8] + b"\0\0\0\1" + payload(RECORDED)[12:]),
    "two digits": wrapped(HEADERS[:12] + b"\0\0\0\2" + payload(RECORDED)[16:]),
    "another lowest value": wrapped(HEADERS[:16] + (2).to_bytes(8) + payload(RECORDED)[24:]),
    "another ratio": wrapped(HEADERS[:32] + b"\x40" + payload(RECORDED)[33:]),
}


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID.keys())
def test_an_invalid_text_is_refused(text: str) -> None:
    """Streams come from anywhere."""
    with pytest.raises(ValueError, match=r"histogram|base64|Base64|padding"):
        decode_counters(text)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        (b"\x80", "a number of the histogram was cut off"),
        (b"\xff" * 7 + b"\x01", "a count of the histogram is out of range"),
        (b"\xff\xff\xff\x7f\x02", "more than an hour"),
        (b"\x02" * (COUNTERS + 1), "more than an hour"),
    ],
)
def test_invalid_counters_are_refused(numbers: bytes, message: str) -> None:
    """Before memory is taken for them."""
    header = HEADERS[:4] + len(numbers).to_bytes(4) + HEADERS[8:]
    with pytest.raises(ValueError, match=message):
        decode_counters(wrapped(header + numbers))


def test_a_text_that_grows_without_limit_is_refused() -> None:
    """A few kilobytes may not become gigabytes."""
    with pytest.raises(ValueError, match="too large"):
        decode_counters(wrapped(HEADERS + bytes(10_000_000)))
