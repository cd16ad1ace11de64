"""Lance datasets, read at the version that is the latest when the run begins."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from vecgate.bulk.sources.column_mapping import ColumnChoice
from vecgate.bulk.sources.remote_files import SourceFile
from vecgate.bulk.sources.source import EmptySource, source_errors
from vecgate.bulk.sources.tables.arrow_types import Batch
from vecgate.bulk.sources.tables.table_source import TableSource, build_table
from vecgate.errors import SourceError

FORMAT_NAME = "Lance"


def open_lance(path: SourceFile, *, columns: ColumnChoice, keys_only: bool) -> TableSource:
    """Open the dataset in the folder *path*. Raises SourceError if that fails."""
    lance, name = _lance(), str(path)
    with source_errors(name, FORMAT_NAME):
        dataset = lance.dataset(name)
        version, schema, total = dataset.version, dataset.schema, dataset.count_rows()
        created = next(each["timestamp"] for each in dataset.versions() if each["version"] == version)
    if not total:
        raise EmptySource(f"{path} holds no records")

    def read_batches(names: list[str], rows: int) -> Iterator[Batch]:
        with source_errors(name, FORMAT_NAME):
            # Without any column, a batch would have no rows to count.
            opened = lance.dataset(name, version=version)
            yield from opened.to_batches(columns=names or schema.names[:1], batch_size=rows)

    fingerprint = f"{path.name} of {total:,} records, version {version} of {created}"
    return build_table(
        *(name, fingerprint, schema, read_batches), total=total, choice=columns, keys_only=keys_only
    )


def _lance() -> Any:  # noqa: ANN401 - lance ships no types
    try:
        return import_module("lance")
    except ImportError:
        raise SourceError(
            "Lance datasets need pylance, which is not installed", hint="pip install 'vecgate[lance]'"
        ) from None
