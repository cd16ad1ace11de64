"""`vecgate index`: lists, describes, counts, creates and deletes indexes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import click

from vecgate.cli.confirmation import confirm
from vecgate.cli.index_location import with_region_of
from vecgate.cli.json_output import print_json
from vecgate.cli.options import (
    IndexChoice,
    index_options,
    open_chosen_target,
    output_options,
    print_status,
    segments_option,
    target_options,
)
from vecgate.cli.source_options import split_names
from vecgate.errors import IndexUnusable, UsageError
from vecgate.s3vectors.arn import BucketAddress, IndexAddress
from vecgate.safe_output import data_stream

if TYPE_CHECKING:
    from vecgate.bulk.index_settings import TextSearch
    from vecgate.bulk.index_setup import IndexDescription
    from vecgate.targets.target import TargetChoice


@click.group()
def index() -> None:
    """List, describe, count, create and delete indexes.

    \b
    vecgate index list --target aws --bucket media
    vecgate index create --target aws --bucket media --index films --dimension 1024
    """  # noqa: D301 - click reads the backspace


@index.command("list")
@click.option("--bucket", default="", metavar="NAME", help="Vector bucket, by name or ARN.")
@click.option("--prefix", default="", metavar="PREFIX", help="Only indexes whose names start with this.")
@target_options
@output_options
def list_(bucket: str, prefix: str, choice: TargetChoice, as_json: bool, quiet: bool) -> None:
    """List the indexes of a bucket.

    \b
    vecgate index list --target aws --bucket media
    vecgate index list --target local --bucket media --prefix films --json
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.index_admin import list_indexes

    del quiet  # nothing but the result is printed
    address = BucketAddress.parse(bucket)
    with open_chosen_target(with_region_of(bucket, choice)) as target, target.sender() as sender:
        entries = list(list_indexes(sender, address, prefix=prefix))
    print_entries("indexes", [(entry.name, entry.arn, entry.created) for entry in entries], as_json=as_json)


@index.command()
@index_options
@target_options
@output_options
def describe(index_choice: IndexChoice, choice: TargetChoice, as_json: bool, quiet: bool) -> None:
    """Show the settings of an index.

    \b
    vecgate index describe --target aws --bucket media --index films
    vecgate index describe --target local --bucket media --index films --json
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.index_setup import read_index

    del quiet  # nothing but the result is printed
    address = index_choice.address
    with open_chosen_target(with_region_of(index_choice.index, choice)) as target, target.sender() as sender:
        found = read_index(sender, address)
    print_facts(describe_index(address, found), as_json=as_json)


@index.command()
@index_options
@target_options
@segments_option
@output_options
def count(index_choice: IndexChoice, choice: TargetChoice, segments: int, as_json: bool, quiet: bool) -> None:
    """Count the vectors of an index by listing all of its keys.

    \b
    vecgate index count --target aws --bucket media --index films
    vecgate index count --target aws --bucket media --index films --segments 16
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.index_setup import read_index
    from vecgate.bulk.reader import BulkReader

    del quiet  # nothing but the result is printed
    address = index_choice.address
    total = 0
    with (
        open_chosen_target(with_region_of(index_choice.index, choice)) as target,
        target.sender(connections=segments) as sender,
    ):
        read_index(sender, address)
        reader = BulkReader(sender, bucket=address.bucket, index=address.arn or address.index)
        with closing(reader.scan(segments, data=False, metadata=False)) as pages:
            total = sum(map(len, pages))
    if as_json:
        print_json({"index": str(address), "vectors": total})
    else:
        click.echo(f"{total}")


