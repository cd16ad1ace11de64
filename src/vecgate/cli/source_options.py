"""The options that say how input files become records: the same for every command that reads vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vecgate.cli.options import OptionDecorator, option_group

if TYPE_CHECKING:
    from vecgate.bulk.sources import ColumnChoice, Source

#: The values of the enumerations of these names, which take time to import. A test compares them.
TIMESTAMPS, NULLS = ("iso", "epoch"), ("drop", "prune", "reject")


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """How to read the files of an input, as the user chose it."""

    columns: ColumnChoice
    skip_unreadable: bool
    ids: Path | None = None

    def open(self, files: Sequence[str]) -> Source:
        """Open *files*. Raises SourceError."""
        from vecgate.bulk.sources import open_source

        return open_source(
            files[0] if len(files) == 1 else files,
            columns=self.columns,
            skip_unreadable=self.skip_unreadable,
            ids=self.ids,
        )


def split_names(text: str | None) -> tuple[str, ...] | None:
    """Split `a,b` into names. None stays None."""
    return None if text is None else tuple(name for name in text.split(",") if name)


def _source_choice(
    key_column: str | None,
    vector_column: str | None,
    metadata_columns: str | None,
    key_prefix: str | None,
    row_keys: bool,
    skip_unreadable: bool,
    timestamps: str,
    nulls: str,
    flatten: bool,
    ids: Path | None,
    text_columns: str | None,
) -> SourceChoice:
    from vecgate.bulk.sources import ColumnChoice
    from vecgate.bulk.sources.plain_values import MetadataShape, Nulls, Timestamps

    columns = ColumnChoice(
        key_column,
        vector_column,
        split_names(metadata_columns),
        key_prefix,
        row_keys,
        shape=MetadataShape(Timestamps(timestamps), Nulls(nulls), flatten),
        text_columns=split_names(text_columns) or (),
    )
    return SourceChoice(columns, skip_unreadable, ids)


#: The use of the columns and files, as `source_choice`.
source_options: OptionDecorator = option_group(
    "source_choice",
    _source_choice,
    click.option("--key-column", default=None, metavar="NAME", help="Column of the keys."),
    click.option("--vector-column", default=None, metavar="NAME", help="Column of the vectors."),
    click.option(
        "--metadata",
        "--metadata-columns",
        "metadata_columns",
        default=None,
        metavar="NAMES",
        help="Columns that become metadata: a,b.c=name; empty for none.",
    ),
    click.option(
        "--timestamps",
        type=click.Choice(TIMESTAMPS),
        default=TIMESTAMPS[0],
        show_default=True,
        help="Dates and times in metadata: text, or seconds since 1970, which range filters need.",
    ),
    click.option(
        "--nulls",
        type=click.Choice(NULLS),
        default=NULLS[0],
        show_default=True,
        help="Null metadata: drop the entry, reject the record, or prune empty values and arrays too.",
    ),
    click.option("--flatten", is_flag=True, help="Make entries of nested objects metadata: object.entry."),
    click.option(
        "--key-prefix",
        default=None,
        metavar="PREFIX",
        help="Prepended to every key. Without a key column, rows are numbered.",
    ),
    click.option(
        "--ids",
        type=click.Path(path_type=Path, dir_okay=False),
        default=None,
        metavar="FILE",
        help="Keys of a .npy, fvecs or fbin file: one on each line, a JSON list, or .npy.",
    ),
    click.option(
        "--text-columns",
        default=None,
        metavar="NAMES",
        help="Columns of CSV that stay text although they look like numbers: a,b.",
    ),
    click.option("--row-keys", is_flag=True, help="Number the rows 0, 1, … instead of reading keys."),
    click.option(
        "--skip-unreadable", is_flag=True, help="Read a directory without its files of unknown formats."
    ),
)
