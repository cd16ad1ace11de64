"""The clients that can call any operation, behind one interface: `call(operation, arguments)`.

boto3 runs in this process. The others run in their own environments as programs of `programs/`, which
exchange JSON lines with this process.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Protocol

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from client_programs import Access, Json, Keys, Program

from vecgate import accelerate
from vecgate.s3vectors.model import service_model

#: The first line of an error of the AWS CLI; a fieldList follows on further lines.
CLI_ERROR = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation: (.*)")

PROGRAM_OF = {
    "aiobotocore": "aiobotocore_lines.py",
    "accelerated-aiobotocore": "accelerated_aiobotocore_lines.py",
    "javascript": "javascript.cjs",
    "java": "JavaLines",
    "go": "",
    "rust": "",
}
_INDEX_MODES = frozenset({"PutVectorBucketDefaultIndexMode", "UpdateIndexMode"})
_TEXT_SEARCH = frozenset({"UpdateMetadataConfiguration"})
#: The clients, and the operations that the pinned version of each does not support yet.
UNSUPPORTED: Mapping[str, frozenset[str]] = {
    "boto3": frozenset(),
    "accelerated boto3": frozenset(),
    "javascript": _INDEX_MODES | _TEXT_SEARCH,
    "awscli": _INDEX_MODES | _TEXT_SEARCH,
    "aiobotocore": _TEXT_SEARCH,
    "accelerated-aiobotocore": _TEXT_SEARCH,
    "java": _INDEX_MODES | _TEXT_SEARCH,
    "go": _INDEX_MODES | _TEXT_SEARCH,
    "rust": _TEXT_SEARCH,
}


@dataclass(frozen=True, slots=True)
class ReportedError:
    """An API error as a client reports it.

    status    0 if the client does not report it
    fields    the fieldList, message by path
    is_typed  the client raised its own class for this code
    """

    code: str
    message: str
    status: int = 0
    fields: Mapping[str, str] = field(default_factory=dict)
    is_typed: bool = True


class CallFailed(Exception):
    """The client reported an API error."""

    def __init__(self, error: ReportedError) -> None:
        super().__init__(error)
        self.error = error


class Sdk(Protocol):
    """A client of the whole API.

    operations  those that its version supports
    """

    name: str
    operations: frozenset[str]

    def call(self, operation: str, arguments: Json, *, keys: Keys | None = None) -> Json:
        """Return the response, with times as epoch seconds. *keys* replace the client's own. Raises
        CallFailed.
        """
        ...

    def pages(self, operation: str, arguments: Json) -> list[Json]:
        """Return the responses of the client's own paginator."""
        ...

    def close(self) -> None:
        """Stop the client."""
        ...


class Boto3Sdk:
    """boto3 in this process, optionally accelerated by vecgate."""

    def __init__(self, access: Access, *, is_accelerated: bool = False) -> None:
        self.name = "accelerated boto3" if is_accelerated else "boto3"
        self.operations = frozenset(service_model().operation_names)
        self._access, self._is_accelerated = access, is_accelerated
        self.client = self._client(access.keys)

    def call(self, operation: str, arguments: Json, *, keys: Keys | None = None) -> Json:
        client = self._client(keys) if keys else self.client
        try:
            return _to_plain(getattr(client, xform_name(operation))(**arguments))
        except ClientError as error:
            raise CallFailed(_to_reported(client, error)) from None
        finally:
            if keys:
                client.close()

    def pages(self, operation: str, arguments: Json) -> list[Json]:
        return [
            _to_plain(page) for page in self.client.get_paginator(xform_name(operation)).paginate(**arguments)
        ]

    def close(self) -> None:
        self.client.close()

    def _client(self, keys: Keys) -> Any:
        access = self._access
        client = boto3.client(
            "s3vectors",
            endpoint_url=access.url,
            region_name=access.region,
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
            aws_session_token=keys.session_token or None,
            config=Config(retries={"total_max_attempts": 1}),
        )
        return accelerate(client) if self._is_accelerated else client


