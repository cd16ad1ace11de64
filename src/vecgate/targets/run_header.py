"""The first record of every result stream: what runs, against which target, on which machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vecgate.results.provenance import describe_machine, installed_versions, utc_now
from vecgate.results.records import Header, RunKind
from vecgate.targets.target import Target


def target_version(target: Target) -> dict[str, str]:
    """Return the version of the server *target* by its name; empty if the version is not known."""
    return {target.name: target.version} if target.version else {}


def build_run_header(
    kind: RunKind, target: Target, *, run: str, packages: Iterable[str], options: Mapping[str, str]
) -> Header:
    """Return the header of a run of that *kind* on *target* that starts now.

    packages  names of the packages whose versions are recorded
    options   of the run, as the user gave them
    """
    return Header(
        kind=kind,
        run=run,
        started_at=utc_now(),
        target=target.name,
        url=target.endpoint_url or "",
        region=target.region,
        versions=installed_versions(packages) | target_version(target),
        environment=describe_machine(),
        options=options,
    )
