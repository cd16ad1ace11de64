"""Puts with aiobotocore, several requests in flight on one event loop."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Any

from aiobotocore.session import get_session  # type: ignore[import-not-found]
from loadtests.peers.programs.job import Job, measure


async def put_all(client: Any, job: Job, rows: list[list[float]]) -> None:
    """Put all batches; each worker takes the next one when it is free."""
    batches = job.batches(rows)

    async def worker() -> None:
        for batch in batches:
            await client.put_vectors(**job.address, vectors=batch)

    await asyncio.gather(*(worker() for _ in range(job.in_flight)))


async def main() -> None:
    job = Job.from_arguments()
    rows = job.read_rows()
    async with get_session().create_client("s3vectors") as client:
        with measure(version("aiobotocore")):
            await put_all(client, job, rows)


asyncio.run(main())
