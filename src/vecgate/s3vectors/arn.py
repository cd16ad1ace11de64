"""Addresses of vector buckets and indexes: by name, or by ARN."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vecgate.errors import UsageError
from vecgate.s3vectors.model import shapes


@dataclass(frozen=True, slots=True)
class IndexAddress:
    """The address of an index: the names of its bucket and of the index, or its ARN alone."""

    bucket: str = ""
    index: str = ""
    arn: str = ""

    @classmethod
    def parse(cls, *, bucket: str = "", index: str = "") -> IndexAddress:
        """Return the address of *index*, a name (which needs a *bucket*) or an ARN.

        Raises UsageError if neither form is complete.
        """
        if index.startswith("arn:"):
            if not re.fullmatch(shapes()["IndexArn"]["pattern"], index):
                raise UsageError(
                    f"{index!r} is not the ARN of an index",
                    hint="The form is arn:aws:s3vectors:REGION:ACCOUNT:bucket/BUCKET/index/INDEX.",
                )
            return cls(arn=index)
        if not bucket or not index:
            missing = "bucket" if index else "index"
            raise UsageError(
                f"no {missing} is named", hint="Name the bucket and the index, or give the ARN of the index."
            )
        return cls(bucket=bucket, index=index)

    def members(self) -> dict[str, str]:
        """Return the address as members of a request."""
        if self.arn:
            return {"indexArn": self.arn}
        return {"vectorBucketName": self.bucket, "indexName": self.index}

    @property
    def bucket_name(self) -> str:
        """The name of the bucket, from either form."""
        return self.arn.split(":bucket/")[1].split("/index/")[0] if self.arn else self.bucket

    @property
    def index_name(self) -> str:
        """The name of the index, from either form."""
        return self.arn.rsplit("/index/", 1)[1] if self.arn else self.index

    def __str__(self) -> str:
        return f"{self.bucket_name}/{self.index_name}"


def bucket_arn(bucket: str, *, region: str, account: str, partition: str = "aws") -> str:
    """Return the ARN of a vector bucket."""
    return f"arn:{partition}:s3vectors:{region}:{account}:bucket/{bucket}"


def index_arn(bucket: str, index: str, *, region: str, account: str, partition: str = "aws") -> str:
    """Return the ARN of an index."""
    return f"{bucket_arn(bucket, region=region, account=account, partition=partition)}/index/{index}"
