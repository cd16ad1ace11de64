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
        for name, value in (("bucket", bucket), ("index", index)):
            if not isinstance(value, str):
                raise UsageError(f"{name} must be a name, but is of type {type(value).__name__}")
        if index.startswith("arn:"):
            if not re.fullmatch(shapes()["IndexArn"]["pattern"], index):
                raise UsageError(
                    f"{index!r} is not the ARN of an index",
                    hint="The form is arn:aws:s3vectors:REGION:ACCOUNT:bucket/BUCKET/index/INDEX.",
                )
            return cls(arn=index)
        if bucket.startswith("arn:") and index:
            return cls.parse(index=f"{BucketAddress.parse(bucket).arn}/index/{index}")
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


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """The address of a vector bucket: its name or its ARN."""

    name: str = ""
    arn: str = ""

    @classmethod
    def parse(cls, text: str) -> BucketAddress:
        """Return the address in *text*, a name or an ARN. Raises UsageError if it is neither."""
        if not text:
            raise UsageError("no bucket is named", hint="Name it with --bucket, or give its ARN.")
        if not text.startswith("arn:"):
            return cls(name=text)
        if not re.fullmatch(shapes()["VectorBucketArn"]["pattern"], text):
            raise UsageError(
                f"{text!r} is not the ARN of a vector bucket",
                hint="The form is arn:aws:s3vectors:REGION:ACCOUNT:bucket/BUCKET.",
            )
        return cls(arn=text)

    def members(self) -> dict[str, str]:
        """Return the address as members of a request."""
        return {"vectorBucketArn": self.arn} if self.arn else {"vectorBucketName": self.name}

    @property
    def bucket_name(self) -> str:
        """The name of the bucket, from either form."""
        return self.arn.rsplit(":bucket/", 1)[1] if self.arn else self.name

    def __str__(self) -> str:
        return self.bucket_name


def bucket_arn(bucket: str, *, region: str, account: str, partition: str = "aws") -> str:
    """Return the ARN of a vector bucket."""
    return f"arn:{partition}:s3vectors:{region}:{account}:bucket/{bucket}"


def index_arn(bucket: str, index: str, *, region: str, account: str, partition: str = "aws") -> str:
    """Return the ARN of an index."""
    return f"{bucket_arn(bucket, region=region, account=account, partition=partition)}/index/{index}"
