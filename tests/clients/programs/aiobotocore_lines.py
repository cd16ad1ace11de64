"""aiobotocore, asked by JSON lines on stdin; a JSON line answers each. The first line tells what it is.

Runs in an environment of its own: see `setup_clients.py`.
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


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line, default=datetime.timestamp), flush=True)  # noqa: T201 - a line is the answer


async def answer_to(client: Any, request: dict[str, Any]) -> Any:
    operation, arguments = xform_name(request["operation"]), request["arguments"]
    if not request.get("isPaged"):
        return without_metadata(await getattr(client, operation)(**arguments))
    pages = client.get_paginator(operation).paginate(**arguments)
    return [without_metadata(page) async for page in pages]


def without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def told(client: Any, error: ClientError) -> dict[str, Any]:
    response = error.response
    code = response["Error"]["Code"]
    return {
        "code": code,
        "message": response["Error"]["Message"],
        "status": response["ResponseMetadata"]["HTTPStatusCode"],
        "fields": response.get("fieldList", []),
        "isTyped": isinstance(error, client.exceptions.from_code(code)) and type(error) is not ClientError,
    }


async def answered(client: Any, request: dict[str, Any]) -> dict[str, Any]:
    """The line that answers *request*."""
    try:
        return {"answer": await answer_to(client, request)}
    except ClientError as error:
        return {"error": told(client, error)}


async def main() -> None:
    session = get_session()
    async with session.create_client("s3vectors") as own:
        say({"version": version("aiobotocore"), "operations": own.meta.service_model.operation_names})
        for line in sys.stdin:
            request = json.loads(line)
            if "settings" not in request:
                say(await answered(own, request))
                continue
            keys = request["settings"]["keys"]
            credentials = {
                "aws_access_key_id": keys["access_key"],
                "aws_secret_access_key": keys["secret_key"],
                "aws_session_token": keys["session_token"] or None,
            }
            async with session.create_client("s3vectors", **credentials) as other:
                say(await answered(other, request))


asyncio.run(main())
