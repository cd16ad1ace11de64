"""`vecgate put`: says what will happen, what is happening, and what happened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import orjson

from vecgate.bulk.check import check
from vecgate.bulk.config import PRESETS, BulkConfig
from vecgate.bulk.indexes import create_index, describe_index
from vecgate.bulk.sources import ColumnChoice, Source, open_source
from vecgate.bulk.validation import IndexRules
from vecgate.bulk.wire import DIRECT_UP_TO, Sender
from vecgate.cli.bulk_run import Files, conclude, leave, run_bulk
from vecgate.cli.bulk_stream import BulkStream
from vecgate.cli.exit_codes import ExitCode
from vecgate.cli.options import (
    IndexChoice,
    KeepChoice,
    index_options,
    opened,
    output_options,
    results_option,
    run_options,
    say,
    target_options,
)
from vecgate.errors import IndexUnusable, SourceError, UsageError
from vecgate.reporting.wording import duration, many
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.target import Target, TargetChoice


@dataclass(frozen=True, slots=True)
class Creation:
    """The index that `--create` makes: *metric*, and the metadata keys that are not filterable."""

    metric: str
    non_filterable: frozenset[str]

    def rules(self, source: Source) -> IndexRules:
        """What that index asks of a vector. Raises SourceError where *source* tells no dimension."""
        if source.dimension is None:
            raise SourceError(f"{source.name} does not tell its dimension, which an index needs")
        return IndexRules(source.dimension, self.metric, self.non_filterable)


def config_of(preset: str, **overrides: float | None) -> BulkConfig:
    """The settings of *preset* with those *overrides* that are given. Raises ConfigError, a UsageError."""
    given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    return replace(PRESETS[preset], **given)


@click.command(short_help="Ingest files of embeddings into an index.")
@click.argument("files", nargs=-1, required=True)
@index_options
@target_options
@click.option("--create", is_flag=True, help="Make the index, and its bucket, where there is none.")
@click.option(
    "--metric",
    type=click.Choice(["cosine", "euclidean"]),
    default="cosine",
    show_default=True,
    help="Of the index, for --create and --check.",
)
@click.option(
    "--non-filterable",
    default="",
    help="Metadata keys that filters cannot use, so that they may be long: a,b.  For --create and --check.",
)
@click.option("--key-column", default=None, help="Column of the keys.")
@click.option("--vector-column", default=None, help="Column of the vectors.")
@click.option("--metadata-columns", default=None, help="Columns that become metadata: a,b; empty for none.")
@click.option(
    "--key-prefix", default=None, help="Put before every key; rows are numbered where there is no key column."
)
@click.option("--check", "only_check", is_flag=True, help="Judge the whole input without one request.")
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    default="full",
    show_default=True,
    help="Where the next four start from.",
)
@click.option("--vectors-per-s", "--rate", type=float, default=None, help="Never more vectors a second.")
@click.option("--requests-per-s", type=float, default=None, help="Never more requests a second.")
@click.option("--batch", "batch_vectors", type=int, default=None, help="Vectors in a request.")
@click.option("--in-flight", type=int, default=None, help="Requests at once.")
@run_options
@click.option("--strict", is_flag=True, help="Stop at the first record that cannot be written.")
@results_option
@output_options
def put(
    files: tuple[str, ...],
    where: IndexChoice,
    choice: TargetChoice,
    create: bool,
    metric: str,
    non_filterable: str,
    key_column: str | None,
    vector_column: str | None,
    metadata_columns: str | None,
    key_prefix: str | None,
    only_check: bool,
    preset: str,
    vectors_per_s: float | None,
    requests_per_s: float | None,
    batch_vectors: int | None,
    in_flight: int | None,
    keep: KeepChoice,
    strict: bool,
    results: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Ingest FILES of embeddings into an index.

    Parquet, Arrow, .npy, .npz, JSON lines and HDF5, or - for JSON lines on standard input. Which column is
    what is guessed and printed. A record that cannot be written is set aside with its reason, and the rest
    goes on; the set-aside file can be put again once mended. Ctrl-C stops cleanly; --resume goes on.

    \b
    vecgate put films.parquet --target aws --bucket media --index films --create
    vecgate put films.parquet --check
    """  # noqa: D301 - click reads the backspace
    config = config_of(
        preset,
        vectors_per_s=vectors_per_s,
        requests_per_s=requests_per_s,
        batch_vectors=batch_vectors,
        in_flight=in_flight,
    )
    creation = Creation(metric, frozenset(names_of(non_filterable) or ()))
    source = open_source(
        files[0] if len(files) == 1 else files,
        columns=ColumnChoice(key_column, vector_column, names_of(metadata_columns), key_prefix),
    )
    if only_check:
        leave(_check(source, creation, as_json=as_json))
    say(f"{source.name}: {total_of(source)}; {source.describe()}", quiet=quiet)
    address = where.address
    is_small = config.batch_vectors <= DIRECT_UP_TO
    with (
        opened(choice) as place,
        place.sender(connections=config.in_flight + 1, direct=is_small) as sender,
    ):
        _prepare(place, sender, address, source, creation if create else None, quiet=quiet)
        kept = Files.of(source, address, place, "PutVectors", keep)
        say(_plan(source, config, kept), quiet=quiet)
        stream = BulkStream.of(results, "PutVectors", source, config, place) if results else None
        outcome = run_bulk(
            sender,
            address,
            config,
            lambda writer: writer.put(source, journal=kept.journal, set_aside=kept.set_aside, strict=strict),
            stream=stream,
            quiet=quiet,
        )
    leave(conclude(outcome, kept, verb="written", as_json=as_json))


