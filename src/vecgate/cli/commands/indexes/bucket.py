"""`vecgate bucket`: lists, describes, creates and deletes vector buckets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
import orjson

from vecgate.cli.confirmation import confirm
from vecgate.cli.index_location import with_region_of
from vecgate.cli.options import open_chosen_target, output_options, print_status, target_options
from vecgate.errors import IndexUnusable, ServiceError, UsageError
from vecgate.s3vectors.arn import BucketAddress, IndexAddress

if TYPE_CHECKING:
    from vecgate.bulk.transport.sender import Sender
    from vecgate.targets.target import TargetChoice

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def bucket() -> None:
    """List, describe, create and delete vector buckets.

    \b
    vecgate bucket list --target aws
    vecgate bucket create --target aws --bucket media --tag team=search
    """  # noqa: D301 - click reads the backspace


def _bucket_option(command: F) -> F:
    return click.option("--bucket", default="", metavar="NAME", help="Vector bucket, by name or ARN.")(
        command
    )


@bucket.command("list")
@click.option("--prefix", default="", metavar="PREFIX", help="Only buckets whose names start with this.")
@target_options
@output_options
def list_(prefix: str, choice: TargetChoice, as_json: bool, quiet: bool) -> None:
    """List the vector buckets of the account and region.

    \b
    vecgate bucket list --target aws --region eu-west-1
    vecgate bucket list --target aws --prefix media --json
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.index_admin import list_buckets
    from vecgate.cli.commands.indexes.index import print_entries

    del quiet  # nothing but the result is printed
    with open_chosen_target(choice) as target, target.sender() as sender:
        entries = list(list_buckets(sender, prefix=prefix))
    print_entries("buckets", [(entry.name, entry.arn, entry.created) for entry in entries], as_json=as_json)


@bucket.command()
@_bucket_option
@target_options
@output_options
def describe(bucket: str, choice: TargetChoice, as_json: bool, quiet: bool) -> None:
    """Show the settings of a bucket and the number of its indexes.

    \b
    vecgate bucket describe --target aws --bucket media
    vecgate bucket describe --target aws --bucket media --json
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.index_admin import list_indexes
    from vecgate.cli.commands.indexes.index import print_facts

    del quiet  # nothing but the result is printed
    address = BucketAddress.parse(bucket)
    with open_chosen_target(with_region_of(bucket, choice)) as target, target.sender() as sender:
        facts = _facts(sender, address)
        facts["indexes"] = sum(1 for _ in list_indexes(sender, address))
    print_facts(facts, as_json=as_json)


@bucket.command()
@_bucket_option
@target_options
@click.option("--kms-key", default="", metavar="ARN", help="Encrypt its indexes with this key by default.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag the bucket. Repeatable.")
@output_options
def create(
    bucket: str, choice: TargetChoice, kms_key: str, tags: Sequence[str], as_json: bool, quiet: bool
) -> None:
    """Create a vector bucket.

    \b
    vecgate bucket create --target aws --bucket media
    vecgate bucket create --target aws --bucket media --tag team=search --tag stage=test
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.core.body_encoding import Body
    from vecgate.bulk.index_setup import CONFLICT, bucket_name_problem
    from vecgate.bulk.transport.retried_call import call_with_retries
    from vecgate.cli.commands.indexes.index import parse_tags, print_facts

    del quiet  # nothing but the result is printed
    address = BucketAddress.parse(bucket)
    if address.arn:
        raise UsageError("a bucket is created by name, not by ARN", hint="Give its name with --bucket.")
    if problem := bucket_name_problem(bucket):
        raise UsageError(problem)
    members: dict[str, object] = dict(address.members())
    if kms_key:
        members["encryptionConfiguration"] = {"sseType": "aws:kms", "kmsKeyArn": kms_key}
    if tags:
        members["tags"] = parse_tags(tags)
    with open_chosen_target(with_region_of(bucket, choice)) as target, target.sender() as sender:
        try:
            call_with_retries(sender, "CreateVectorBucket", Body.of(orjson.dumps(members)))
        except ServiceError as error:
            if error.status != CONFLICT:
                raise
            raise IndexUnusable(
                f"the bucket {bucket} exists", hint="`vecgate bucket describe` shows its settings."
            ) from error
        facts = _facts(sender, address)
    print_facts(facts, as_json=as_json)


@bucket.command()
@_bucket_option
@target_options
@click.option("--with-indexes", is_flag=True, help="Also delete its indexes with all of their vectors.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@output_options
def delete(
    bucket: str, choice: TargetChoice, with_indexes: bool, yes: bool, as_json: bool, quiet: bool
) -> None:
    """Delete a vector bucket, which must have no index unless --with-indexes is given.

    \b
    vecgate bucket delete --target aws --bucket media
    vecgate bucket delete --target aws --bucket media --with-indexes --yes
    """  # noqa: D301 - click reads the backspace
    from vecgate.bulk.core.body_encoding import encode_request
    from vecgate.bulk.index_admin import call_on_bucket, describe_bucket, list_indexes
    from vecgate.bulk.transport.retried_call import call_with_retries
    from vecgate.cli.commands.indexes.index import print_deleted

    address = BucketAddress.parse(bucket)
    with open_chosen_target(with_region_of(bucket, choice)) as target, target.sender() as sender:
        describe_bucket(sender, address)
        indexes = list(list_indexes(sender, address))
        text = _index_count(len(indexes))
        if indexes and not with_indexes:
            raise UsageError(
                f"the bucket {address} has {text}, such as {indexes[0].name}",
                hint="Delete them too with --with-indexes.",
            )
        if not yes:
            contents = f" and its {text} with all of their vectors" if indexes else ""
            confirm(f"Delete the bucket {address}{contents} at {target}?")
        for entry in indexes:
            # By ARN if there is one: the bucket of this name may be another one in another account.
            names = IndexAddress(bucket=address.bucket_name, index=entry.name)
            index = IndexAddress(arn=entry.arn) if entry.arn else names
            call_with_retries(sender, "DeleteIndex", encode_request(index))
            print_status(f"index {index} deleted", quiet=quiet)
        call_on_bucket(sender, "DeleteVectorBucket", address)
    print_deleted("bucket", str(address), as_json=as_json)


def _facts(sender: Sender, address: BucketAddress) -> dict[str, object]:
    from vecgate.bulk.index_admin import created_time, describe_bucket

    found = describe_bucket(sender, address)
    encryption = found.get("encryptionConfiguration") or {}
    return {
        "bucket": found.get("vectorBucketName", str(address)),
        "arn": found.get("vectorBucketArn", ""),
        "created": created_time(found.get("creationTime")),
        "kms_key": encryption.get("kmsKeyArn", ""),
        "mode": found.get("defaultIndexMode", ""),
    }


def _index_count(number: int) -> str:
    return f"{number:,} {'index' if number == 1 else 'indexes'}"
