"""Where records come from: files of many formats, standard input, Python iterables.

A source never holds its input whole, and judges of a record only whether it can become a row; the rest is
`validation`'s. Start at `open_source`. `source` says what a source is, `columns` how columns are recognised;
each file format has a module, imported when the first bytes of a file call for it.
"""

from __future__ import annotations

from vecgate.bulk.sources.arrays import source_of_arrays
from vecgate.bulk.sources.columns import ColumnChoice
from vecgate.bulk.sources.formats import open_source
from vecgate.bulk.sources.iterables import source_of
from vecgate.bulk.sources.source import ROWS_DEFAULT, Source

__all__ = ["ROWS_DEFAULT", "ColumnChoice", "Source", "open_source", "source_of", "source_of_arrays"]
