"""Check the names or the ARN of the user's index, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator

from vecgate.bulk.index_setup import INDEX_NAME, bucket_name_problem
from vecgate.diagnostics.diagnostic import Diagnostic
from vecgate.s3vectors.arn import IndexAddress

CHECK = "index"


def check_address(address: IndexAddress, *, region: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with *address*: its names, or the region of its ARN."""
    if address.arn:
        in_region = address.arn.split(":")[3]
        if in_region != region:
            message = f"the ARN is of {in_region}, but requests go to {region}"
            yield Diagnostic(
                CHECK, "failed", message, f"Use --region {in_region}, or the ARN of another index."
            )
            return
        yield Diagnostic(CHECK, "ok", f"{address}, by its ARN")
        return
    problems = [bucket_name_problem(address.bucket)] if address.bucket else []
    if not INDEX_NAME.fullmatch(address.index):
        problems.append(f"{address.index!r} cannot name an index")
    problem = "; ".join(filter(None, problems))
    hint = "No bucket or index can have such a name: check --bucket and --index." if problem else ""
    yield Diagnostic(CHECK, "failed" if problem else "ok", problem or str(address), hint)