def names_of(words: str | None) -> tuple[str, ...] | None:
    """`a,b` as names; None stays None."""
    return None if words is None else tuple(word for word in words.split(",") if word)


def total_of(source: Source) -> str:
    """How many records a source holds, for people."""
    return "records not counted" if source.total is None else many(source.total, "record")


def _check(source: Source, creation: Creation, *, as_json: bool) -> ExitCode:
    report = check(source, creation.rules(source))
    click.echo(orjson.dumps(report.to_dict()).decode() if as_json else "\n".join(report.lines()))
    return ExitCode.GATE_FAILED if report.bad else ExitCode.PASS


def _prepare(
    place: Target,
    sender: Sender,
    address: IndexAddress,
    source: Source,
    creation: Creation | None,
    *,
    quiet: bool,
) -> None:
    if creation is not None:
        if address.arn:
            raise UsageError("--create needs names, not an ARN", hint="Give --bucket and --index by name.")
        if create_index(sender, address, creation.rules(source)):
            say(f"made index {address}", quiet=quiet)
    try:
        rules = describe_index(sender, address)
    except IndexUnusable as error:
        if creation is None:
            error.hint = "Check both names and the region, or add --create to make it."
        raise
    say(f"target: {place}; index {address} ({rules.dimension} dimensions, {rules.metric})", quiet=quiet)


def _plan(source: Source, config: BulkConfig, kept: Files) -> str:
    pace = f"at most {config.vectors_per_s:,.0f} vectors/s and {config.requests_per_s:,.0f} requests/s"
    if source.total is None:
        plan = f"plan: requests of up to {config.batch_vectors:,} vectors, {pace}"
    else:
        requests = -(-source.total // config.batch_vectors)
        least_s = max(source.total / config.vectors_per_s, requests / config.requests_per_s)
        plan = (
            f"plan: {many(requests, 'request')} of up to {config.batch_vectors:,} vectors, {pace}: "
            f"about {duration(least_s)} or more"
        )
    journal = kept.journal or f"none, since {source.name} cannot be read again"
    return f"{plan}\njournal: {journal}"
