from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from vecgate.bulk.decoding import QueryResult
from vecgate.bulk.indexes import describe_index
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.records import Float32Matrix
from vecgate.cli.options import IndexChoice, index_options, opened, output_options, target_options
from vecgate.errors import IndexUnusable, UsageError
from vecgate.s3vectors.limits import TOP_K_MAX
from vecgate.targets.target import TargetChoice


@click.command(short_help="Search an index.")
@index_options
@target_options
@click.option(
    "--key",
    default=None,
    help="Search with the vector that is stored under this key; it is left out of the answer.",
)
@click.option(
    "--vector",
    default=None,
    help="Search with this one: JSON numbers, a .json or .npy file, or - for JSON on stdin.",
)
@click.option(
    "--top-k",
    "-k",
    type=click.IntRange(1, TOP_K_MAX),
    default=10,
    show_default=True,
    help="How many of the nearest.",
)
@click.option(
    "--filter",
    "filter_text",
    default=None,
    help='Filter in the service\'s language, such as \'{"year": {"$gte": 2020}}\'.',
)
@click.option("--no-metadata", is_flag=True, help="Keys and distances alone.")
@output_options
def query(
    where: IndexChoice,
    choice: TargetChoice,
    key: str | None,
    vector: str | None,
    top_k: int,
    filter_text: str | None,
    no_metadata: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the vectors nearest to one that is stored, or to one that you give.

    \b
    vecgate query --target aws --bucket media --index films --key alien --filter '{"year": {"$gte": 2020}}'
    """  # noqa: D301 - click reads the backspace
    del quiet  # there is no progress to leave out
    if (key is None) == (vector is None):
        raise UsageError("say what to search with", hint="Give either --key or --vector.")
    condition = None if filter_text is None else _json(filter_text, "--filter")
    with (
        opened(choice) as place,
        place.sender(direct=True) as sender,
    ):
        rules = describe_index(sender, where.address)
        reader = BulkReader(sender, bucket=where.bucket, index=where.index)
        row = _stored(reader, key) if key is not None else _given(vector or "")
        if len(row) != rules.dimension:
            raise IndexUnusable(f"the vector has {len(row):,} values, those of the index {rules.dimension:,}")
        # The stored vector finds itself first: one more makes up for it.
        wanted = min(top_k + (key is not None), TOP_K_MAX)
        found = reader.query(row, wanted, filter=condition, metadata=not no_metadata)
    rows = [hit for hit in hits(found) if hit["key"] != key][:top_k]
    if as_json:
        click.echo(orjson.dumps({"metric": found.metric, "vectors": rows}).decode())
    else:
        show(rows, found.metric)


def hits(found: QueryResult) -> list[dict[str, Any]]:
    """The result as rows: key, distance, metadata."""
    distances = np.zeros(0) if found.distances is None else found.distances
    return [
        {"key": key, "distance": float(distance), "metadata": metadata}
        for key, distance, metadata in zip(found.keys, distances, found.metadata, strict=True)
    ]


def show(rows: list[dict[str, Any]], metric: str) -> None:
    """The rows as a table on stdout."""
    names = list(dict.fromkeys(name for row in rows for name in row["metadata"] or {}))
    table = Table("", "key", f"{metric} distance", *names, box=SIMPLE_HEAD)
    for rank, row in enumerate(rows, 1):
        values = [str((row["metadata"] or {}).get(name, "")) for name in names]
        table.add_row(str(rank), row["key"], f"{row['distance']:.4f}", *values)
    if rows:
        Console().print(table)
    click.echo(f"{len(rows):,} found")


def _stored(reader: BulkReader, key: str) -> Float32Matrix:
    found = reader.get([key], metadata=False)
    if found.vectors is None:
        raise UsageError(
            f"no vector is stored under {key!r}", hint="Look for its spelling with `vecgate scan --no-data`."
        )
    return np.asarray(found.vectors[0], dtype=np.float32)


def _given(text: str) -> Float32Matrix:
    try:
        if text.endswith(".npy"):
            values = np.load(text, allow_pickle=False)
        elif text == "-":
            values = _json(sys.stdin.read(), "standard input")
        else:
            values = _json(Path(text).read_text() if text.endswith(".json") else text, "--vector")
        row = np.asarray(values, dtype=np.float32)
    except (OSError, TypeError, ValueError) as error:
        raise UsageError(f"the vector cannot be read: {error}", hint="It is one list of numbers.") from error
    if row.ndim != 1:
        raise UsageError(f"the vector has the shape {row.shape}", hint="It is one list of numbers.")
    return row


def _json(text: str, name: str) -> Any:  # noqa: ANN401 - JSON is anything
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{name} is not JSON: {error}") from error
