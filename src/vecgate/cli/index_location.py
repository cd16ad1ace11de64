"""An index on the command line in one word: `bucket/index`, an ARN, or a URL that ends with both names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vecgate.errors import UsageError
from vecgate.s3vectors.arn import IndexAddress

if TYPE_CHECKING:
    from vecgate.targets.target import TargetChoice

#: Position of the region in an ARN.
_REGION_PART = 3


def with_region_of(text: str, choice: TargetChoice) -> TargetChoice:
    """Return *choice* with the region of *text* if that is an ARN and the user named no region."""
    is_arn = text.startswith("arn:") and text.count(":") > _REGION_PART
    return replace(choice, region=text.split(":")[_REGION_PART]) if is_arn and not choice.region else choice


@dataclass(frozen=True, slots=True)
class IndexLocation:
    """An index, and the target that its location names.

    url     of the target; empty if the location has none
    region  of the ARN, likewise
    """

    address: IndexAddress
    url: str = ""
    region: str = ""

    @classmethod
    def parse(cls, text: str) -> IndexLocation:
        """Parse *text*. Raises UsageError."""
        if text.startswith("arn:"):
            return cls(IndexAddress.parse(index=text), region=text.split(":")[_REGION_PART])
        url, names = "", text
        if "://" in text:
            parts = urlsplit(text)
            *prefix, bucket, index = ["", *parts.path.strip("/").split("/")]
            names = f"{bucket}/{index}"
            url = f"{parts.scheme}://{parts.netloc}{''.join(f'/{each}' for each in prefix if each)}"
        bucket, slash, index = names.partition("/")
        if not (bucket and slash and index) or "/" in index:
            raise UsageError(
                f"{names!r} does not name an index",
                hint="Use BUCKET/INDEX, an ARN, or a URL such as http://127.0.0.1:8765/BUCKET/INDEX.",
            )
        return cls(IndexAddress.parse(bucket=bucket, index=index), url)

    def target_choice(self, choice: TargetChoice) -> TargetChoice:
        """Return *choice* with the target and the region that the location names.

        Raises UsageError if they contradict each other.
        """
        if self.url and choice.name:
            raise UsageError(
                "a target is named twice: in the URL of the index and by an option",
                hint="Leave out one of them.",
            )
        if self.region and choice.region and self.region != choice.region:
            raise UsageError(
                f"the ARN is in {self.region}, and the option says {choice.region}",
                hint="Leave out the option for a region.",
            )
        return replace(choice, name=self.url or choice.name, region=self.region or choice.region)
