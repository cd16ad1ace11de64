from __future__ import annotations

import threading
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

from vecgate.endpoint.injection import Fault, Kind, Plan
from vecgate.endpoint.inprocess import EVENT, InProcessDoor, install, uninstall
from vecgate.endpoint.keeper import DoorSettings
from vecgate.endpoint.latency import Latency, LatencyModel
from vecgate.endpoint.quotas import Quotas, Rate
from vecgate.endpoint.state import State


@pytest.fixture
def client() -> Any:
    return boto3.client(
        "s3vectors",
        region_name="us-east-1",
        # Where nobody listens: whatever reaches the network fails.
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="id",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


def make_index(client: Any) -> dict[str, str]:
    client.create_vector_bucket(vectorBucketName="bucket")
    made = client.create_index(
        vectorBucketName="bucket", indexName="index", dataType="float32", dimension=2, distanceMetric="cosine"
    )
    return {"indexArn": made["indexArn"]}


def test_boto3_works_without_a_socket(client: Any) -> None:
    """Built, signed and parsed by botocore, answered by the endpoint."""
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


def test_errors_reach_boto3_as_its_own(client: Any) -> None:
    """Code, message, status, request id and field list."""
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
    """GET and DELETE without a body, an encoded ARN in the path."""
    install(client, State())
    arn = client.create_vector_bucket(vectorBucketName="bucket")["vectorBucketArn"]
    client.tag_resource(resourceArn=arn, tags={"a b": "c", "d": "e"})
    client.untag_resource(resourceArn=arn, tagKeys=["d"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"a b": "c"}


def test_paginators_walk_through_all_pages(client: Any) -> None:
    """As they do on the service."""
    install(client, State())
    index = make_index(client)
    batch = [{"key": f"k{number}", "data": {"float32": [1.0, float(number)]}} for number in range(25)]
    client.put_vectors(**index, vectors=batch)
    pages = client.get_paginator("list_vectors").paginate(**index, PaginationConfig={"PageSize": 10})
    assert sorted(each["key"] for page in pages for each in page["vectors"]) == sorted(
        f"k{n}" for n in range(25)
    )


def test_clients_share_a_door_and_leave_it(client: Any) -> None:
    """After `uninstall` a client sends again; a client alone is affected."""
    install(client, State())
    client.create_vector_bucket(vectorBucketName="bucket")
    uninstall(client)
    with pytest.raises(EndpointConnectionError):
        client.list_vector_buckets()


def test_threads_take_turns(client: Any) -> None:
    """Writes of many threads are all there."""
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
def test_a_body_comes_in_whatever_form_botocore_takes(client: Any, body: object) -> None:
    """Accelerated clients put bytes of their own in."""
    install(client, State())

    def swap(params: dict[str, object], **_: object) -> None:
        params["body"] = body

    client.meta.events.register("before-call.s3vectors.ListVectorBuckets", swap)
    assert client.list_vector_buckets(prefix="x")["vectorBuckets"] == []


@pytest.mark.parametrize(
    ("kind", "error", "is_applied"),
    [
        (Kind.THROTTLE, ClientError, False),
        (Kind.RESET_BEFORE, ConnectionClosedError, False),
        (Kind.RESET_AFTER, ConnectionClosedError, True),
        (Kind.LOST, ConnectionClosedError, True),
        (Kind.TRUNCATED, ConnectionClosedError, True),
    ],
)
def test_faults_befall_requests_without_a_socket_too(
    client: Any, kind: Kind, error: type[Exception], *, is_applied: bool
) -> None:
    """A connection that breaks is what botocore makes of one, so its retries see what they would see."""
    state = State()
    fault = Fault(kind, 1.0, ("CreateVectorBucket",))
    door = install(client, state, settings=DoorSettings(plan=Plan((fault,))))
    with pytest.raises(error):
        client.create_vector_bucket(vectorBucketName="bucket")
    assert bool(state.buckets) == is_applied
    client.list_vector_buckets()
    assert door.keeper.metrics.faults == {kind: 1}


def test_waits_are_left_to_the_caller(client: Any) -> None:
    """Latency and faults add up; a fake clock need not wait."""
    slept: list[float] = []
    settings = DoorSettings(
        latency=LatencyModel({"others": Latency(1.0, 1.0)}),
        plan=Plan((Fault(Kind.LATENCY, 1.0, seconds=2.0),)),
    )
    door = InProcessDoor(State(), settings=settings, sleep=slept.append)
    client.meta.events.register_first(EVENT, door)
    client.list_vector_buckets()
    assert slept == [3.0]


def test_quotas_hold_without_a_socket_too(client: Any) -> None:
    """By the clock of the door."""
    now = [100.0]
    settings = DoorSettings(quotas=Quotas(write_requests=Rate(1, 1)))
    install(client, State(), settings=settings, clock=lambda: now[0])
    index = make_index(client)
    client.delete_vectors(**index, keys=["k"])
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.delete_vectors(**index, keys=["k"])
    now[0] += 1
    client.delete_vectors(**index, keys=["k"])
