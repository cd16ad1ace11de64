"""`vecgate clean`: find the buckets that runs did not remove, and remove them with --yes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from vecgate.cli.json_output import print_json
from vecgate.cli.options import open_chosen_target, output_options, target_options
from vecgate.cli.run_safeguards import translate_botocore_errors
from vecgate.errors import UsageError
from vecgate.exit_codes import ExitCode
from vecgate.formatting import format_count
from vecgate.targets.iam_policy import BUCKET_PREFIX

if TYPE_CHECKING:
    from vecgate.resources.orphans import OrphanedBucket, OrphanSearch
    from vecgate.targets.target import TargetChoice

AGE = re.compile(r"([0-9]{1,5})([hd])")
HOURS = {"h": 1, "d": 24}


@click.command()
@target_options
@click.option(
    "--prefix",
    default=f"{BUCKET_PREFIX}-",
    show_default=True,
    metavar="PREFIX",
    help="List the buckets whose names start with this.",
)
@click.option(
    "--older-than",
    default="1h",
    show_default=True,
    metavar="AGE",
    help="Keep buckets younger than this: 0h, 24h, 7d.",
)
@click.option("--yes", is_flag=True, help="Remove the buckets. Without it they are only listed.")
@output_options
def clean(
    choice: TargetChoice,
    prefix: str,
    older_than: str,
    yes: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the buckets that runs created on a target and did not remove. With --yes, remove them.

    A bucket is removed only if a run created it, according to the creation log on this machine or the tag of
    the bucket, and if no active run on this machine uses it. Others with the same prefix are listed and kept.

    \b
    vecgate clean --target aws --older-than 24h
    vecgate clean --target aws --older-than 24h --yes
    """  # noqa: D301 - click reads the backspace
    from vecgate.resources.orphans import clean_up

    del quiet  # this command prints no progress
    now = datetime.now(UTC)
    before = now - parse_age(older_than)
    with open_chosen_target(choice) as target, translate_botocore_errors(target):
        search = clean_up(target, prefix, before=before, now=now, is_removal=yes)
    code = ExitCode.TARGET if search.problems or search.unseen else ExitCode.PASS
    if as_json:
        print_json(_to_dict(search), code=code)
    else:
        click.echo(_to_text(search))
    raise click.exceptions.Exit(int(code))


def parse_age(text: str) -> timedelta:
    """Parse an age such as 24h or 7d. Raises UsageError."""
    match = AGE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"--older-than: {text!r} is not an age",
            hint="Use hours or days, such as 24h or 7d, up to 99999d.",
        )
    return timedelta(hours=int(match[1]) * HOURS[match[2]])


def _buckets_by_name(search: OrphanSearch) -> Iterator[tuple[OrphanedBucket, str]]:
    buckets = [*((each, "") for each in search.removable), *search.kept]
    return iter(sorted(buckets, key=lambda pair: pair[0].name))


def _to_text(search: OrphanSearch) -> str:
    from vecgate.reporting.text.terminal_tables import table_lines

    rows = [
        [
            each.name,
            f"{each.created_at:%Y-%m-%d %H:%M}" if each.created_at else "",
            f"{reason}: kept" if reason else each.proof,
        ]
        for each, reason in _buckets_by_name(search)
    ]
    return "\n".join([*(table_lines(rows) if rows else []), *search.problems, _verdict_line(search)])


def _verdict_line(search: OrphanSearch) -> str:
    if search.problems:
        return f"FAIL  {format_count(len(search.problems), 'resource')} could not be removed"
    if search.unseen:
        number = format_count(len(search.unseen), "bucket")
        return f"INCONCLUSIVE  the tags of {number} may not be read; allow s3vectors:ListTagsForResource"
    if search.is_removal:
        return f"PASS  {format_count(len(search.removed), 'bucket')} removed"
    line = f"PASS  {format_count(len(search.removable), 'orphaned bucket')}"
    return f"{line}; --yes removes them" if search.removable else line


def _to_dict(search: OrphanSearch) -> dict[str, object]:
    buckets = [
        {
            "bucket": each.name,
            "created_at": each.created_at,
            "proof": each.proof or None,
            "kept": reason or None,
        }
        for each, reason in _buckets_by_name(search)
    ]
    return {"buckets": buckets, "removed": search.is_removal, "problems": search.problems}
