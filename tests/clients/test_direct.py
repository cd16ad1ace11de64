"""vecgate's own senders and its batch client against an endpoint that checks signatures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from botocore.credentials import Credentials
from client_programs import Access, Keys
from sample_index import SampleIndex
from sdks import Boto3Sdk, Sdk

from vecgate import BulkConfig, BulkReader, BulkWriter
from vecgate.bulk.core.body_encoding import Body
from vecgate.bulk.transport.direct_sender import DirectSender
from vecgate.bulk.transport.sender import Boto3Sender, Sender
from vecgate.errors import ServiceError

LIST = Body.of(b"{}")


def open_direct(access: Access, keys: Keys | None = None, *, offset_s: float = 0.0) -> DirectSender:
    keys = keys or access.keys
    return DirectSender(
        Credentials(keys.access_key, keys.secret_key, keys.session_token or None),
        region=access.region,
        endpoint_url=access.url,
        clock=lambda: time.time() + offset_s,
    )


@pytest.fixture(params=["direct", "boto3"])
def sender(request: pytest.FixtureRequest, access: Access) -> Iterator[Sender]:
    """Both senders, with valid keys."""
    if request.param == "direct":
        with closing(open_direct(access)) as sender:
            yield sender
        return
    with closing(Boto3Sdk(access)) as sdk:
        yield Boto3Sender(sdk.client)


def test_a_batch_client_writes_and_reads_with_signatures(sender: Sender, sample_by_name: SampleIndex) -> None:
    """Every request has its own signature, retries and pages included."""
    matrix = np.random.default_rng(3).normal(size=(700, 2)).astype(np.float32)
    records = ((f"k{row}", vector, {"row": row}) for row, vector in enumerate(matrix))
    writer = BulkWriter(
        sender, bucket=sample_by_name.bucket, index="films", config=BulkConfig(batch_vectors=100)
    )
    outcome = writer.put(records)
    assert (outcome.acknowledged, outcome.rejected, outcome.stopped_by) == (700, 0, None)
    reader = BulkReader(sender, bucket=sample_by_name.bucket, index="films")
    keys = [key for page in reader.scan(segments=3) for key in page.keys]
    assert sorted(keys) == sorted([*(f"k{row}" for row in range(700)), "a", "b", "c"])
    returned = reader.get(["k699", "k0", "unknown"])
    assert returned.vectors is not None
    assert np.array_equal(returned.vectors, matrix[[699, 0]])


def test_a_wrong_secret_is_reported_by_code_and_status(access: Access) -> None:
    """The error is not retryable."""
    keys = replace(access.keys, secret_key="another-secret")
    with closing(open_direct(access, keys)) as sender, pytest.raises(ServiceError) as caught:
        sender.send("ListVectorBuckets", LIST)
    error = caught.value
    assert (error.code, error.status, error.is_retryable) == ("InvalidSignatureException", 403, False)


@pytest.mark.parametrize("offset_s", [-3600.0, 3600.0])
def test_a_clock_that_is_an_hour_off_is_corrected(access: Access, service: Sdk, offset_s: float) -> None:
    """From the Date header of the error."""
    with closing(open_direct(access, offset_s=offset_s)) as sender:
        assert b'"vectorBuckets"' in sender.send("ListVectorBuckets", LIST)


def test_temporary_credentials_are_sent_with_their_token(access: Access, temporary_keys: Keys) -> None:
    """The token is signed too."""
    with closing(open_direct(access, temporary_keys)) as sender:
        assert b'"vectorBuckets"' in sender.send("ListVectorBuckets", LIST)
