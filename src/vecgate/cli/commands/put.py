"""`vecgate put`: ingests files of embeddings, or checks them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
import orjson

from vecgate.bulk.check.source_check import check_source
from vecgate.bulk.config import PRESETS, BulkConfig
from vecgate.bulk.core.record_validation import IndexRules
from vecgate.bulk.index_setup import (
    NewResourceSender,
    check_first_batch,
    check_new_index,
    create_index,
    describe_index,
)
from vecgate.bulk.sources import ColumnChoice, Source, open_source
from vecgate.bulk.transport.sender import DIRECT_BATCH_MAX, Sender
from vecgate.cli.options import (
    Endurance,
    IndexChoice,
    RunFiles,
    endurance_options,
    index_options,
    open_chosen_target,
    output_options,
    print_status,
    results_option,
    run_file_options,
    target_options,
)
from vecgate.cli.runs.bulk_write import BulkFiles, BulkWrite, build_config, format_total
from vecgate.cli.runs.bulk_write_summary import exit_with, print_summary
from vecgate.errors import IndexUnusable, SourceError, UsageError
from vecgate.exit_codes import ExitCode
from vecgate.formatting import format_count, format_duration
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.target import Target, TargetChoice

METRIC_DEFAULT = "cosine"


@dataclass(frozen=True, slots=True)
class NewIndex:
    """The settings of the index that `--create` creates; None if the user chose nothing."""

    metric: str | None
    non_filterable: frozenset[str] | None

    def rules(self, source: Source) -> IndexRules:
        """Return the rules that vectors of the index must meet. Raises SourceError without a dimension."""
        if source.dimension is None:
            raise SourceError(f"{source.name} has no vector that gives the dimension of the index")
        return IndexRules(source.dimension, self.metric or METRIC_DEFAULT, self.non_filterable or frozenset())

    def check_existing(self, address: IndexAddress, rules: IndexRules) -> None:
        """Raise IndexUnusable if an index that exists contradicts these settings."""
        problems = []
        if self.metric not in {None, rules.metric}:
            problems.append(f"its metric is {rules.metric}, not {self.metric} (--metric)")
        if self.non_filterable is not None and self.non_filterable != rules.non_filterable:
            given, stored = (
                ", ".join(sorted(k)) or "none" for k in (self.non_filterable, rules.non_filterable)
            )
            problems.append(f"its non-filterable keys are {stored}, not {given} (--non-filterable)")
        if problems:
            raise IndexUnusable(
                f"the index {address} exists with other settings: {'; '.join(problems)}",
                hint="They cannot be changed. Leave out the option, or name another index.",
            )


@click.command()
@click.argument("files", nargs=-1, required=True)
@index_options
@target_options
@click.option("--create", is_flag=True, help="Create the index, and its bucket, if they do not exist.")
@click.option(
    "--metric",
    type=click.Choice(["cosine", "euclidean"]),
    default=None,
    help="Distance metric of the index, for --create and --check.  [default: cosine]",
)
@click.option(
    "--non-filterable",
    default=None,
    metavar="KEYS",
    help="Metadata keys that cannot be filtered and may be long: a,b.  For --create and --check.",
)
@click.option("--key-column", default=None, metavar="NAME", help="Column of the keys.")
@click.option("--vector-column", default=None, metavar="NAME", help="Column of the vectors.")
@click.option(
    "--metadata-columns",
    default=None,
    metavar="NAMES",
    help="Columns that become metadata: a,b; empty for none.",
)
@click.option(
    "--key-prefix",
    default=None,
    metavar="PREFIX",
    help="Prepended to every key. Without a key column, rows are numbered.",
)
@click.option("--row-keys", is_flag=True, help="Number the rows 0, 1, … instead of reading keys.")
@click.option(
    "--skip-unreadable", is_flag=True, help="Read a directory without its files of unknown formats."
)
@click.option("--check", "only_check", is_flag=True, help="Check the whole input and send no request.")
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    default="full",
    show_default=True,
    help="Defaults of the next four options.",
)
@click.option("--vectors-per-s", "--rate", type=float, default=None, help="Limit of vectors per second.")
@click.option("--requests-per-s", type=float, default=None, help="Limit of requests per second.")
@click.option("--batch", "batch_vectors", type=int, default=None, help="Vectors per request.")
@click.option("--in-flight", type=int, default=None, help="Requests in flight at most.")
@endurance_options
@run_file_options
@click.option("--strict", is_flag=True, help="Stop at the first record that cannot be written.")
@results_option
@output_options
def put(
    files: tuple[str, ...],
    index_choice: IndexChoice,
    choice: TargetChoice,
    create: bool,
    metric: str | None,
    non_filterable: str | None,
    key_column: str | None,
    vector_column: str | None,
    metadata_columns: str | None,
    key_prefix: str | None,
    row_keys: bool,
    skip_unreadable: bool,
    only_check: bool,
    preset: str,
    vectors_per_s: float | None,
    requests_per_s: float | None,
    batch_vectors: int | None,
    in_flight: int | None,
    endurance: Endurance,
    run_files: RunFiles,
    strict: bool,
    results: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Ingest FILES of embeddings into an index.

    FILES are Parquet, Arrow, .npy, .npz, JSON lines or HDF5, or - for JSON lines on standard input. The use
    of each column is recognised and printed. Records that cannot be written go to a rejects file with their
    problem; correct them and put that file. Ctrl-C stops cleanly, and --resume continues.

    \b
    vecgate put films.parquet --target aws --bucket media --index films --create
    vecgate put films.parquet --check
    """  # noqa: D301 - click reads the backspace
    config = build_config(
        preset,
        vectors_per_s=vectors_per_s,
        requests_per_s=requests_per_s,
        batch_vectors=batch_vectors,
        in_flight=in_flight,
        retry_for_s=endurance.retry_for_s,
        rejects_max=endurance.rejects_max,
    )
    names = _split_names(non_filterable)
    new_index = NewIndex(metric, None if names is None else frozenset(names))
    source = open_source(
        files[0] if len(files) == 1 else files,
        columns=ColumnChoice(key_column, vector_column, _split_names(metadata_columns), key_prefix, row_keys),
        skip_unreadable=skip_unreadable,
    )
    for note in source.notes:
        print_status(note, quiet=quiet or as_json)
    if only_check:
        exit_with(_check(source, new_index, as_json=as_json))
    print_status(f"{source.name}: {format_total(source)}; {source.describe()}", quiet=quiet)
    address = index_choice.address
    is_small = config.batch_vectors <= DIRECT_BATCH_MAX
    with (
        open_chosen_target(choice) as target,
        target.sender(connections=config.in_flight + 1, direct=is_small) as sender,
    ):
        index_sender = _prepare(target, sender, address, source, new_index, create=create, quiet=quiet)
        bulk_files = BulkFiles.resolve(source, address, target, "PutVectors", run_files)
        print_status(_plan(source, config, bulk_files), quiet=quiet)
        write = BulkWrite("PutVectors", source, address, config, target, bulk_files)
        outcome = write.run(index_sender, results=results, strict=strict, quiet=quiet)
    exit_with(print_summary(outcome, bulk_files, verb="written", as_json=as_json))


