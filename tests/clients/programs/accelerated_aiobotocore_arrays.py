"""Uses an accelerated aiobotocore client with what boto3 does not take: arrays of numpy. Prints JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np
import vecgate_source  # type: ignore[import-not-found] # noqa: F401 - makes the next imports possible
from aiobotocore.session import get_session  # type: ignore[import-not-found]
from botocore.exceptions import ParamValidationError

from vecgate.bulk.accelerate import accelerate


async def use(client: Any, address: dict[str, str]) -> dict[str, Any]:
    rows = np.array([[1.5, 2.5], [-1.5, 2.5]], dtype=np.float32)
    vectors = [
        {"key": f"row-{i}", "data": {"float32": row}, "metadata": {"i": i}} for i, row in enumerate(rows)
    ]
    await client.put_vectors(**address, vectors=vectors)
    keys = ["row-0", "row-1"]
    stored = await client.get_vectors(**address, keys=keys, returnData=True, returnMetadata=True)
    found = await client.query_vectors(**address, topK=1, queryVector={"float32": rows[1]})
    together = await asyncio.gather(*(client.get_vectors(**address, keys=[key]) for key in keys * 10))
    refused = ""
    try:
        await client.put_vectors(**address, vectors=[{"key": "n", "data": {"float32": [float("nan"), 1.0]}}])
    except ParamValidationError as error:
        refused = str(error)
    return {
        "stored": sorted(stored["vectors"], key=lambda vector: vector["key"]),
        "nearest": [vector["key"] for vector in found["vectors"]],
        "together": [answer["vectors"][0]["key"] for answer in together],
        "refused": refused,
    }


async def main(address: dict[str, str]) -> None:
    async with get_session().create_client("s3vectors") as client:
        same = accelerate(client)
        result = await use(same, address)
        print(json.dumps({**result, "isSame": same is client and accelerate(same) is client}))  # noqa: T201 - its answer


asyncio.run(main(json.loads(sys.argv[1])))
