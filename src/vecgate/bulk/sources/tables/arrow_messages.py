"""Sizes of the compressed batches of Arrow IPC, before they are decompressed.

Arrow allocates what a batch says that its buffers have. The messages are tables of flatbuffers
(https://github.com/apache/arrow/blob/main/format/Message.fbs); a compressed buffer begins with its length.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from vecgate.errors import SourceError
from vecgate.s3vectors.limits import MIB

#: Vectors do not shrink so far; a smaller batch may. The largest batches that programs write have some 1 GiB.
_EXPANDED_BYTES, _EXPANSION_MAX, _BATCH_BYTES_MAX = 512 * MIB, 50, 4096 * MIB
_DICTIONARY, _BATCH = 2, 3
_LENGTH_BYTES, _BLOCK_BYTES = 8, 24
#: Behind the footer: its size and the magic.
_TAIL_BYTES = 10
#: Between the last batch and the footer: the end marker, and padding.
_END_BYTES_MAX = 128


def check_expansion(name: str, file: Any, *, is_file: bool) -> None:  # noqa: ANN401 - pyarrow ships no types
    """Raise SourceError if a batch in *file* is far larger than its compressed bytes.

    is_file  it has the file format, whose footer says where its batches are
    """
    try:
        for message in _file_messages(name, file) if is_file else _stream_messages(name, file):
            body = message.body
            expanded = 0 if body is None else sum(_expanded_sizes(message.metadata, body))
            if expanded > _BATCH_BYTES_MAX or expanded > max(_EXPANDED_BYTES, _EXPANSION_MAX * body.size):
                raise SourceError(
                    f"{name} has {expanded:,} bytes in a batch of {body.size:,} compressed ones",
                    hint="Write it again in smaller batches.",
                )
    except (struct.error, IndexError):
        raise ValueError("a message of it is damaged") from None


def check_stream_end(name: str, file: Any, last_end: int) -> None:  # noqa: ANN401
    """Raise SourceError if the stream whose end *file* has reached has no end marker, or if more follows.

    last_end  the end of its last message
    """
    if file.tell() == last_end:
        raise SourceError(
            f"{name} is truncated: it has no end-of-stream marker",
            hint="Write or copy it again; a writer adds the marker when it is closed.",
        )
    if file.read(1):
        raise SourceError(
            f"{name} has more data after the end of its Arrow stream",
            hint="Write each stream to its own file, and put the files together.",
        )


def _stream_messages(name: str, file: Any) -> Iterator[Any]:  # noqa: ANN401
    reader = pa.ipc.MessageReader.open_stream(file)
    while True:
        end = file.tell()
        try:
            message = reader.read_next_message()
        except StopIteration:
            check_stream_end(name, file, end)
            return
        yield message


def _file_messages(name: str, file: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield the messages of dictionaries and batches to which the footer refers.

    Raises SourceError if other data are between them and the footer, as in two files in one.
    """
    end = file.size() - _TAIL_BYTES
    file.seek(end)
    size = int.from_bytes(file.read(4), "little")
    file.seek(max(0, end - size))
    footer = memoryview(file.read(size))
    data_end = 0
    for number in (2, 3):
        blocks = _table(footer, _read("I", footer, 0), number)
        for block in range(0 if blocks is None else _read("I", footer, blocks)):
            file.seek(_read("q", footer, (blocks or 0) + 4 + _BLOCK_BYTES * block))
            yield pa.ipc.read_message(file)
            data_end = max(data_end, file.tell())
    if data_end and end - size - data_end > _END_BYTES_MAX:
        raise SourceError(
            f"{name} has {end - size - data_end:,} bytes that are not part of its table",
            hint="If several files were joined into one, put the files themselves.",
        )


def _expanded_sizes(metadata: Any, body: Any) -> Iterator[int]:  # noqa: ANN401
    """Yield the decompressed size of each buffer in a message, nothing if it is not compressed."""
    data = memoryview(metadata)
    message = _read("I", data, 0)
    kind, batch = _field(data, message, 1), _table(data, message, 2)
    if kind is not None and batch is not None and data[kind] == _DICTIONARY:
        batch = _table(data, batch, 1)
    elif kind is None or data[kind] != _BATCH:
        return
    if batch is None or _field(data, batch, 3) is None:
        return
    buffers = _table(data, batch, 2)
    for number in range(0 if buffers is None else _read("I", data, buffers)):
        offset, length = struct.unpack_from("<qq", data, (buffers or 0) + 4 + 16 * number)
        if length >= _LENGTH_BYTES:
            yield max(length, *struct.unpack_from("<q", body, offset))


def _field(data: memoryview, table: int, number: int) -> int | None:
    """Return where a field of a table is, None if it is not there."""
    fields = table - _read("i", data, table)
    at = 4 + 2 * number
    offset = _read("H", data, fields + at) if at < _read("H", data, fields) else 0
    return table + offset if offset else None


def _table(data: memoryview, table: int, number: int) -> int | None:
    """Return where the table or the list is to which a field refers."""
    at = _field(data, table, number)
    return None if at is None else at + _read("I", data, at)


def _read(form: str, data: memoryview, at: int) -> int:
    if at < 0:
        raise IndexError
    return int(struct.unpack_from(f"<{form}", data, at)[0])
