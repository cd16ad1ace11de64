"""aiobotocore as a program: reads JSON lines from stdin and answers each with one. The first line it prints
describes it.

Runs in its own environment: see `setup_clients.py`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime
from importlib.metadata import version
from typing import Any

from aiobotocore.session import get_session  # type: ignore[import-not-found]
from botocore import xform_name
from botocore.exceptions import ClientError


def send_line(line: dict[str, Any]) -> None:
    print(json.dumps(line, default=datetime.timestamp), flush=True)  # noqa: T201 - the protocol


async def call(client: Any, request: dict[str, Any]) -> Any:
    operation, arguments = xform_name(request["operation"]), request["arguments"]
    if not request.get("isPaged"):
        return without_metadata(await getattr(client, operation)(**arguments))
    pages = client.get_paginator(operation).paginate(**arguments)
    return [without_metadata(page) async for page in pages]


def without_metadata(response: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def describe_error(client: Any, error: ClientError) -> dict[str, Any]:
    response = error.response
    code = response["Error"]["Code"]
    return {
        "code": code,
        "message": response["Error"]["Message"],
        "status": response["ResponseMetadata"]["HTTPStatusCode"],
        "fields": response.get("fieldList", []),
        "isTyped": isinstance(error, client.exceptions.from_code(code)) and type(error) is not ClientError,
    }


async def answer_request(client: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Return the line that answers *request*."""
    try:
        return {"response": await call(client, request)}
    except ClientError as error:
        return {"error": describe_error(client, error)}


async def main() -> None:
    session = get_session()
    async with session.create_client("s3vectors") as default_client:
        send_line(
            {
                "version": version("aiobotocore"),
                "operations": default_client.meta.service_model.operation_names,
            }
        )
        for line in sys.stdin:
            request = json.loads(line)
            if "settings" not in request:
                send_line(await answer_request(default_client, request))
                continue
            keys = request["settings"]["keys"]
            credentials = {
                "aws_access_key_id": keys["access_key"],
                "aws_secret_access_key": keys["secret_key"],
                "aws_session_token": keys["session_token"] or None,
            }
            async with session.create_client("s3vectors", **credentials) as client:
                send_line(await answer_request(client, request))


asyncio.run(main())
