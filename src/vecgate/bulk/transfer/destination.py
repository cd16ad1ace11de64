"""The index that a copy is written to: created like its source, or compared with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vecgate.bulk.core.record_validation import IndexRules
from vecgate.bulk.index_settings import IndexSettings
from vecgate.bulk.index_setup import (
    IndexDescription,
    NewResourceSender,
    check_new_index,
    create_index,
    read_index,
)
from vecgate.bulk.transport.sender import Sender, endpoint_identity
from vecgate.errors import IndexUnusable, UsageError
from vecgate.s3vectors.arn import IndexAddress


def copied_settings(
    source: IndexSettings, *, metric: str | None = None, non_filterable: frozenset[str] | None = None
) -> IndexSettings:
    """Return the settings of a copy of *source*, with another metric or other keys if they are given.

    The key that encrypts the source belongs to its account and region: a copy has the default of its bucket.
    """
    rules = IndexRules(
        source.rules.dimension,
        metric or source.rules.metric,
        source.rules.non_filterable if non_filterable is None else non_filterable,
    )
    return replace(source, rules=rules, kms_key="", mode="")


def find_index(sender: Sender, address: IndexAddress) -> IndexDescription | None:
    """Return the description of an index, None if it does not exist."""
    try:
        return read_index(sender, address)
    except IndexUnusable:
        return None


@dataclass(frozen=True, slots=True)
class IndexSide:
    """One side of a copy: an index, its description, and the sender to it."""

    address: IndexAddress
    description: IndexDescription
    sender: Sender

    def is_same_as(self, other: IndexSide) -> bool:
        """Return whether both sides are certainly one index."""
        if endpoint_identity(self.sender) != endpoint_identity(other.sender):
            return False
        arns = self.description.arn, other.description.arn
        return arns[0] == arns[1] if all(arns) else str(self.address) == str(other.address)

    def may_be_same_as(self, other: IndexSide) -> bool:
        """Return whether both sides may be one index that is reached by two URLs."""
        mine, theirs = self.description, other.description
        return self.is_same_as(other) or (mine.arn, mine.created) == (theirs.arn, theirs.created)

    def identity(self, name: str) -> dict[str, str]:
        """Return what identifies this side, by label. *name* is that of the side."""
        return {
            f"{name} endpoint": endpoint_identity(self.sender),
            name: self.description.arn or str(self.address),
            f"creation time of the {name}": self.description.created,
        }


def create_destination(sender: Sender, address: IndexAddress, settings: IndexSettings) -> IndexDescription:
    """Create the index, and its bucket if that is missing, and return its description. Raises UsageError."""
    if address.arn:
        raise IndexUnusable(
            f"there is no index {address.arn}",
            hint="An index is created by name: give BUCKET/INDEX, and the region and the profile as options.",
        )
    check_new_index(address, settings)
    create_index(sender, address, settings)
    NewResourceSender(sender).wait_for_index(address)
    return read_index(sender, address)


def check_destination(address: IndexAddress, found: IndexSettings, wanted: IndexSettings) -> None:
    """Raise IndexUnusable, with every difference, if the index exists with other settings than *wanted*."""
    texts = [", ".join(sorted(map(str, each.text_search))) or "none" for each in (found, wanted)]
    keys = [", ".join(sorted(each.rules.non_filterable)) or "none" for each in (found, wanted)]
    pairs = {
        "dimension": (found.rules.dimension, wanted.rules.dimension),
        "metric": (found.rules.metric, wanted.rules.metric),
        "non-filterable keys": (keys[0], keys[1]),
        "text search": (texts[0], texts[1]),
    }
    problems = [f"{name} {old}, not {new}" for name, (old, new) in pairs.items() if old != new]
    if problems:
        raise IndexUnusable(
            f"the index {address} exists with other settings than its source: {'; '.join(problems)}",
            hint="Copy to another index, or say with --metric and --non-filterable that they may differ.",
        )


def check_change(*, is_same: bool, has_change: bool) -> None:
    """Raise UsageError for a copy of an index onto itself that changes nothing."""
    if is_same and not has_change:
        raise UsageError(
            "the source and the destination are the same index",
            hint="Name another one, or change its metadata: --set-metadata, --drop-metadata, --transform.",
        )
