from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from vecgate.cli.filter_option import explain_refusal, parse_filter
from vecgate.cli.json_output import print_json
from vecgate.cli.options import (
    TOP_K_MAX,
    IndexChoice,
    index_options,
    open_chosen_target,
    output_options,
    target_options,
)
from vecgate.errors import IndexUnusable, UsageError
from vecgate.printable import printable_line
from vecgate.redaction import redact
from vecgate.safe_output import data_stream, trusted_stream

if TYPE_CHECKING:
    from rich.text import Text

    from vecgate.bulk.core.record_blocks import Float32Matrix
    from vecgate.bulk.core.response_decoding import QueryResult
    from vecgate.bulk.reader import BulkReader
    from vecgate.targets.target import TargetChoice


@click.command()
@index_options
@target_options
@click.option(
    "--key",
    default=None,
    metavar="KEY",
    help="Search with the stored vector of this key; the result does not include it.",
)
@click.option(
    "--vector",
    default=None,
    metavar="VECTOR",
    help="Search with this vector: JSON numbers, a .json or .npy file, or - for JSON on stdin.",
)
@click.option(
    "--top-k",
    "-k",
    type=click.IntRange(1, TOP_K_MAX),
    default=10,
    show_default=True,
    help="Number of results.",
)
@click.option(
    "--filter",
    "filter_text",
    default=None,
    metavar="JSON",
    help='Metadata filter of the service, such as \'{"year": {"$gte": 2020}}\'.',
)
@click.option("--no-metadata", is_flag=True, help="Show keys and distances only.")
@output_options
def query(
    index_choice: IndexChoice,
    choice: TargetChoice,
    key: str | None,
    vector: str | None,
    top_k: int,
    filter_text: str | None,
    no_metadata: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the vectors nearest to a stored vector, or to a given one.

    \b
    vecgate query --target aws --bucket media --index films --key alien --filter '{"year": {"$gte": 2020}}'
    vecgate query --target aws --bucket media --index films --vector question.npy --top-k 100 --json
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.index_setup import describe_index
    from vecgate.bulk.reader import BulkReader

    del quiet  # a query shows no progress
    if (key is None) == (vector is None):
        raise UsageError("no vector to search with", hint="Give either --key or --vector.")
    condition = None if filter_text is None else parse_filter(filter_text, "--filter")
    with (
        open_chosen_target(choice) as target,
        target.sender(direct=True) as sender,
    ):
        rules = describe_index(sender, index_choice.address)
        reader = BulkReader(sender, bucket=index_choice.bucket, index=index_choice.index)
        row = _read_stored(reader, key) if key is not None else _parse_vector(vector or "")
        if len(row) != rules.dimension:
            raise IndexUnusable(f"the vector has {len(row):,} values, those of the index {rules.dimension:,}")
        # The result includes the stored vector itself, so one more is requested.
        count = min(top_k + (key is not None), TOP_K_MAX)
        with explain_refusal(condition, "--filter"):
            found = reader.query(row, count, filter=condition, metadata=not no_metadata)
    rows = [hit for hit in query_rows(found) if hit["key"] != key][:top_k]
    if as_json:
        print_json({"metric": found.metric, "vectors": rows}, file=data_stream(sys.stdout))
    else:
        print_results(rows, found.metric)


def query_rows(found: QueryResult) -> list[dict[str, Any]]:
    """Return the result as rows of key, distance and metadata."""
    import numpy as np

    distances = np.zeros(0) if found.distances is None else found.distances
    return [
        {"key": key, "distance": float(distance), "metadata": metadata}
        for key, distance, metadata in zip(found.keys, distances, found.metadata, strict=True)
    ]


def print_results(rows: list[dict[str, Any]], metric: str) -> None:
    """Print the rows as a table."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    names = list(dict.fromkeys(name for row in rows for name in row["metadata"] or {}))
    table = Table("", "key", box=SIMPLE_HEAD)
    for heading in (f"{metric} distance", *names):
        table.add_column(_cell(heading))
    for rank, row in enumerate(rows, 1):
        values = [str((row["metadata"] or {}).get(name, "")) for name in names]
        table.add_row(str(rank), *map(_cell, [row["key"], f"{row['distance']:.4f}", *values]))
    if rows:
        # In a CI log a wrapped line may begin a workflow command, so the table is made printable again.
        is_terminal = sys.stdout.isatty()
        file = trusted_stream(sys.stdout) if is_terminal else sys.stdout
        Console(file=file, force_terminal=is_terminal).print(table)
    click.echo(f"{len(rows):,} found")


def _cell(text: str) -> Text:
    """Return foreign *text* as it is shown: rich reads markup in strings."""
    from rich.text import Text

    return Text(printable_line(redact(text)))


def _read_stored(reader: BulkReader, key: str) -> Float32Matrix:
    import numpy as np

    found = reader.get([key], metadata=False)
    if found.vectors is None:
        raise UsageError(
            f"no vector is stored under {key!r}", hint="List the stored keys with `vecgate scan --no-data`."
        )
    return np.asarray(found.vectors[0], dtype=np.float32)


def _parse_vector(text: str) -> Float32Matrix:
    import numpy as np

    try:
        if text.endswith(".npy"):
            values = np.load(text, allow_pickle=False)
        elif text == "-":
            values = _parse_json(sys.stdin.read(), "standard input")
        else:
            values = _parse_json(Path(text).read_text() if text.endswith(".json") else text, "--vector")
        row = np.asarray(values, dtype=np.float32)
    except (OSError, TypeError, ValueError) as error:
        raise UsageError(f"the vector cannot be read: {error}", hint="Give one list of numbers.") from error
    if row.ndim != 1:
        raise UsageError(f"the vector has the shape {row.shape}", hint="Give one list of numbers.")
    return row


def _parse_json(text: str, name: str) -> Any:  # noqa: ANN401 - JSON is anything
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{name} is not JSON: {error}") from error
