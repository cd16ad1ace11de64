"""The driver of the AWS CLI as a program: reads JSON lines from stdin and answers each with one, as `aws`
would but without its start-up time. The first line it prints describes it.

Runs in its own environment: see `setup_clients.py`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from typing import Any

import awscli  # type: ignore[import-not-found]
from awscli.botocore import xform_name  # type: ignore[import-not-found]
from awscli.clidriver import create_clidriver  # type: ignore[import-not-found]


def send_line(line: Mapping[str, Any]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - the protocol


def run_command(arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return exit code, stdout and stderr of `aws s3vectors` with *arguments*."""
    out, err = TextIOWrapper(BytesIO(), "utf-8"), TextIOWrapper(BytesIO(), "utf-8")
    with changed_environment(environment), redirect_stdout(out), redirect_stderr(err):
        code = create_clidriver().main(["s3vectors", *arguments])
    return {"code": code, "out": read_text(out), "err": read_text(err)}


@contextmanager
def changed_environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Apply *changes* to this process's environment, and restore it afterwards."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def read_text(stream: TextIOWrapper) -> str:
    stream.flush()
    raw = stream.buffer
    assert isinstance(raw, BytesIO)
    return raw.getvalue().decode()


def commands() -> dict[str, str]:
    """Return the CLI command of each operation."""
    model = create_clidriver().session.get_service_model("s3vectors")
    return {name: xform_name(name, "-") for name in model.operation_names}


send_line({"version": awscli.__version__, "operations": commands()})
for line in sys.stdin:
    request = json.loads(line)
    send_line(run_command(request["arguments"], request.get("environment", {})))
