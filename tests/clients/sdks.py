"""The clients that can call any operation, each behind one interface: `call(operation, arguments)`.

boto3 is called in this process. The others run in their own environments as programs of `programs/`, which
are asked and answer by JSON lines.
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

#: How the AWS CLI words an error; a fieldList follows on further lines where there is one.
CLI_ERROR = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation: (.*)")

_SINCE_MODES = frozenset({"PutVectorBucketDefaultIndexMode", "UpdateIndexMode"})
_SINCE_TEXT = frozenset({"UpdateMetadataConfiguration"})
#: The clients, and the operations that the pinned version of each does not know yet.
LACKING: Mapping[str, frozenset[str]] = {
    "boto3": frozenset(),
    "accelerated boto3": frozenset(),
    "javascript": _SINCE_MODES | _SINCE_TEXT,
    "awscli": _SINCE_MODES | _SINCE_TEXT,
    "aiobotocore": _SINCE_TEXT,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error code as a client surfaces it.

    status    0 where the client does not tell
    fields    path to message of the fieldList
    is_typed  the client raised the class that it has for this code
    """

    code: str
    message: str
    status: int = 0
    fields: Mapping[str, str] = field(default_factory=dict)
    is_typed: bool = True


class Refused(Exception):
    """The client raised an error for an error code."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class Sdk(Protocol):
    """A client of the whole API.

    operations  those that its version knows
    """

    name: str
    operations: frozenset[str]

    def call(self, operation: str, arguments: Json, *, keys: Keys | None = None) -> Json:
        """The answer, times as epoch seconds; signed with *keys* where they are given. Raises Refused."""
        ...

    def pages(self, operation: str, arguments: Json) -> list[Json]:
        """The answers that the client's own paginator gives."""
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class Boto3Sdk:
    """boto3, in this process; *is_accelerated* by vecgate."""

    def __init__(self, access: Access, *, is_accelerated: bool = False) -> None:
        self.name = "accelerated boto3" if is_accelerated else "boto3"
        self.operations = frozenset(service_model().operation_names)
        self._access, self._is_accelerated = access, is_accelerated
        self.client = self._client(access.keys)

    def call(self, operation: str, arguments: Json, *, keys: Keys | None = None) -> Json:
        client = self._client(keys) if keys else self.client
        try:
            return _plain(getattr(client, xform_name(operation))(**arguments))
        except ClientError as error:
            raise Refused(_refusal(client, error)) from None
        finally:
            if keys:
                client.close()

    def pages(self, operation: str, arguments: Json) -> list[Json]:
        return [
            _plain(page) for page in self.client.get_paginator(xform_name(operation)).paginate(**arguments)
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


class LinesSdk:
    """A client whose program speaks in operations, arguments and answers."""

    def __init__(self, name: str, program: str, access: Access) -> None:
        self.name = name
        self._program = Program.of(name, program, access)
        self.operations = frozenset(self._program.first_line["operations"])

    def call(
        self, operation: str, arguments: Json, *, keys: Keys | None = None, clock_offset_s: int = 0
    ) -> Json:
        settings: Json = {"keys": asdict(keys)} if keys else {}
        settings |= {"clockOffsetS": clock_offset_s} if clock_offset_s else {}
        request = {"operation": operation, "arguments": arguments}
        answer: Json = self._answer({**request, "settings": settings} if settings else request)
        return answer

    def pages(self, operation: str, arguments: Json) -> list[Json]:
        pages: list[Json] = self._answer({"operation": operation, "arguments": arguments, "isPaged": True})
        return pages

    def close(self) -> None:
        self._program.close()

    def _answer(self, request: Json) -> Any:
        line = self._program.ask(request)
        if error := line.get("error"):
            fields = {each["path"]: each["message"] for each in error["fields"]}
            raise Refused(
                Refusal(error["code"], error["message"], error["status"], fields, is_typed=error["isTyped"])
            )
        return line["answer"]


class CliSdk:
    """The AWS CLI: arguments as `--cli-input-json`, the answer from stdout, an error from stderr."""

    name = "awscli"

    def __init__(self, access: Access) -> None:
        self._program = Program.of(self.name, "awscli_lines.py", access)
        self._commands: dict[str, str] = self._program.first_line["operations"]
        self.operations = frozenset(self._commands)

    def call(self, operation: str, arguments: Json, *, keys: Keys | None = None) -> Json:
        written = self.run(
            self._commands[operation],
            "--cli-input-json",
            json.dumps(arguments),
            **(keys.environment() if keys else {}),
        )
        answer: Json = json.loads(written or "{}")
        return answer

    def pages(self, operation: str, arguments: Json) -> list[Json]:
        """One: the CLI joins the pages that it reads."""
        return [self.call(operation, arguments)]

    def run(self, *arguments: str, **environment: str) -> str:
        """What `aws s3vectors` prints with *arguments*. Raises Refused."""
        done = self._program.ask({"arguments": list(arguments), "environment": environment})
        if done["code"]:
            error = CLI_ERROR.search(done["err"])
            assert error, done["err"]
            raise Refused(Refusal(code=error[1], message=error[3]))
        return str(done["out"])

    def close(self) -> None:
        self._program.close()


def refusal_of(sdk: Sdk, operation: str, arguments: Json, *, keys: Keys | None = None) -> Refusal:
    """How *sdk* surfaces the error of a request that is refused."""
    try:
        answer = sdk.call(operation, arguments, keys=keys)
    except Refused as refused:
        return refused.refusal
    raise AssertionError(f"{operation} was answered: {answer}")


def sdk_named(name: str, access: Access) -> Sdk:
    """A new client. Skips the test where its environment is not there."""
    match name:
        case "boto3" | "accelerated boto3":
            return Boto3Sdk(access, is_accelerated=name.startswith("accelerated"))
        case "awscli":
            return CliSdk(access)
        case "aiobotocore":
            return LinesSdk(name, "aiobotocore_lines.py", access)
        case _:
            return LinesSdk(name, "javascript.cjs", access)


def _plain(answer: Json) -> Json:
    """As the programs tell it: without botocore's own part, times as epoch seconds."""
    own = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    plain: Json = json.loads(json.dumps(own, default=datetime.timestamp))
    return plain


def _refusal(client: Any, error: ClientError) -> Refusal:
    response = error.response
    code = response["Error"]["Code"]
    return Refusal(
        code,
        response["Error"]["Message"],
        response["ResponseMetadata"]["HTTPStatusCode"],
        {each["path"]: each["message"] for each in response.get("fieldList", ())},
        is_typed=type(error) is not ClientError and isinstance(error, client.exceptions.from_code(code)),
    )
