"""What every result stream begins with: what is run, against what, and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vecgate.results.provenance import environment, now, versions_of
from vecgate.results.records import Header, Kind
from vecgate.targets.target import Target


def header_of_run(
    kind: Kind, target: Target, *, run: str, packages: Iterable[str], options: Mapping[str, str]
) -> Header:
    """The header of a run of that *kind* on *target*, which begins now.

    packages  whose versions matter; *options*, what was asked for
    """
    return Header(
        kind=kind,
        run=run,
        started_at=now(),
        target=target.name,
        url=target.endpoint_url or "",
        region=target.region,
        versions=versions_of(packages),
        environment=environment(),
        options=options,
    )
