"""What runs that write owe a target: a limit to the price, words for its refusals, and a clean end."""

from __future__ import annotations

import os
import signal

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from vecgate.cli.care import Spending, botocore_errors_told, interruptible
from vecgate.errors import TargetError, TargetUnreachable, UsageError
from vecgate.targets.target import Target

AWS = Target("aws", None, "us-east-1", "AWS_REGION", None)
OTHER = Target("http://127.0.0.1:1", "http://127.0.0.1:1", "us-east-1", "the default", None)


def client_error(status: int) -> ClientError:
    answer = {"Error": {"Code": "X", "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "ListVectorBuckets")


def test_on_amazon_there_is_a_limit_where_none_is_said() -> None:
    """A dollar; elsewhere nothing costs anything."""
    assert Spending(yes=True, max_cost=None).limit_on(AWS) == 1.0
    assert Spending(yes=True, max_cost=5.0).limit_on(AWS) == 5.0
    assert Spending(yes=True, max_cost=None).limit_on(OTHER) is None
    assert Spending(yes=True, max_cost=0.0).limit_on(OTHER) == 0.0


@pytest.mark.parametrize("dollars", [float("nan"), -1.0])
def test_what_is_no_number_of_dollars_is_no_limit(dollars: float) -> None:
    """It would never be reached, or always be."""
    with pytest.raises(UsageError, match="is no number of US dollars"):
        Spending(yes=True, max_cost=dollars)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (client_error(403), TargetError, "does not allow it"),
        (client_error(401), TargetError, "does not allow it"),
        (client_error(500), TargetError, "does not do it"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), TargetUnreachable, "does not answer"),
    ],
)
def test_what_boto3_raises_names_the_target(error: Exception, kind: type[Exception], said: str) -> None:
    """Not allowed, not done, and not there are three things."""
    with pytest.raises(kind, match=f"^http://127.0.0.1:1 {said}"), botocore_errors_told(OTHER):
        raise error


def test_of_a_refusal_the_first_line_is_told() -> None:
    """What a service says below it may repeat the signed headers."""
    error = client_error(403)
    error = ClientError({**error.response, "Error": {"Code": "X", "Message": "m\n\nhost:a"}}, "ListVectors")
    with pytest.raises(TargetError) as told, botocore_errors_told(OTHER):
        raise error
    assert str(told.value).endswith(": m")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_sigterm_is_as_ctrl_c_and_whether_one_came_is_known(number: signal.Signals) -> None:
    """Afterwards all is as it was."""
    before = signal.getsignal(number)
    with interruptible() as is_interrupted:
        assert not is_interrupted()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert is_interrupted()
    assert signal.getsignal(number) is before
