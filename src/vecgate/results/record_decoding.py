"""Decodes the lines of a result stream, of this schema version and of earlier ones."""

from __future__ import annotations

from typing import get_args

import msgspec

from vecgate.errors import SourceError
from vecgate.results.records import SCHEMA_VERSION, Record
from vecgate.results.schema_upgrade import upgrade_record

#: The tags of the records that this version knows.
KNOWN_TAGS = frozenset(kind.__struct_config__.tag for kind in get_args(Record))
#: Until a header says otherwise: upgrading a line that needs no upgrade changes nothing.
OLDEST_SCHEMA = 1


class _Envelope(msgspec.Struct):
    record: str
    schema: int = OLDEST_SCHEMA


class RecordDecoder:
    """Decodes the lines of one stream, in order. The header of the stream says which schema they have."""

    def __init__(self) -> None:
        self._schema = OLDEST_SCHEMA

    def decode(self, line: bytes) -> Record | None:
        """Return the record in *line*, or None if its type is unknown, as in streams of a later vecgate.

        Raises SourceError if the schema is later than this one, and msgspec.DecodeError, UnicodeDecodeError
        or RecursionError if the line is not a record.
        """
        envelope = msgspec.json.decode(line, type=_Envelope)
        if envelope.record == "header":
            self._schema = envelope.schema
        if self._schema > SCHEMA_VERSION:
            message = f"a later vecgate wrote it (schema {self._schema}; this one reads {SCHEMA_VERSION})"
            raise SourceError(message, hint="Update vecgate.")
        if envelope.record not in KNOWN_TAGS:
            return None
        if self._schema == SCHEMA_VERSION:
            return msgspec.json.decode(line, type=Record)
        record: Record = msgspec.convert(upgrade_record(msgspec.json.decode(line)), type=Record)
        return record
