"""vecgate as a Lambda function: `vecgate.aws_lambda.handler`.

The batch client, the search and the scaling grid, asked for by an event and answered as JSON. Where requests
go is the function's environment to say, never the event's. Imports neither the command line nor Locust.

`asking` says what an event may hold, `place` where it is done, `deadline` how long it may take.
`actions` does it, with `writing`; `answering` tells it without anything that is not the caller's.
"""

from __future__ import annotations

import os
from typing import Any

from vecgate.aws_lambda.actions import act
from vecgate.aws_lambda.answering import answer_of, failure_of
from vecgate.aws_lambda.asking import ask_of
from vecgate.aws_lambda.deadline import Deadline

__all__ = ["handler"]


def handler(event: object, context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's, which has no type
    """Do what *event* asks for, within the time that *context* leaves; an answer in every case.

    docs/lambda.md has every action. The answer has a `statusCode` and a JSON `body`.
    """
    request_id, leaks = str(getattr(context, "aws_request_id", "")), list[str]()
    try:
        ask = ask_of(event, os.environ)
        done = act(ask, Deadline.of(context), os.environ, leaks)
    except Exception as error:  # noqa: BLE001 - whoever invokes gets an answer, and no traceback
        return failure_of(error, request_id, leaks)
    return answer_of(ask.action, done, request_id, leaks)
