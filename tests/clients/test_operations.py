"""Every operation through every client that supports it, by name and by ARN."""

from __future__ import annotations

import bucket_cases
import index_cases
import pytest
import vector_cases
from botocore import xform_name
from sample_index import SampleIndex
from sdks import UNSUPPORTED, Sdk

from vecgate.s3vectors.model import service_model

OPERATIONS = sorted(service_model().operation_names)
CASES = {**vars(bucket_cases), **vars(index_cases), **vars(vector_cases)}
KNOWN = [
    (sdk, each) for sdk, unsupported in UNSUPPORTED.items() for each in OPERATIONS if each not in unsupported
]


@pytest.mark.parametrize(("sdk", "operation"), KNOWN, indirect=["sdk"])
def test_an_operation_behaves_as_on_aws(sdk: Sdk, operation: str, sample: SampleIndex, service: Sdk) -> None:
    """Its response, its effect, and the view of older clients. An operation without a case fails here."""
    CASES[xform_name(operation)](sdk, sample, service)


def test_a_client_supports_the_listed_operations(sdk: Sdk) -> None:
    """After an update of a client, this test shows which operations are new."""
    assert sdk.operations == set(OPERATIONS) - UNSUPPORTED[sdk.name]
