"""Limits are the documented ones, and those that the model states follow the model."""

from __future__ import annotations

import copy
import importlib.util
from types import ModuleType
from typing import Any

import pytest

from vecgate.s3vectors import limits, model

#: Name, the shape and bound that state it (empty if only the guide does), and the documented number.
DOCUMENTED = [
    ("VECTORS_PER_PUT_MAX", "PutVectorsInputList", "max", 500),
    ("KEYS_PER_DELETE_MAX", "DeleteVectorsInputList", "max", 500),
    ("KEYS_PER_GET_MAX", "GetVectorsInputList", "max", 100),
    ("LIST_PAGE_MAX", "ListVectorsMaxResults", "max", 1_000),
    ("SEGMENTS_MAX", "ListVectorsSegmentCount", "max", 16),
    ("DIMENSION_MAX", "Dimension", "max", 4_096),
    ("KEY_LENGTH_MAX", "VectorKey", "max", 1_024),
    ("NON_FILTERABLE_KEYS_MAX", "NonFilterableMetadataKeys", "max", 10),
    ("NON_FILTERABLE_KEY_LENGTH_MAX", "MetadataKey", "max", 63),
    ("PAYLOAD_BYTES_MAX", "", "", 20_971_520),
    ("BUCKETS_MAX", "", "", 10_000),
    ("TOP_K_MAX", "", "", 10_000),
    ("QUERY_PAGE_MAX", "", "", 100),
    ("LIST_PAGE_DEFAULT", "", "", 500),
    ("LIST_PAGE_BYTES_MAX", "", "", 1_048_576),
    ("METADATA_KEYS_MAX", "", "", 50),
    ("METADATA_BYTES_MAX", "", "", 40_960),
    ("FILTERABLE_BYTES_MAX", "", "", 2_048),
    ("FILTER_CONSTRAINTS_MAX", "", "", 100),
    ("WRITE_REQUESTS_PER_S", "", "", 1_000),
    ("WRITE_VECTORS_PER_S", "", "", 2_500),
]


@pytest.mark.parametrize(("name", "number"), [(row[0], row[3]) for row in DOCUMENTED])
def test_a_limit_is_the_documented_number(name: str, number: int) -> None:
    """Each constant is as documented by Amazon, read on 2026-11-24."""
    assert getattr(limits, name) == number


def test_every_limit_is_in_the_table() -> None:
    """A new constant is added to the table too."""
    named = {name for name in vars(limits) if name.isupper()} - {"KIB", "MIB"}
    assert named == {row[0] for row in DOCUMENTED}


def _fresh_limits() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fresh_limits", limits.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "shape", "bound"), [row[:3] for row in DOCUMENTED if row[1]])
def test_a_limit_of_the_model_follows_the_model(
    name: str, shape: str, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a newer botocore that has another number, that number applies."""
    changed: dict[str, dict[str, Any]] = copy.deepcopy(model.shapes())
    changed[shape][bound] = 7_919
    monkeypatch.setattr(model, "shapes", lambda: changed)
    fresh = vars(_fresh_limits())
    assert fresh[name] == 7_919
    others = {row[0]: row[3] for row in DOCUMENTED if row[0] != name}
    assert {other: fresh[other] for other in others} == others
