"""The AWS CLI's own driver, asked by JSON lines on stdin; a JSON line answers each: what `aws` would do,
without starting it each time. The first line tells what it is.

Runs in an environment of its own: see `setup_clients.py`.
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


def say(line: Mapping[str, Any]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - a line is the answer


def answered(arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """Exit code, stdout and stderr of `aws s3vectors` with *arguments*."""
    out, err = TextIOWrapper(BytesIO(), "utf-8"), TextIOWrapper(BytesIO(), "utf-8")
    with variables(environment), redirect_stdout(out), redirect_stderr(err):
        code = create_clidriver().main(["s3vectors", *arguments])
    return {"code": code, "out": written_to(out), "err": written_to(err)}


@contextmanager
def variables(changes: Mapping[str, str]) -> Iterator[None]:
    """This process's environment with *changes*, then as it was."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def written_to(stream: TextIOWrapper) -> str:
    stream.flush()
    raw = stream.buffer
    assert isinstance(raw, BytesIO)
    return raw.getvalue().decode()


def commands() -> dict[str, str]:
    """Operation to the command that it is called by."""
    model = create_clidriver().session.get_service_model("s3vectors")
    return {name: xform_name(name, "-") for name in model.operation_names}


say({"version": awscli.__version__, "operations": commands()})
for line in sys.stdin:
    request = json.loads(line)
    say(answered(request["arguments"], request.get("environment", {})))
