"""Create a bucket with one index for a run, and remove both at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from vecgate.resources.resource_factory import open_resource_factory
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.iam_policy import BUCKET_PREFIX
from vecgate.targets.target import Target

INDEX_NAME = "vectors"


@dataclass(frozen=True, slots=True)
class RunIndex:
    """The index that a run writes to.

    orphaned  one line for each resource that could not be removed, filled when the context ends
    """

    address: IndexAddress
    orphaned: list[str] = field(default_factory=list)


@contextmanager
def create_run_index(
    target: Target,
    *,
    run: str,
    dimension: int,
    metric: str = "cosine",
    non_filterable: Sequence[str] = (),
    prefix: str = BUCKET_PREFIX,
    until: datetime | None = None,
) -> Iterator[RunIndex]:
    """Create an index in a new bucket on *target* for *run*; remove both when the context ends.

    until  when the run has ended at the latest; `vecgate clean` on another machine waits for it

    After a SIGKILL `vecgate clean` finds them by the creation log or the tag. Raises botocore's errors if
    they cannot be created.
    """
    with (
        closing(target.client()) as client,
        open_resource_factory(
            target, client, prefix=prefix, run=run, worker="load", until=until
        ) as resources,
    ):
        bucket = resources.make_bucket()
        run_index = RunIndex(IndexAddress(bucket.name, INDEX_NAME))
        try:
            resources.make_index(
                bucket, dimension=dimension, metric=metric, non_filterable=non_filterable, name=INDEX_NAME
            )
            yield run_index
        finally:
            resources.remove_bucket(bucket.name)
            run_index.orphaned.extend(resources.orphaned)
