"""`vecgate clean`: what runs have left on a target. Without --yes it only looks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import orjson

from vecgate.cli.exit_codes import ExitCode
from vecgate.cli.options import opened, output_options, target_options
from vecgate.cli.wording import count
from vecgate.errors import UsageError
from vecgate.reporting.terminal import table_lines
from vecgate.targets.leftovers import Leftover, Made, find_leftovers, place_of, recorded
from vecgate.targets.policy import PREFIX
from vecgate.targets.removal import remove_bucket
from vecgate.targets.target import TargetChoice

AGE = re.compile(r"(\d+)([hd])")
HOURS = {"h": 1, "d": 24}


@click.command(short_help="Find, and remove, what runs have left on a target.")
@target_options
@click.option("--prefix", default=f"{PREFIX}-", show_default=True, help="Of buckets that start so.")
@click.option("--older-than", default="0h", show_default=True, help="Of at least this age: 24h, 7d.")
@click.option("--yes", is_flag=True, help="Remove them.")
@output_options
def clean(
    choice: TargetChoice,
    prefix: str,
    older_than: str,
    yes: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find what runs have left on a target: by the record that each keeps on this machine, and by the tag.

    A bucket that only begins like one of ours is shown and never removed.

    \b
    vecgate clean --target aws --older-than 24h
    """  # noqa: D301 - click reads the backspace
    del quiet
    before = datetime.now(UTC) - age_of(older_than)
    with opened(choice) as place, closing(place.client(parameter_validation=False)) as client:
        records = list(recorded(place_of(place)))
        found = [
            each
            for each in find_leftovers(client, prefix, (made.bucket for made, _ in records))
            if each.created_at is None or each.created_at <= before
        ]
        ours = [each for each in found if each.proof]
        problems = [told for each in ours for told in remove_bucket(client, each.name)] if yes else []
        if yes and not problems:
            _forget(records, kept={each.name for each in find_leftovers(client, prefix, ())})
    click.echo(_json(found, problems, is_removed=yes) if as_json else _text(found, problems, is_removed=yes))
    raise click.exceptions.Exit(int(ExitCode.TARGET if problems else ExitCode.PASS))


def age_of(text: str) -> timedelta:
    """The age that *text* says, such as 24h or 7d. Raises UsageError."""
    match = AGE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no age", hint="Say 24h, or 7d.")
    return timedelta(hours=int(match[1]) * HOURS[match[2]])


def _forget(records: Sequence[tuple[Made, Path]], *, kept: set[str]) -> None:
    """Drop the records all of whose buckets are gone."""
    needed = {path for made, path in records if made.bucket in kept}
    for path in {path for _, path in records} - needed:
        path.unlink(missing_ok=True)


def _text(found: Sequence[Leftover], problems: Sequence[str], *, is_removed: bool) -> str:
    ours = [each for each in found if each.proof]
    rows = [
        [
            each.name,
            f"{each.created_at:%Y-%m-%d %H:%M}" if each.created_at else "",
            each.proof or "no proof: kept",
        ]
        for each in found
    ]
    if problems:
        last = f"FAIL  {count(len(problems), 'thing')} could not be removed"
    elif is_removed:
        last = f"PASS  {count(len(ours), 'bucket')} removed"
    else:
        last = f"PASS  {count(len(ours), 'bucket')} left by runs" + ("; add --yes to remove" if ours else "")
    return "\n".join([*(table_lines(rows) if rows else []), *problems, last])


def _json(found: Sequence[Leftover], problems: Sequence[str], *, is_removed: bool) -> str:
    buckets: list[dict[str, Any]] = [
        {"bucket": each.name, "created_at": each.created_at, "proof": each.proof or None} for each in found
    ]
    return orjson.dumps({"buckets": buckets, "removed": is_removed, "problems": list(problems)}).decode()
