"""The same program as `aiobotocore_lines`, with accelerated clients."""

from __future__ import annotations

from typing import Any

import vecgate_source  # type: ignore[import-not-found] # noqa: F401 - makes the next import possible
from aiobotocore.session import AioSession  # type: ignore[import-not-found]

from vecgate.bulk.accelerate import accelerate

_create_client = AioSession._create_client


async def _create_accelerated(session: Any, *arguments: Any, **options: Any) -> Any:
    return accelerate(await _create_client(session, *arguments, **options))


AioSession._create_client = _create_accelerated

import aiobotocore_lines  # type: ignore[import-not-found] # noqa: E402, F401 - runs the program
