"""vecgate as a Lambda function: `vecgate.aws_lambda.handler`.

An event runs the batch client, a search or a scaling grid, and the response is JSON. The environment of the
function names the target, never the event. Imports neither the command line nor Locust.

`event_parsing` defines the events, `actions` runs them (with `synthetic_writes`) in an `action_context` and
within a `deadline`, and `responses` builds the response without any private data.
"""

from __future__ import annotations

import os
from typing import Any

from vecgate.aws_lambda.actions import run_action
from vecgate.aws_lambda.deadline import Deadline
from vecgate.aws_lambda.event_parsing import parse_event
from vecgate.aws_lambda.responses import error_response, success_response

__all__ = ["handler"]


def handler(event: object, context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's, which has no type
    """Run the action of *event* within the time that *context* allows. Every outcome is a response.

    docs/lambda.md describes the actions. The response has a `statusCode` and a JSON `body`.
    """
    request_id, orphaned = str(getattr(context, "aws_request_id", "")), list[str]()
    try:
        request = parse_event(event, os.environ)
        result = run_action(request, Deadline.from_context(context), os.environ, orphaned)
    except Exception as error:  # noqa: BLE001 - the caller gets a response, never a traceback
        return error_response(error, request_id, orphaned)
    return success_response(request.action, result, request_id, orphaned)
