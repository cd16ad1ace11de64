"""A bucket and an index for one run: written down before they are made, gone when the context is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.policy import PREFIX
from vecgate.targets.target import Target
from vecgate.testing.resources import opened_resources

INDEX = "vectors"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run writes.

    address  of its index
    leaks    filled at the end: what could not be removed, a line each
    """

    address: IndexAddress
    leaks: list[str] = field(default_factory=list)


@contextmanager
def prepared(
    target: Target,
    *,
    run: str,
    dimension: int,
    metric: str = "cosine",
    non_filterable: Sequence[str] = (),
    prefix: str = PREFIX,
) -> Iterator[Place]:
    """A new index in a bucket of its own on *target*, for *run*; both are removed in every case.

    After a SIGKILL `vecgate clean` finds them, by their record or their tag. Raises botocore's errors where
    they cannot be made.
    """
    with (
        closing(target.client()) as client,
        opened_resources(target, client, prefix=prefix, run=run, worker="load") as resources,
    ):
        bucket = resources.make_bucket()
        place = Place(IndexAddress(bucket.name, INDEX))
        try:
            resources.make_index(
                bucket, dimension=dimension, metric=metric, non_filterable=non_filterable, name=INDEX
            )
            yield place
        finally:
            resources.remove_bucket(bucket.name)
            place.leaks.extend(resources.leaks)