@index.command()
@index_options
@target_options
@click.option("--dimension", type=int, required=True, help="Number of values of a vector.")
@click.option(
    "--metric",
    type=click.Choice(["cosine", "euclidean"]),
    default="cosine",
    show_default=True,
    help="Distance metric.",
)
@click.option(
    "--non-filterable", default="", metavar="KEYS", help="Metadata keys that cannot be filtered: a,b."
)
@click.option(
    "--text-search",
    default="",
    metavar="KEYS",
    help="Metadata keys with full-text search, with their language if it is known: title:en,text.",
)
@click.option("--kms-key", default="", metavar="ARN", help="Encrypt with this key, not that of the bucket.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag the index. Repeatable.")
@output_options
def create(
    index_choice: IndexChoice,
    choice: TargetChoice,
    dimension: int,
    metric: str,
    non_filterable: str,
    text_search: str,
    kms_key: str,
    tags: Sequence[str],
    as_json: bool,
    quiet: bool,
) -> None:
    """Create an index, and its bucket if that is missing.

    \b
    vecgate index create --target aws --bucket media --index films --dimension 384
    vecgate index create --target aws --bucket media --index films --dimension 1024 --non-filterable text
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.core.record_validation import IndexRules
    from vecgate.bulk.index_settings import IndexSettings
    from vecgate.bulk.index_setup import NewResourceSender, check_new_index, create_index, read_index

    del quiet  # nothing but the result is printed
    settings = IndexSettings(
        IndexRules(dimension, metric, frozenset(split_names(non_filterable) or ())),
        tuple(_text_search(text) for text in split_names(text_search) or ()),
        kms_key,
        tags=parse_tags(tags),
    )
    address = index_choice.address
    check_new_index(address, settings)
    with open_chosen_target(with_region_of(index_choice.index, choice)) as target, target.sender() as sender:
        if not create_index(sender, address, settings):
            raise IndexUnusable(
                f"the index {address} exists",
                hint="Its settings cannot be changed: `vecgate index describe` shows them.",
            )
        NewResourceSender(sender).wait_for_index(address)
        found = read_index(sender, address)
    print_facts(describe_index(address, found), as_json=as_json)


@index.command()
@index_options
@target_options
@click.option("--yes", is_flag=True, help="Delete without asking.")
@output_options
def delete(index_choice: IndexChoice, choice: TargetChoice, yes: bool, as_json: bool, quiet: bool) -> None:
    """Delete an index with all of its vectors.

    \b
    vecgate index delete --target aws --bucket media --index films
    vecgate index delete --target aws --bucket media --index films --yes
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.core.body_encoding import encode_request
    from vecgate.bulk.index_setup import read_index
    from vecgate.bulk.transport.retried_call import call_with_retries

    del quiet  # nothing but the result is printed
    address = index_choice.address
    with open_chosen_target(with_region_of(index_choice.index, choice)) as target, target.sender() as sender:
        found = read_index(sender, address)
        if not yes:
            rules = found.rules
            settings = f"{rules.dimension} dimensions, {rules.metric}"
            confirm(f"Delete the index {address} ({settings}) and all of its vectors at {target}?")
        call_with_retries(sender, "DeleteIndex", encode_request(address))
    print_deleted("index", str(address), as_json=as_json)


def describe_index(address: IndexAddress, found: IndexDescription) -> dict[str, object]:
    """Return the facts about an index by name."""
    from vecgate.bulk.index_admin import created_time

    settings = found.settings
    created = created_time(float(found.created)) if found.created.replace(".", "").isdigit() else None
    return {
        "bucket": address.bucket_name,
        "index": address.index_name,
        "arn": found.arn,
        "created": created or found.created,
        "dimension": settings.rules.dimension,
        "metric": settings.rules.metric,
        "non_filterable": sorted(settings.rules.non_filterable),
        "text_search": list(map(str, settings.text_search)),
        "mode": settings.mode,
        "kms_key": settings.kms_key,
    }


def print_entries(kind: str, entries: Sequence[tuple[str, str, object]], *, as_json: bool) -> None:
    """Print entries of name, ARN and creation time. *kind* is `indexes` or `buckets`."""
    from vecgate.reporting.text.terminal_tables import table_lines

    if as_json:
        rows = [{"name": name, "arn": arn, "created": created} for name, arn, created in entries]
        print_json({kind: rows}, file=data_stream(sys.stdout))
        return
    if entries:
        lines = table_lines([[name, f"{created or ''}", arn] for name, arn, created in entries])
        click.echo("\n".join(lines))
    # On stderr, so that the lines can be counted and cut.
    print_status(
        f"{len(entries):,} {kind if len(entries) != 1 else kind.removesuffix('es').removesuffix('s')}"
    )


def print_facts(facts: Mapping[str, object], *, as_json: bool) -> None:
    """Print facts by name."""
    from vecgate.reporting.text.terminal_tables import table_lines

    if as_json:
        print_json(facts, file=data_stream(sys.stdout))
        return
    rows = [[name.replace("_", " "), _text(value)] for name, value in facts.items()]
    click.echo("\n".join(table_lines(rows)))


def print_deleted(kind: str, name: str, *, as_json: bool) -> None:
    """Print that a resource was deleted."""
    if as_json:
        print_json({"deleted": name})
    else:
        click.echo(f"PASS  {kind} {name} deleted")


def parse_tags(texts: Sequence[str]) -> dict[str, str]:
    """Parse tags of the form key=value. Raises UsageError."""
    pairs = [text.partition("=") for text in texts]
    if wrong := [text for text, pair in zip(texts, pairs, strict=True) if not pair[0] or not pair[1]]:
        raise UsageError(f"--tag: {wrong[0]!r} is not of the form key=value")
    return {key: value for key, _, value in pairs}


def _text_search(text: str) -> TextSearch:
    from vecgate.bulk.index_settings import TextSearch

    key, _, language = text.rpartition(":")
    return TextSearch(key, language) if key else TextSearch(text)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value) or "none"
