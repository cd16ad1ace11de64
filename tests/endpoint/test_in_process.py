from __future__ import annotations

import threading
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

from vecgate.endpoint.faults.injection import Fault, FaultKind, FaultPlan
from vecgate.endpoint.faults.latency import Latency, LatencyModel
from vecgate.endpoint.faults.quotas import Quotas, Rate
from vecgate.endpoint.gateway import GatewaySettings
from vecgate.endpoint.in_process import InProcessEndpoint, install, uninstall
from vecgate.endpoint.storage.state import State


@pytest.fixture
def client() -> Any:
    return boto3.client(
        "s3vectors",
        region_name="us-east-1",
        # Nothing listens on this port, so any use of the network fails.
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="id",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


def make_index(client: Any) -> dict[str, str]:
    client.create_vector_bucket(vectorBucketName="bucket")
    index = client.create_index(
        vectorBucketName="bucket", indexName="index", dataType="float32", dimension=2, distanceMetric="cosine"
    )
    return {"indexArn": index["indexArn"]}


def test_boto3_works_without_a_socket(client: Any) -> None:
    """Botocore builds, signs and parses; the endpoint answers."""
    install(client, State(), clock=lambda: 1_800_000_000.0)
    index = make_index(client)
    vectors = [{"key": "k", "data": {"float32": [0.4, 1.0]}, "metadata": {"n": 1}}]
    assert client.put_vectors(**index, vectors=vectors)["ResponseMetadata"]["HTTPStatusCode"] == 200
    (one,) = client.get_vectors(**index, keys=["k"], returnData=True, returnMetadata=True)["vectors"]
    assert one == {"key": "k", "data": {"float32": [0.4000000059604645, 1.0]}, "metadata": {"n": 1}}
    bucket = client.get_vector_bucket(vectorBucketName="bucket")["vectorBucket"]
    assert bucket["creationTime"].timestamp() == 1_800_000_000
    found = client.query_vectors(**index, topK=1, queryVector={"float32": [0.4, 1.0]}, filter={"n": 1})
    assert [each["key"] for each in found["vectors"]] == ["k"]


def test_errors_become_the_exceptions_of_boto3(client: Any) -> None:
    """With code, message, status, request id and field list."""
    install(client, State())
    with pytest.raises(
        client.exceptions.NotFoundException, match="The specified index could not be found"
    ) as missing:
        client.get_index(vectorBucketName="bucket", indexName="index")
    meta = missing.value.response["ResponseMetadata"]
    assert meta["HTTPStatusCode"] == 404
    assert meta["RequestId"].startswith("1")
    index = make_index(client)
    with pytest.raises(client.exceptions.ValidationException) as refused:
        client.query_vectors(**index, topK=1, queryVector={"float32": [1.0, 1.0]}, filter={"$eg": 1})
    assert refused.value.response["fieldList"] == [{"path": "filter", "message": "Invalid filter"}]


def test_tag_calls_reach_the_endpoint_by_their_paths(client: Any) -> None:
    """GET and DELETE without a body, and an encoded ARN in the path."""
    install(client, State())
    arn = client.create_vector_bucket(vectorBucketName="bucket")["vectorBucketArn"]
    client.tag_resource(resourceArn=arn, tags={"a b": "c", "d": "e"})
    client.untag_resource(resourceArn=arn, tagKeys=["d"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"a b": "c"}


def test_paginators_return_all_pages(client: Any) -> None:
    install(client, State())
    index = make_index(client)
    batch = [{"key": f"k{number}", "data": {"float32": [1.0, float(number)]}} for number in range(25)]
    client.put_vectors(**index, vectors=batch)
    pages = client.get_paginator("list_vectors").paginate(**index, PaginationConfig={"PageSize": 10})
    assert sorted(each["key"] for page in pages for each in page["vectors"]) == sorted(
        f"k{n}" for n in range(25)
    )


def test_several_clients_can_use_one_endpoint(client: Any) -> None:
    """`register` adds a client to an endpoint."""
    other = boto3.client(
        "s3vectors", region_name="us-east-1", aws_access_key_id="id", aws_secret_access_key="secret"
    )
    install(client, State()).register(other)
    client.create_vector_bucket(vectorBucketName="bucket")
    assert [each["vectorBucketName"] for each in other.list_vector_buckets()["vectorBuckets"]] == ["bucket"]


def test_an_uninstalled_client_uses_the_network_again(client: Any) -> None:
    """Its requests fail here, because nothing listens on its port."""
    install(client, State())
    client.create_vector_bucket(vectorBucketName="bucket")
    uninstall(client)
    with pytest.raises(EndpointConnectionError):
        client.list_vector_buckets()


def test_requests_of_many_threads_are_serialized(client: Any) -> None:
    """No write is lost."""
    install(client, State())
    index = make_index(client)

    def write(worker: int) -> None:
        for number in range(20):
            client.put_vectors(
                **index, vectors=[{"key": f"{worker}-{number}", "data": {"float32": [1.0, 1.0]}}]
            )

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(client.list_vectors(**index)["vectors"]) == 80


@pytest.mark.parametrize("body", [b"{}", "{}", bytearray(b"{}")])
def test_every_type_of_body_is_read(client: Any, body: object) -> None:
    """Accelerated clients replace the body with their own bytes."""
    install(client, State())

    def swap(params: dict[str, object], **_: object) -> None:
        params["body"] = body

    client.meta.events.register("before-call.s3vectors.ListVectorBuckets", swap)
    assert client.list_vector_buckets(prefix="x")["vectorBuckets"] == []


@pytest.mark.parametrize(
    ("kind", "error", "is_applied"),
    [
        (FaultKind.THROTTLE, ClientError, False),
        (FaultKind.RESET_BEFORE, ConnectionClosedError, False),
        (FaultKind.RESET_AFTER, ConnectionClosedError, True),
        (FaultKind.LOST, ConnectionClosedError, True),
        (FaultKind.TRUNCATED, ConnectionClosedError, True),
    ],
)
def test_faults_are_injected(
    client: Any, kind: FaultKind, error: type[Exception], *, is_applied: bool
) -> None:
    """A broken connection raises botocore's own error, so its retries work as over a network."""
    state = State()
    fault = Fault(kind, 1.0, ("CreateVectorBucket",))
    endpoint = install(client, state, settings=GatewaySettings(plan=FaultPlan((fault,))))
    with pytest.raises(error):
        client.create_vector_bucket(vectorBucketName="bucket")
    assert bool(state.buckets) == is_applied
    client.list_vector_buckets()
    assert endpoint.gateway.metrics.faults == {kind: 1}


def test_delays_use_the_given_sleep(client: Any) -> None:
    """Latency and faults add up, and a test with a fake `sleep` need not wait."""
    slept: list[float] = []
    settings = GatewaySettings(
        latency=LatencyModel({"others": Latency(1.0, 1.0)}),
        plan=FaultPlan((Fault(FaultKind.LATENCY, 1.0, seconds=2.0),)),
    )
    InProcessEndpoint(State(), settings=settings, sleep=slept.append).register(client)
    client.list_vector_buckets()
    assert slept == [3.0]


def test_quotas_are_enforced(client: Any) -> None:
    """By the clock of the endpoint."""
    now = [100.0]
    settings = GatewaySettings(quotas=Quotas(write_requests=Rate(1, 1)))
    install(client, State(), settings=settings, clock=lambda: now[0])
    index = make_index(client)
    client.delete_vectors(**index, keys=["k"])
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.delete_vectors(**index, keys=["k"])
    now[0] += 1
    client.delete_vectors(**index, keys=["k"])
