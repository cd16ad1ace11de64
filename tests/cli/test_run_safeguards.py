"""The safeguards of runs that write: cost limit, preflight checks, error messages, and a clean end."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from commands import Vecgate
from restricted_endpoint import SignAs

from vecgate.cli.run_safeguards import CostLimit, interruptible, translate_botocore_errors
from vecgate.errors import TargetError, TargetUnreachable, UsageError
from vecgate.targets.target import Target

AWS = Target("aws", None, "us-east-1", "AWS_REGION", None)
OTHER = Target("http://127.0.0.1:1", "http://127.0.0.1:1", "us-east-1", "the default", None)


def client_error(status: int) -> ClientError:
    answer = {"Error": {"Code": "X", "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "ListVectorBuckets")


def test_on_amazon_there_is_a_default_limit() -> None:
    """One dollar. Other targets cost nothing, so they have no default limit."""
    assert CostLimit(yes=True, max_cost=None).limit_on(AWS) == 1.0
    assert CostLimit(yes=True, max_cost=5.0).limit_on(AWS) == 5.0
    assert CostLimit(yes=True, max_cost=None).limit_on(OTHER) is None
    assert CostLimit(yes=True, max_cost=0.0).limit_on(OTHER) == 0.0


@pytest.mark.parametrize("dollars", [float("nan"), -1.0])
def test_an_invalid_price_is_refused(dollars: float) -> None:
    """It would never stop a run, or always."""
    with pytest.raises(UsageError, match="is not a price"):
        CostLimit(yes=True, max_cost=dollars)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (client_error(403), TargetError, "denies access"),
        (client_error(401), TargetError, "denies access"),
        (client_error(500), TargetError, "answers with an error"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), TargetUnreachable, "does not answer"),
    ],
)
def test_errors_of_boto3_name_the_target(error: Exception, kind: type[Exception], message: str) -> None:
    """Denied, failed and unreachable are different errors."""
    with pytest.raises(kind, match=f"^http://127.0.0.1:1 {message}"), translate_botocore_errors(OTHER):
        raise error


def test_only_the_first_line_of_an_error_is_shown() -> None:
    """Further lines of the service may repeat the signed headers."""
    error = client_error(403)
    error = ClientError({**error.response, "Error": {"Code": "X", "Message": "m\n\nhost:a"}}, "ListVectors")
    with pytest.raises(TargetError) as caught, translate_botocore_errors(OTHER):
        raise error
    assert str(caught.value).endswith(": m")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_sigterm_acts_like_ctrl_c_and_both_are_recorded(number: signal.Signals) -> None:
    """Afterwards the signal handlers are restored."""
    before = signal.getsignal(number)
    with interruptible() as is_interrupted:
        assert not is_interrupted()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert is_interrupted()
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (("scale", "--dimension", "4"), "PutVectors"),
        (("scale", "--dimension", "4"), "DeleteVectorBucket"),
        (("capacity", "smoke"), "DeleteIndex"),
        (("capacity", "smoke", "--bucket-prefix", "team"), "QueryVectors"),
        (("ramp", "smoke"), "GetVectors"),
    ],
)
def test_a_run_with_a_missing_permission_does_not_start(
    vecgate: Vecgate, sign_as: SignAs, admin: Any, words: tuple[str, ...], missing: str
) -> None:
    """The error names the operation and the policy, and no bucket is created."""
    sign_as(f"{words[0]}.{missing}")
    result = vecgate(*words, "--target", admin.meta.endpoint_url)
    assert (result.code, result.out) == (3, "")
    assert f"error: the run would not work: {missing}" in result.err
    assert f"not authorized to perform: s3vectors:{missing}" in result.err
    assert f"vecgate doctor --policy {words[0]}" in result.err
    buckets = admin.list_vector_buckets()["vectorBuckets"]
    assert [each["vectorBucketName"] for each in buckets] == ["media"]


def test_the_reason_of_a_refused_run_is_shown_with_quiet(
    vecgate: Vecgate, sign_as: SignAs, admin: Any
) -> None:
    """--quiet leaves out progress, not the error."""
    sign_as("scale.PutVectors")
    result = vecgate("scale", "--dimension", "4", "--quiet", "--target", admin.meta.endpoint_url)
    assert (result.code, result.out) == (3, "")
    assert "not authorized to perform: s3vectors:PutVectors" in result.err