def _split_names(text: str | None) -> tuple[str, ...] | None:
    """Split `a,b` into names. None stays None."""
    return None if text is None else tuple(name for name in text.split(",") if name)


def _check(source: Source, new_index: NewIndex, *, as_json: bool) -> ExitCode:
    report = check_source(source, new_index.rules(source))
    click.echo(orjson.dumps(report.to_dict()).decode() if as_json else "\n".join(report.lines()))
    return ExitCode.GATE_FAILED if report.invalid else ExitCode.PASS


def _prepare(
    target: Target,
    sender: Sender,
    address: IndexAddress,
    source: Source,
    new_index: NewIndex,
    *,
    create: bool,
    quiet: bool,
) -> Sender:
    """Find or create the index, and return the sender to use for it."""
    if create:
        if address.arn:
            raise UsageError("--create needs names, not an ARN", hint="Give --bucket and --index by name.")
        check_new_index(address, new_index.rules(source))
    try:
        rules = describe_index(sender, address)
    except IndexUnusable as error:
        if not create:
            error.hint = "Check both names and the region, or add --create to create the index."
            raise
        check_first_batch(source, new_index.rules(source))
        if create_index(sender, address, new_index.rules(source)):
            print_status(f"created index {address}", quiet=quiet)
        sender = NewResourceSender(sender)
        sender.wait_for_index(address)
        rules = describe_index(sender, address)
    new_index.check_existing(address, rules)
    index = f"{address} ({rules.dimension} dimensions, {rules.metric})"
    print_status(f"target: {target}; index {index}", quiet=quiet)
    return sender


def _plan(source: Source, config: BulkConfig, files: BulkFiles) -> str:
    size = f"requests of up to {config.batch_vectors:,} vectors"
    rates = f"at most {config.vectors_per_s:,.0f} vectors/s and {config.requests_per_s:,.0f} requests/s"
    if source.total is None:
        plan = f"plan: {size}, {rates}"
    else:
        requests = -(-source.total // config.batch_vectors)
        shortest_s = max(source.total / config.vectors_per_s, requests / config.requests_per_s)
        count = format_count(requests, "request")
        plan = (
            f"plan: {count} of up to {config.batch_vectors:,} vectors, {rates}: "
            f"at least {format_duration(shortest_s)}"
        )
    journal = files.journal or f"none, because {source.name} cannot be read again"
    return f"{plan}\njournal: {journal}"
