"""`vecgate copy`: copies an index, or changes the metadata of one in place."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from vecgate.cli.confirmation import confirm
from vecgate.cli.index_location import IndexLocation
from vecgate.cli.options import (
    READS_PER_S_DEFAULT,
    SEGMENTS_MAX,
    RunFiles,
    open_chosen_target,
    option_group,
    output_options,
    print_status,
    run_file_options,
    target_options,
    write_options,
)
from vecgate.cli.source_options import split_names
from vecgate.errors import JournalMismatch, TargetError
from vecgate.formatting import format_count

if TYPE_CHECKING:
    from vecgate.bulk.config import BulkConfig
    from vecgate.bulk.index_settings import IndexSettings
    from vecgate.bulk.index_setup import IndexDescription
    from vecgate.bulk.transfer.metadata_change import MetadataChange
    from vecgate.cli.runs.bulk_comparison import VerifyChoice
    from vecgate.cli.runs.copy_run import CopyRun
    from vecgate.targets.target import Target, TargetChoice

NO_READ_BACK = "none"


@dataclass(frozen=True, slots=True)
class SideChoice:
    """The target of one side, as the user chose it; empty for that of both sides."""

    target: str
    region: str
    profile: str

    def choose(self, location: IndexLocation, shared: TargetChoice) -> TargetChoice:
        """Return the target of the index at *location*. Raises UsageError if it is named twice."""
        from vecgate.targets.target import TargetChoice

        own = location.target_choice(TargetChoice(self.target, self.region))
        return replace(
            shared,
            name=own.name or shared.name,
            region=own.region or shared.region,
            profile=self.profile or shared.profile,
        )


@dataclass(frozen=True, slots=True)
class Sides:
    """The targets of both sides."""

    source: SideChoice
    destination: SideChoice


def _sides(
    from_target: str, from_region: str, from_profile: str, to_target: str, to_region: str, to_profile: str
) -> Sides:
    return Sides(
        SideChoice(from_target, from_region, from_profile), SideChoice(to_target, to_region, to_profile)
    )


def _change(
    set_metadata: tuple[str, ...], drop_metadata: tuple[str, ...], transform: str | None
) -> MetadataChange:
    from vecgate.bulk.transfer.metadata_change import MetadataChange, load_transform, parse_entry

    return MetadataChange(
        dict(map(parse_entry, set_metadata)),
        drop_metadata,
        load_transform(transform) if transform else None,
        transform or "",
    )


_side_options = option_group(
    "sides",
    _sides,
    *(
        click.option(f"--{side}-{name}", default="", metavar=metavar, help=f"{text} of the {word} alone.")
        for side, word in (("from", "source"), ("to", "destination"))
        for name, metavar, text in (
            ("target", "TARGET", "Target"),
            ("region", "REGION", "AWS region"),
            ("profile", "NAME", "AWS profile"),
        )
    ),
)
_change_options = option_group(
    "change",
    _change,
    click.option(
        "--set-metadata",
        multiple=True,
        metavar="KEY=VALUE",
        help="Set this metadata of every vector; a value that is JSON is used as such. Repeatable.",
    ),
    click.option("--drop-metadata", multiple=True, metavar="KEY", help="Drop this metadata key. Repeatable."),
    click.option(
        "--transform",
        default=None,
        metavar="MODULE:FUNCTION",
        help="Call this function with each key and its metadata; it returns the new metadata.",
    ),
)


def _check_verify(context: click.Context, parameter: click.Parameter, value: str) -> VerifyChoice | None:
    from vecgate.cli.runs.bulk_comparison import VerifyChoice

    del context, parameter
    return None if value == NO_READ_BACK else VerifyChoice.parse(value)


@click.command()
@click.argument("source")
@click.argument("destination")
@target_options
@_side_options
@_change_options
@click.option(
    "--metric",
    type=click.Choice(["cosine", "euclidean"]),
    default=None,
    help="Distance metric of the destination.  [default: as the source]",
)
@click.option(
    "--non-filterable",
    default=None,
    metavar="KEYS",
    help="Non-filterable metadata keys of the destination: a,b; empty for none.  [default: as the source]",
)
@click.option("--no-tags", is_flag=True, help="Create the destination without the tags of the source.")
@click.option(
    "--segments",
    type=click.IntRange(1, SEGMENTS_MAX),
    default=4,
    show_default=True,
    help="Parts of the source to read in parallel.",
)
@click.option(
    "--reads-per-s",
    type=click.FloatRange(0, min_open=True),
    default=READS_PER_S_DEFAULT,
    show_default=True,
    help="Limit of reads per second, for each index.",
)
@write_options
@run_file_options
@click.option(
    "--verify",
    callback=_check_verify,
    default="all",
    show_default=True,
    metavar="all|N|N%|none",
    help="Read the copied vectors back: all, about a number, or a share of them.",
)
@click.option("--yes", is_flag=True, help="Change an index in place without asking.")
@output_options
def copy(
    source: str,
    destination: str,
    choice: TargetChoice,
    sides: Sides,
    change: MetadataChange,
    metric: str | None,
    non_filterable: str | None,
    no_tags: bool,
    segments: int,
    reads_per_s: float,
    config: BulkConfig,
    run_files: RunFiles,
    verify: VerifyChoice | None,
    yes: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Copy the index SOURCE to DESTINATION: to another name, bucket, region, account or server.

    Each is BUCKET/INDEX, an ARN, or a URL that ends with /BUCKET/INDEX. A destination that does not exist is
    created like the source. All vectors are read back and compared. With the same index twice, metadata is
    changed in place. Ctrl-C stops cleanly, and --resume continues.

    \b
    vecgate copy media/films media/films-2 --target aws
    vecgate copy media/films archive/films --target aws --from-region eu-west-1 --to-region us-east-1
    vecgate copy media/films media/films --target aws --set-metadata tenant=a
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.index_setup import read_index
    from vecgate.bulk.transfer.destination import (
        IndexSide,
        check_change,
        check_destination,
        copied_settings,
        create_destination,
        find_index,
    )
    from vecgate.bulk.transfer.metadata_change import MetadataChange
    from vecgate.cli.runs.bulk_write_summary import exit_with, print_summary
    from vecgate.cli.runs.copy_run import CopyRun, resolve_copy_files

    names = split_names(non_filterable)
    locations = IndexLocation.parse(source), IndexLocation.parse(destination)
    choices = sides.source.choose(locations[0], choice), sides.destination.choose(locations[1], choice)
    with ExitStack() as stack:
        targets = [stack.enter_context(open_chosen_target(choices[0]))]
        targets += (
            targets if choices[0] == choices[1] else [stack.enter_context(open_chosen_target(choices[1]))]
        )
        read_from, write_to = (
            stack.enter_context(target.sender(connections=count + 1))
            for target, count in zip(targets, (segments, config.in_flight), strict=True)
        )
        reads = read_index(read_from, locations[0].address)
        settings = copied_settings(
            reads.settings, metric=metric, non_filterable=None if names is None else frozenset(names)
        )
        files = resolve_copy_files(
            f"{locations[0].address} {targets[0]}", f"{locations[1].address} {targets[1]}", run_files
        )
        found = find_index(write_to, locations[1].address)
        if found is None:
            assert files.journal is not None
            if files.journal.exists():
                raise JournalMismatch(
                    f"the destination {locations[1].address} of the unfinished copy does not exist any more",
                    hint="Copy everything again with --restart.",
                )
            if not no_tags:
                settings = replace(settings, tags=_read_tags(targets[0], reads))
            found = create_destination(write_to, locations[1].address, settings)
            print_status(f"created index {locations[1].address}", quiet=quiet)
            if settings.tags and _read_tags(targets[1], found) != settings.tags:
                raise TargetError(
                    f"{targets[1]} did not store the tags of the index", hint="Copy without them: --no-tags."
                )
        # Also what was created just now: a server may ignore a setting.
        check_destination(locations[1].address, found.settings, settings)
        sides_ = (
            IndexSide(locations[0].address, reads, read_from),
            IndexSide(locations[1].address, found, write_to),
        )
        may_be_same = sides_[0].may_be_same_as(sides_[1])
        change = replace(change, must_be_repeatable=may_be_same)
        has_change = change.describe() != MetadataChange().describe()
        job = CopyRun(*sides_, change if has_change else None, config, verify, segments, reads_per_s, files)
        check_change(is_same=job.is_in_place, has_change=has_change)
        _print_plan(job, targets, reads.settings, found.settings, quiet=quiet)
        # Two URLs may lead to one index.
        if may_be_same and has_change and not yes:
            confirm(f"Change the metadata of {locations[0].address} in place?", what="a change in place")
        result, unchanged = job.run(quiet=quiet)
    if unchanged:
        print_status(f"{format_count(unchanged, 'vector')} had this metadata already", quiet=quiet)
    if (absent := sorted({*change.drop} - change.dropped)) and not result.outcome.resumed:
        print_status(
            f"warning: no vector had the metadata {', '.join(map(repr, absent))}, which was to be dropped"
        )
    verb = "changed" if job.is_in_place else "copied"
    exit_with(print_summary(result, files, verb=verb, as_json=as_json))


def _read_tags(target: Target, index: IndexDescription) -> dict[str, str]:
    """Return the tags of an index that a user may set. Raises TargetError if they cannot be read."""
    from botocore.exceptions import BotoCoreError, ClientError

    from vecgate.diagnostics.permission_probes import first_line

    try:
        client = target.client()
        try:
            tags = client.list_tags_for_resource(resourceArn=index.arn)["tags"]
        finally:
            client.close()
    except (BotoCoreError, ClientError) as error:
        raise TargetError(
            f"the tags of the source cannot be read: {first_line(error)}",
            hint="Copy without them: --no-tags.",
        ) from error
    return {name: value for name, value in tags.items() if not name.lower().startswith("aws:")}


def _print_plan(
    job: CopyRun, targets: list[Target], source: IndexSettings, destination: IndexSettings, *, quiet: bool
) -> None:
    rules = destination.rules
    print_status(f"from   {job.source.address} at {targets[0]}", quiet=quiet)
    print_status(
        f"to     {job.destination.address} at {targets[1]} ({rules.dimension} dimensions, {rules.metric})",
        quiet=quiet,
    )
    if job.change:
        print_status(f"change {job.change.describe()}", quiet=quiet)
    if source.kms_key and source.kms_key != destination.kms_key:
        print_status(
            f"note   the source is encrypted with {source.kms_key}, "
            f"the destination with {destination.kms_key or 'the keys of S3'}",
            quiet=quiet,
        )
    if source.mode != destination.mode:
        print_status(f"note   the mode of the source is {source.mode}, here {destination.mode}", quiet=quiet)
    print_status(f"journal: {job.files.journal}", quiet=quiet)
