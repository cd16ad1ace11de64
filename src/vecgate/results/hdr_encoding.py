"""The text form of an HDR histogram: `HdrHistogram` V2, compressed, in base64.

Big-endian: cookie and length of what follows, which zlib has compressed. It starts with the cookie, the
length of the counters, the index offset, the digits, the lowest and the highest value, and the conversion
ratio. The counters follow as ZigZag LEB128; a negative number is a run of that many empty counters.

The format: https://github.com/HdrHistogram/HdrHistogram/blob/master/src/main/java/org/HdrHistogram/AbstractHistogram.java
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Counters: TypeAlias = NDArray[np.uint64]

#: Values from 1 microsecond to an hour, with three significant digits.
LOWEST, HIGHEST, DIGITS = 1, 3_600_000_000, 3
#: Three digits need 1,024 counters for each doubling of the value.
COUNTERS_BITS = 10
#: The counters for values up to HIGHEST.
COUNTERS = (HIGHEST.bit_length() - COUNTERS_BITS + 1) << COUNTERS_BITS

_COMPRESSED_COOKIE, _COOKIE = 0x1C849314, 0x1C849313
#: Bits of a cookie that state the size of a counter, which is variable in V2.
_SIZE_BITS = 0xF0
_WRAPPER, _HEADER = struct.Struct(">II"), struct.Struct(">IIIIQQd")
#: The bit of a byte in LEB128 that says that another byte follows.
_MORE = 0x80
#: Bytes of a number in LEB128. Decoded counters have at most seven, 2**48, so that their sum fits in 64 bits.
_NUMBER_BYTES_MAX, _DECODED_BYTES_MAX = 9, 7


def encode_counters(counters: Counters) -> str:
    """Return the text of *counters*, the first of which counts zeros."""
    payload = _encode_numbers(_with_runs(counters))
    header = _HEADER.pack(_COOKIE, len(payload), 0, DIGITS, LOWEST, HIGHEST, 1.0)
    packed = zlib.compress(header + payload)
    return base64.b64encode(_WRAPPER.pack(_COMPRESSED_COOKIE, len(packed)) + packed).decode()


def decode_counters(text: str) -> Counters:
    """Return the counters in *text* up to the last in use.

    Raises ValueError unless it is a histogram of microseconds to three digits, up to an hour.
    """
    packed = base64.b64decode(text, validate=True)
    _check_wrapper(packed)
    payload = _decompress(packed[_WRAPPER.size :])
    _check_header(payload)
    return _without_runs(_decode_numbers(payload[_HEADER.size :]))


def _check_wrapper(packed: bytes) -> None:
    if len(packed) < _WRAPPER.size:
        raise ValueError("the histogram is too short")
    cookie, length = _WRAPPER.unpack_from(packed)
    if cookie | _SIZE_BITS != _COMPRESSED_COOKIE | _SIZE_BITS or length != len(packed) - _WRAPPER.size:
        raise ValueError("the histogram is not compressed V2, or was cut off")


def _decompress(packed: bytes) -> bytes:
    """Decompress *packed*, up to the largest size that a histogram can have. Raises ValueError."""
    unpacking = zlib.decompressobj()
    try:
        payload = unpacking.decompress(packed, _HEADER.size + COUNTERS * _NUMBER_BYTES_MAX)
    except zlib.error as error:
        raise ValueError(f"the histogram cannot be decompressed: {error}") from error
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("the histogram is too large, or was cut off")
    return payload


def _check_header(payload: bytes) -> None:
    if len(payload) < _HEADER.size:
        raise ValueError("the histogram has no header")
    cookie, length, offset, digits, lowest, _, ratio = _HEADER.unpack_from(payload)
    if cookie | _SIZE_BITS != _COOKIE | _SIZE_BITS or length != len(payload) - _HEADER.size:
        raise ValueError("the histogram is not V2, or was cut off")
    if (offset, digits, lowest, ratio) != (0, DIGITS, LOWEST, 1.0):
        raise ValueError(f"the histogram does not have {DIGITS} digits from {LOWEST} on")


def _with_runs(counters: Counters) -> NDArray[np.int64]:
    """Return the counts in *counters*, and the runs of empty counters before them."""
    (used,) = np.nonzero(counters)
    empty_before = np.diff(used, prepend=-1) - 1
    numbers: NDArray[np.int64] = np.column_stack((-empty_before, counters[used].astype(np.int64)))
    kept: NDArray[np.int64] = numbers[np.column_stack((empty_before > 0, np.ones(len(used), bool)))]
    return kept


def _without_runs(numbers: NDArray[np.int64]) -> Counters:
    widths = np.where(numbers < 0, -numbers, 1)
    # A sum of numbers this small cannot overflow.
    if widths.max(initial=0) > COUNTERS or widths.sum() > COUNTERS:
        raise ValueError("the histogram has values of more than an hour")
    counters = np.zeros(widths.sum(), np.uint64)
    is_count = numbers >= 0
    counters[(np.cumsum(widths) - 1)[is_count]] = numbers[is_count]
    return np.trim_zeros(counters, "b")


def _encode_numbers(numbers: NDArray[np.int64]) -> bytes:
    zigzag = (numbers << 1) ^ (numbers >> 63)
    places = np.arange(_NUMBER_BYTES_MAX)
    groups = zigzag[:, np.newaxis] >> 7 * places
    last = np.maximum(np.count_nonzero(groups, axis=1, keepdims=True) - 1, 0)
    encoded = np.where(places < last, groups % _MORE | _MORE, groups % _MORE).astype(np.uint8)
    data: bytes = encoded[places <= last].tobytes()
    return data


def _decode_numbers(payload: bytes) -> NDArray[np.int64]:
    data = np.frombuffer(payload, np.uint8)
    (ends,) = np.nonzero(data < _MORE)
    if data.size and (not ends.size or ends[-1] != data.size - 1):
        raise ValueError("a number of the histogram was cut off")
    lengths = np.diff(ends, prepend=-1)
    if lengths.max(initial=0) > _DECODED_BYTES_MAX:
        raise ValueError("a count of the histogram is out of range")
    starts = ends - lengths + 1
    places = np.arange(data.size) - np.repeat(starts, lengths)
    groups = (data % _MORE).astype(np.int64) << 7 * places
    zigzag = np.add.reduceat(groups, starts) if data.size else groups
    return zigzag >> 1 ^ -(zigzag & 1)
