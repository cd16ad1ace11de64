"""What a scenario costs on Amazon: the vectors that it puts beforehand, and its schedule. An upper bound."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from vecgate.load.bodies import KEY_BYTES
from vecgate.load.data import metadata_of
from vecgate.load.scenario import Scenario
from vecgate.s3vectors.estimate import Estimate, estimate, vector_bytes
from vecgate.s3vectors.limits import FILTERABLE_BYTES_MAX, VECTORS_PER_PUT_MAX
from vecgate.s3vectors.metadata import metadata_bytes


def priced(scenario: Scenario) -> Estimate:
    """What *scenario* is about to do, and its price; an hour of it is one of its schedule."""
    plan = scenario.plan()
    found = estimate(
        plan.scheduled,
        plan.operations,
        vectors_per_request=plan.vectors_per_request,
        duration_s=plan.duration_s,
        index_vectors=scenario.preload,
        dimension=plan.dimension,
        metadata_bytes=_metadata_bytes(scenario),
        key_bytes=KEY_BYTES,
    )
    return replace(found, usd=found.usd + usd_before(scenario))


def usd_before(scenario: Scenario) -> float:
    """What is put before the schedule of *scenario* begins, in batches as large as they may be."""
    return estimate(
        ceil(scenario.preload / VECTORS_PER_PUT_MAX),
        {"PutVectors": 1.0},
        vectors_per_request=min(scenario.preload, VECTORS_PER_PUT_MAX),
        duration_s=0.0,
        dimension=scenario.vectors.dimension,
        metadata_bytes=_metadata_bytes(scenario),
        key_bytes=KEY_BYTES,
    ).usd


def vector_bytes_of(scenario: Scenario) -> int:
    """What a query processes of each vector of *scenario*."""
    return vector_bytes(
        scenario.vectors.dimension, metadata_bytes=_metadata_bytes(scenario), key_bytes=KEY_BYTES
    )


def _metadata_bytes(scenario: Scenario) -> int:
    profile = scenario.vectors.metadata
    if profile == "file":
        # It is not read for a price: as much as may be filtered on.
        return FILTERABLE_BYTES_MAX
    metadata = metadata_of(profile, 0)
    return 0 if metadata is None else metadata_bytes(metadata)
