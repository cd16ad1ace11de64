"""The form of `--help`: many options are listed in groups, with what a command is about first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import click

#: Fewer options are one list.
GROUPED_FROM = 9
#: Heading to the options below it, in the order of the help. All others come first.
HEADINGS: Mapping[str, str] = {
    "Index and target": "--bucket --index --target --region --profile --ca-bundle --no-verify --wait",
    "Reading the input": (
        "--key-column --vector-column --metadata --text-columns --timestamps --nulls --flatten --key-prefix "
        "--ids --row-keys --skip-unreadable"
    ),
    "Speed and endurance": (
        "--preset --vectors-per-s --requests-per-s --reads-per-s --batch --in-flight --segments --retry-for "
        "--max-rejects --strict"
    ),
    "Journal and rejects": "--journal --resume --restart --rejects",
    "Scenario": "--set --threshold --processes --bucket-prefix",
    "Several machines": "--web --master --expect-workers --worker --master-host --master-port --secret-file",
    "Keys and administration": "--no-auth --access-key --secret-key --keys --admin-token --open-metrics "
    "--remote-metrics --certfile --keyfile",
    "Simulation": "--quotas --latency --inject --behaviour --seed",
    "Cost and consent": "--max-cost --yes",
    "Output": (
        "--results --junit --markdown --ctrf --trend --badge --annotations --openmetrics --csv --hlog --otlp "
        "--prometheus --json --quiet --help"
    ),
}
_HEADING_OF = {flag: heading for heading, flags in HEADINGS.items() for flag in flags.split()}
_FLAG = re.compile(r"--[a-z][a-z-]*")
Row = tuple[str, str]


class GroupedFormatter(click.HelpFormatter):
    """Writes the section `Options` of click as several sections."""

    _is_options = False

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Begin the section *name*."""
        self._is_options = name == "Options"
        if self._is_options:
            yield
            self._is_options = False
            return
        with super().section(name):
            yield

    def write_dl(self, rows: Iterable[Row], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write *rows* of an option and its explanation."""
        if not self._is_options:
            super().write_dl(rows, col_max, col_spacing)
            return
        self._is_options = False
        for heading, part in group_rows(rows).items():
            with super().section(heading):
                super().write_dl(part, col_max, col_spacing)


def group_rows(all_rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return *all_rows* by heading."""
    rows = list(all_rows)
    if len(rows) < GROUPED_FROM:
        return {"Options": rows}
    groups: dict[str, list[Row]] = {heading: [] for heading in ("Options", *HEADINGS)}
    for row in rows:
        flags = _FLAG.findall(row[0])
        groups[next((_HEADING_OF[flag] for flag in flags if flag in _HEADING_OF), "Options")].append(row)
    return {heading: part for heading, part in groups.items() if part}
