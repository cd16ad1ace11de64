"""Sources of records: files of many formats, standard input, Python iterables.

A source never holds its whole input. It rejects a record only if the record cannot become a row;
`core.record_validation` does the rest. Start at `open_source`. `source` defines what a source is, and
`column_mapping` recognises the columns. Each file format has a module, in `tables/` (Arrow), `documents/`
(JSON) or `arrays/` (vectors alone), imported when a file has its format. `remote_files` opens URLs.
"""

from __future__ import annotations

from vecgate.bulk.sources.array_columns import source_from_arrays
from vecgate.bulk.sources.column_mapping import ColumnChoice
from vecgate.bulk.sources.formats import open_source
from vecgate.bulk.sources.iterables import source_from_records
from vecgate.bulk.sources.source import ROWS_DEFAULT, Source

__all__ = [
    "ROWS_DEFAULT",
    "ColumnChoice",
    "Source",
    "open_source",
    "source_from_arrays",
    "source_from_records",
]
