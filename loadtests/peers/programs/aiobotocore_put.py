"""aiobotocore, with several requests in flight on one loop."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Any

from aiobotocore.session import get_session  # type: ignore[import-not-found]
from loadtests.peers.programs.job import Job, measured


async def put_all(client: Any, job: Job, rows: list[list[float]]) -> None:
    """Take the next batch wherever one is done."""
    batches = job.batches(rows)

    async def worker() -> None:
        for batch in batches:
            await client.put_vectors(**job.address, vectors=batch)

    await asyncio.gather(*(worker() for _ in range(job.in_flight)))


async def main() -> None:
    job = Job.given()
    rows = job.values()
    async with get_session().create_client("s3vectors") as client:
        with measured(version("aiobotocore")):
            await put_all(client, job, rows)


asyncio.run(main())
