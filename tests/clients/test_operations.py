"""Every operation through every client that knows it, by name and by ARN."""

from __future__ import annotations

import bucket_cases
import index_cases
import pytest
import vector_cases
from botocore import xform_name
from places import Place
from sdks import LACKING, Sdk

from vecgate.s3vectors.model import service_model

OPERATIONS = sorted(service_model().operation_names)
CASES = {**vars(bucket_cases), **vars(index_cases), **vars(vector_cases)}
KNOWN = [(sdk, each) for sdk, lacking in LACKING.items() for each in OPERATIONS if each not in lacking]


@pytest.mark.parametrize(("sdk", "operation"), KNOWN, indirect=["sdk"])
def test_an_operation_does_what_it_does_at_aws(sdk: Sdk, operation: str, place: Place, service: Sdk) -> None:
    """Answers, effects, and what older clients make of them. An operation without a case fails here."""
    CASES[xform_name(operation)](sdk, place, service)


def test_a_client_knows_the_operations_that_its_version_is_said_to_know(sdk: Sdk) -> None:
    """Whoever raises a version learns here which operations came with it."""
    assert sdk.operations == set(OPERATIONS) - LACKING[sdk.name]
