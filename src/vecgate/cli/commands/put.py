"""`vecgate put`: ingests files of embeddings, or checks them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vecgate.cli.json_output import print_json
from vecgate.cli.options import (
    IndexChoice,
    RunFiles,
    index_options,
    open_chosen_target,
    output_options,
    print_status,
    reads_option,
    results_option,
    run_file_options,
    target_options,
    write_options,
)
from vecgate.cli.source_options import SourceChoice, source_options, split_names
from vecgate.errors import IndexUnusable, SourceError, UsageError
from vecgate.exit_codes import ExitCode
from vecgate.formatting import format_bytes, format_count, format_duration
from vecgate.s3vectors.arn import IndexAddress

if TYPE_CHECKING:
    from vecgate.bulk.config import BulkConfig
    from vecgate.bulk.core.record_validation import IndexRules
    from vecgate.bulk.index_settings import IndexSettings
    from vecgate.bulk.sources import Source
    from vecgate.bulk.transport.sender import Sender
    from vecgate.cli.runs.bulk_comparison import VerifyChoice
    from vecgate.cli.runs.bulk_write import BulkFiles
    from vecgate.targets.target import Target, TargetChoice

METRIC_DEFAULT = "cosine"


@dataclass(frozen=True, slots=True)
class NewIndex:
    """The settings of the index that `--create` creates; None if the user chose nothing.

    exported  the settings of the index that the files were exported from, None if they do not say
    """

    metric: str | None
    non_filterable: frozenset[str] | None
    exported: IndexSettings | None = None

    def settings(self, source: Source) -> IndexSettings:
        """Return the settings of the index. Raises SourceError without a dimension."""
        from vecgate.bulk.index_settings import IndexSettings

        text_search = self.exported.text_search if self.exported else ()
        return IndexSettings(self.rules(source), text_search)

    def rules(self, source: Source) -> IndexRules:
        """Return the rules that vectors of the index must meet. Raises SourceError without a dimension."""
        from vecgate.bulk.core.record_validation import IndexRules

        if source.dimension is None:
            raise SourceError(f"{source.name} has no vector that gives the dimension of the index")
        exported = self.exported.rules if self.exported else IndexRules(source.dimension, METRIC_DEFAULT)
        non_filterable = exported.non_filterable if self.non_filterable is None else self.non_filterable
        return IndexRules(source.dimension, self.metric or exported.metric, non_filterable)

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


class PutCommand(click.Command):
    """Takes `--verify` with and without a value. click would take a file that follows for its value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse *args*, of which `--verify` alone means `--verify=all`."""
        end = args.index("--") if "--" in args else len(args)
        options = ["--verify=all" if argument == "--verify" else argument for argument in args[:end]]
        return super().parse_args(ctx, [*options, *args[end:]])


def _parse_verify(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> VerifyChoice | None:
    from vecgate.cli.runs.bulk_comparison import VerifyChoice

    try:
        return None if value is None else VerifyChoice.parse(value)
    except UsageError as error:
        raise click.BadParameter(str(error), context, parameter) from error


@click.command(cls=PutCommand)
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
@source_options
@click.option(
    "--check",
    "only_check",
    is_flag=True,
    help="Check the whole input, for the index that is named if one is. Writes nothing.",
)
@write_options
@run_file_options
@click.option(
    "--verify",
    callback=_parse_verify,
    default=None,
    metavar="[=N|=N%]",
    help="Read the records back after the run and compare them: all, about N, or a share of the keys.",
)
@reads_option
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
    source_choice: SourceChoice,
    only_check: bool,
    config: BulkConfig,
    run_files: RunFiles,
    verify: VerifyChoice | None,
    reads_per_s: float,
    strict: bool,
    results: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Ingest FILES of embeddings into an index.

    FILES are Parquet, Arrow, Lance, CSV, JSON, .npy, .npz, fvecs, fbin or HDF5, text also compressed, on this
    computer or by URL, or - for JSON lines on standard input. The use of each column is recognised and
    printed. Records that cannot be written go to a rejects file with their problem; correct them and put that
    file. Ctrl-C stops cleanly, and --resume continues.

    \b
    vecgate put films.parquet --target aws --bucket media --index films --create
    vecgate put films.parquet --check
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.index_settings import settings_in_files
    from vecgate.bulk.transport.paced_sender import PacedSender
    from vecgate.bulk.transport.sender import DIRECT_BATCH_MAX
    from vecgate.cli.runs.bulk_write import BulkFiles, BulkWrite, format_total
    from vecgate.cli.runs.bulk_write_summary import exit_with, print_summary

    names = split_names(non_filterable)
    exported = settings_in_files([Path(file) for file in files])
    new_index = NewIndex(metric, None if names is None else frozenset(names), exported)
    source = source_choice.open(files)
    for note in source.notes:
        print_status(note, quiet=quiet)
    _check_verify(verify, source, only_check=only_check)
    if only_check:
        rules = _rules_to_check(
            source, new_index, index_choice, choice, create=create, quiet=quiet or as_json
        )
        exit_with(_check(source, rules, as_json=as_json))
    for conversion in source.conversions:
        print_status(f"metadata: {conversion}", quiet=quiet)
    print_status(f"{source.name}: {format_total(source)}; {source.describe()}", quiet=quiet)
    address = index_choice.address
    is_small = config.batch_vectors <= DIRECT_BATCH_MAX
    with (
        open_chosen_target(choice) as target,
        target.sender(connections=config.in_flight + 1, direct=is_small) as sender,
    ):
        index_sender = _prepare(target, sender, address, source, new_index, create=create, quiet=quiet)
        if verify:
            _check_readable(index_sender, address)
        bulk_files = BulkFiles.resolve(source, address, target, "PutVectors", run_files)
        print_status(_plan(source, config, bulk_files), quiet=quiet)
        write = BulkWrite("PutVectors", source, address, config, target, bulk_files, verify)
        result = write.run(
            PacedSender(index_sender, reads_per_s), results=results, strict=strict, quiet=quiet
        )
    exit_with(print_summary(result, bulk_files, verb="written", as_json=as_json))


def _check_verify(verify: VerifyChoice | None, source: Source, *, only_check: bool) -> None:
    """Raise UsageError, before anything is sent, if the records of *source* could not be read back."""
    if verify and only_check:
        raise UsageError("--check sends nothing, so there is nothing to --verify")
    if verify and not source.is_repeatable:
        raise UsageError(
            f"--verify reads the input twice, and {source.name} cannot be read again",
            hint="Save the input to a file first.",
        )


def _check_readable(sender: Sender, address: IndexAddress) -> None:
    """Raise ServiceError, before anything is written, if the records may not be read back."""
    from vecgate.bulk.reader import BulkReader

    reader = BulkReader(sender, bucket=address.bucket, index=address.arn or address.index)
    reader.get(["any key"])


def _rules_to_check(
    source: Source,
    new_index: NewIndex,
    index_choice: IndexChoice,
    choice: TargetChoice,
    *,
    create: bool,
    quiet: bool,
) -> IndexRules:
    """Return the rules of the index that is named, or of a new one if it may be created or none is named."""
    from vecgate.bulk.index_setup import check_new_index, describe_index

    if not (index_choice.bucket or index_choice.index):
        return new_index.rules(source)
    address = index_choice.address
    with open_chosen_target(choice) as target, target.sender(connections=1) as sender:
        try:
            rules = describe_index(sender, address)
        except IndexUnusable as error:
            if not create:
                error.hint = "Check the names, or add --create to check the input for a new index."
                raise
            print_status(f"{address} does not exist: checked for a new index", quiet=quiet)
            check_new_index(address, new_index.rules(source))
            return new_index.rules(source)
        new_index.check_existing(address, rules)
        print_status(
            f"checked for the index {address} ({rules.dimension} dimensions, {rules.metric})", quiet=quiet
        )
        return rules


def _check(source: Source, rules: IndexRules, *, as_json: bool) -> ExitCode:
    from vecgate.bulk.check.source_check import check_source

    report = check_source(source, rules)
    code = ExitCode.GATE_FAILED if report.invalid else ExitCode.PASS
    if as_json:
        print_json(report.to_dict(), code=code)
    else:
        click.echo("\n".join(report.lines()))
    return code


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
    from vecgate.bulk.index_setup import (
        NewResourceSender,
        check_first_batch,
        check_new_index,
        create_index,
        describe_index,
    )

    if create:
        if address.arn:
            raise UsageError("--create needs names, not an ARN", hint="Give --bucket and --index by name.")
        check_new_index(address, new_index.settings(source))
    try:
        rules = describe_index(sender, address)
    except IndexUnusable as error:
        if not create:
            error.hint = "Check both names and the region, or add --create to create the index."
            raise
        check_first_batch(source, new_index.rules(source))
        if create_index(sender, address, new_index.settings(source)):
            print_status(f"created index {address}", quiet=quiet)
            if new_index.exported is not None:
                print_status("its settings are those of the index in the file", quiet=quiet)
            if new_index.exported is not None and new_index.exported.kms_key:
                key = new_index.exported.kms_key
                print_status(f"note: that index was encrypted with {key}; this one is not", quiet=quiet)
        sender = NewResourceSender(sender)
        sender.wait_for_index(address)
        rules = describe_index(sender, address)
    new_index.check_existing(address, rules)
    index = f"{address} ({rules.dimension} dimensions, {rules.metric})"
    print_status(f"target: {target}; index {index}", quiet=quiet)
    return sender


def _plan(source: Source, config: BulkConfig, files: BulkFiles) -> str:
    from vecgate.bulk.check.request_size import vectors_per_request

    rows = vectors_per_request(source, config)
    size = f"requests of up to {format_count(rows, 'vector')}"
    if rows < config.batch_vectors:
        size += f" ({format_bytes(config.payload_bytes_max)})"
    rates = f"at most {config.vectors_per_s:,.0f} vectors/s and {config.requests_per_s:,.0f} requests/s"
    if source.total is None:
        plan = f"plan: {size}, {rates}"
    else:
        requests = -(-source.total // rows)
        shortest_s = max(source.total / config.vectors_per_s, requests / config.requests_per_s)
        count = f"{requests:,} {size.replace('requests', 'request' if requests == 1 else 'requests', 1)}"
        plan = f"plan: {count}, {rates}: at least {format_duration(shortest_s)}"
    journal = files.journal or f"none, because {source.name} cannot be read again"
    return f"{plan}\njournal: {journal}"
