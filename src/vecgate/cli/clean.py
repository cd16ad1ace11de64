"""`vecgate clean`: what runs have left on a target. Without --yes it only looks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import orjson

from vecgate.cli.care import botocore_errors_told
from vecgate.cli.exit_codes import ExitCode
from vecgate.cli.options import opened, output_options, target_options
from vecgate.errors import UsageError
from vecgate.reporting.terminal import table_lines
from vecgate.reporting.wording import many
from vecgate.targets.identity import account_of
from vecgate.targets.leftovers import place_of, recorded
from vecgate.targets.policy import PREFIX
from vecgate.targets.remains import Leftover, find_leftovers, settled
from vecgate.targets.removal import remove_bucket
from vecgate.targets.target import Target, TargetChoice

AGE = re.compile(r"([0-9]{1,5})([hd])")
HOURS = {"h": 1, "d": 24}


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was found, and what came of it.

    ours        those that may be removed; *kept*, the others, each with why it stays
    removed     names; *problems*, a line for each thing that could not be
    is_removal  they were to be removed at all
    """

    ours: Sequence[Leftover]
    kept: Sequence[tuple[Leftover, str]]
    is_removal: bool
    removed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@click.command(short_help="Find, and remove, what runs have left on a target.")
@target_options
@click.option("--prefix", default=f"{PREFIX}-", show_default=True, help="Of buckets that start so.")
@click.option("--older-than", default="1h", show_default=True, help="Of at least this age: 0h, 24h, 7d.")
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

    A bucket that only begins like one of ours is shown and never removed; nor is that of a run which goes on
    on this machine.

    \b
    vecgate clean --target aws --older-than 24h
    """  # noqa: D301 - click reads the backspace
    del quiet
    before = datetime.now(UTC) - age_of(older_than)
    with opened(choice) as place:
        done = _cleaned(place, prefix, before, is_removal=yes)
    click.echo(_json(done) if as_json else _text(done))
    raise click.exceptions.Exit(int(ExitCode.TARGET if done.problems else ExitCode.PASS))


def age_of(text: str) -> timedelta:
    """The age that *text* says, such as 24h or 7d. Raises UsageError."""
    match = AGE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no age", hint="Say 24h, or 7d; 99999d at most.")
    return timedelta(hours=int(match[1]) * HOURS[match[2]])


def _cleaned(place: Target, prefix: str, before: datetime, *, is_removal: bool) -> Cleaned:
    # The records are read first: what is made and announced from now on is no concern of ours.
    records = list(recorded(place_of(place)))
    with botocore_errors_told(place), closing(place.client(parameter_validation=False)) as client:
        found = find_leftovers(client, prefix, records)
        told = [(each, each.kept_because(before)) for each in found]
        done = Cleaned(
            [each for each, why in told if not why], [pair for pair in told if pair[1]], is_removal
        )
        if is_removal:
            _remove(client, done)
            there = {each.name for each in found}
            for path in settled(
                records, removed=done.removed, there=there, account=account_of(place), now=datetime.now(UTC)
            ):
                path.unlink(missing_ok=True)
    return done


def _remove(client: Any, done: Cleaned) -> None:  # noqa: ANN401 - boto3
    for each in done.ours:
        problems = remove_bucket(client, each.name)
        done.problems.extend(problems)
        if not problems:
            done.removed.append(each.name)


def _text(done: Cleaned) -> str:
    told = [*((each, each.proof) for each in done.ours), *((each, f"{why}: kept") for each, why in done.kept)]
    rows = [
        [each.name, f"{each.created_at:%Y-%m-%d %H:%M}" if each.created_at else "", what]
        for each, what in sorted(told, key=lambda pair: pair[0].name)
    ]
    return "\n".join([*(table_lines(rows) if rows else []), *done.problems, _verdict(done)])


def _verdict(done: Cleaned) -> str:
    if done.problems:
        return f"FAIL  {many(len(done.problems), 'thing')} could not be removed"
    if done.is_removal:
        return f"PASS  {many(len(done.removed), 'bucket')} removed"
    return f"PASS  {many(len(done.ours), 'bucket')} left by runs" + (
        "; add --yes to remove" if done.ours else ""
    )


def _json(done: Cleaned) -> str:
    told = [*((each, "") for each in done.ours), *done.kept]
    buckets = [
        {"bucket": each.name, "created_at": each.created_at, "proof": each.proof or None, "kept": why or None}
        for each, why in sorted(told, key=lambda pair: pair[0].name)
    ]
    return orjson.dumps({"buckets": buckets, "removed": done.is_removal, "problems": done.problems}).decode()
