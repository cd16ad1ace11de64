import asyncio

import boto3
import pytest


async def save(name):
    await asyncio.to_thread(boto3.client("s3vectors").create_vector_bucket, vectorBucketName=name)


@pytest.mark.vecgate
def test_tasks_at_the_same_time():
    async def save_all():
        await asyncio.gather(*(save(f"bucket-{number}") for number in range(5)))
        return await asyncio.to_thread(boto3.client("s3vectors").list_vector_buckets)

    assert len(asyncio.run(save_all())["vectorBuckets"]) == 5