class ProgramSdk:
    """A client program that exchanges operations, arguments and responses."""

    def __init__(self, name: str, program: str, access: Access) -> None:
        self.name = name
        self._program = Program.start(name, program, access)
        self.operations = frozenset(self._program.first_line["operations"])

    def call(
        self, operation: str, arguments: Json, *, keys: Keys | None = None, clock_offset_s: int = 0
    ) -> Json:
        settings: Json = {"keys": asdict(keys)} if keys else {}
        settings |= {"clockOffsetS": clock_offset_s} if clock_offset_s else {}
        request = {"operation": operation, "arguments": arguments}
        response: Json = self._send({**request, "settings": settings} if settings else request)
        return response

    def pages(self, operation: str, arguments: Json) -> list[Json]:
        pages: list[Json] = self._send({"operation": operation, "arguments": arguments, "isPaged": True})
        return pages

    def close(self) -> None:
        self._program.close()

    def _send(self, request: Json) -> Any:
        line = self._program.send(request)
        if error := line.get("error"):
            fields = {each["path"]: each["message"] for each in error["fields"]}
            raise CallFailed(
                ReportedError(
                    error["code"], error["message"], error["status"], fields, is_typed=error["isTyped"]
                )
            )
        return line["response"]


class CliSdk:
    """The AWS CLI: arguments as `--cli-input-json`, responses on stdout, errors on stderr."""

    name = "awscli"

    def __init__(self, access: Access) -> None:
        self._program = Program.start(self.name, "awscli_lines.py", access)
        self._commands: dict[str, str] = self._program.first_line["operations"]
        self.operations = frozenset(self._commands)

    def call(self, operation: str, arguments: Json, *, keys: Keys | None = None) -> Json:
        written = self.run(
            self._commands[operation],
            "--cli-input-json",
            json.dumps(arguments),
            **(keys.environment() if keys else {}),
        )
        response: Json = json.loads(written or "{}")
        return response

    def pages(self, operation: str, arguments: Json) -> list[Json]:
        """Return a single page: the CLI joins the pages that it reads."""
        return [self.call(operation, arguments)]

    def run(self, *arguments: str, **environment: str) -> str:
        """Return what `aws s3vectors` prints with *arguments*. Raises CallFailed."""
        result = self._program.send({"arguments": list(arguments), "environment": environment})
        if result["code"]:
            error = CLI_ERROR.search(result["err"])
            assert error, result["err"]
            raise CallFailed(ReportedError(code=error[1], message=error[3]))
        return str(result["out"])

    def close(self) -> None:
        self._program.close()


def expect_error(sdk: Sdk, operation: str, arguments: Json, *, keys: Keys | None = None) -> ReportedError:
    """Call *operation*, which must fail, and return the error."""
    try:
        response = sdk.call(operation, arguments, keys=keys)
    except CallFailed as failure:
        return failure.error
    raise AssertionError(f"{operation} succeeded: {response}")


def open_sdk(name: str, access: Access) -> Sdk:
    """Start a client. Skips the test if its environment is missing."""
    match name:
        case "boto3" | "accelerated boto3":
            return Boto3Sdk(access, is_accelerated=name.startswith("accelerated"))
        case "awscli":
            return CliSdk(access)
        case _:
            return ProgramSdk(name, PROGRAM_OF[name], access)


def _to_plain(response: Json) -> Json:
    """Return a response like those of the programs: without botocore's metadata, times as epoch seconds."""
    members = {name: value for name, value in response.items() if name != "ResponseMetadata"}
    plain: Json = json.loads(json.dumps(members, default=datetime.timestamp))
    return plain


def _to_reported(client: Any, error: ClientError) -> ReportedError:
    response = error.response
    code = response["Error"]["Code"]
    return ReportedError(
        code,
        response["Error"]["Message"],
        response["ResponseMetadata"]["HTTPStatusCode"],
        {each["path"]: each["message"] for each in response.get("fieldList", ())},
        is_typed=type(error) is not ClientError and isinstance(error, client.exceptions.from_code(code)),
    )
