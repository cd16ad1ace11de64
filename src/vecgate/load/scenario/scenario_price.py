"""The price of a scenario on AWS: its preloaded vectors and its schedule. An upper bound."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from vecgate.load.scenario.scenario_file import Scenario
from vecgate.load.traffic.request_bodies import KEY_BYTES
from vecgate.load.traffic.vector_pool import build_metadata
from vecgate.s3vectors.cost_estimate import CostEstimate, estimate_cost, vector_bytes
from vecgate.s3vectors.limits import FILTERABLE_BYTES_MAX, VECTORS_PER_PUT_MAX
from vecgate.s3vectors.metadata import metadata_bytes


def estimate_price(scenario: Scenario) -> CostEstimate:
    """Return the requests of *scenario* and their price. The price per hour is that of its schedule alone."""
    plan = scenario.plan()
    found = estimate_cost(
        plan.scheduled,
        plan.operations,
        vectors_per_request=plan.vectors_per_request,
        duration_s=plan.duration_s,
        index_vectors=scenario.preload,
        dimension=plan.dimension,
        metadata_bytes=_metadata_bytes(scenario),
        key_bytes=KEY_BYTES,
    )
    return replace(found, usd=found.usd + preload_usd(scenario))


def preload_usd(scenario: Scenario) -> float:
    """Return the price of the vectors that *scenario* preloads, in batches of the largest size."""
    return estimate_cost(
        ceil(scenario.preload / VECTORS_PER_PUT_MAX),
        {"PutVectors": 1.0},
        vectors_per_request=min(scenario.preload, VECTORS_PER_PUT_MAX),
        duration_s=0.0,
        dimension=scenario.vectors.dimension,
        metadata_bytes=_metadata_bytes(scenario),
        key_bytes=KEY_BYTES,
    ).usd


def stored_vector_bytes(scenario: Scenario) -> int:
    """Return the bytes that a query processes for each vector of *scenario*."""
    return vector_bytes(
        scenario.vectors.dimension, metadata_bytes=_metadata_bytes(scenario), key_bytes=KEY_BYTES
    )


def _metadata_bytes(scenario: Scenario) -> int:
    profile = scenario.vectors.metadata
    if profile == "file":
        # The file is not read to estimate a price: assume as much metadata as may be filterable.
        return FILTERABLE_BYTES_MAX
    metadata = build_metadata(profile, 0)
    return 0 if metadata is None else metadata_bytes(metadata)
