from __future__ import annotations

import pytest

from vecgate.cli.index_location import IndexLocation, with_region_of
from vecgate.errors import UsageError
from vecgate.s3vectors.arn import IndexAddress
from vecgate.targets.target import TargetChoice

ARN = "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media/index/films"
NAMES = IndexAddress(bucket="media", index="films")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("media/films", IndexLocation(NAMES)),
        (ARN, IndexLocation(IndexAddress(arn=ARN), region="eu-west-1")),
        ("http://127.0.0.1:7333/media/films", IndexLocation(NAMES, "http://127.0.0.1:7333")),
        ("https://a.example/proxy/s3/media/films/", IndexLocation(NAMES, "https://a.example/proxy/s3")),
    ],
)
def test_an_index_is_named_in_one_word(text: str, expected: IndexLocation) -> None:
    """By names, by ARN, or by a URL that ends with both names."""
    assert IndexLocation.parse(text) == expected


@pytest.mark.parametrize("text", ["media", "", "media/", "/films", "a/b/c", "http://127.0.0.1:7333", "http://a/films", "arn:aws:s3:::x"])  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    """With the forms that are allowed."""
    with pytest.raises(UsageError, match=r"does not name an index|is not the ARN of an index"):
        IndexLocation.parse(text)


def test_a_location_chooses_its_target() -> None:
    """One that an option contradicts is refused; the user and the password of a URL stay out of the message."""
    by_url = IndexLocation.parse("http://user:secret-1234@127.0.0.1:7333/media/films")
    assert by_url.target_choice(TargetChoice()).name == "http://user:secret-1234@127.0.0.1:7333"
    with pytest.raises(UsageError, match="a target is named twice") as caught:
        by_url.target_choice(TargetChoice("aws"))
    assert "secret" not in str(caught.value)
    by_arn = IndexLocation.parse(ARN)
    assert by_arn.target_choice(TargetChoice("aws")) == TargetChoice("aws", "eu-west-1")
    assert by_arn.target_choice(TargetChoice("aws", "eu-west-1")) == TargetChoice("aws", "eu-west-1")
    with pytest.raises(UsageError, match="the ARN is in eu-west-1, and the option says us-east-1"):
        by_arn.target_choice(TargetChoice("aws", "us-east-1"))


def test_an_arn_gives_the_region_that_no_option_gives() -> None:
    """A name has none."""
    assert with_region_of(ARN, TargetChoice("aws")).region == "eu-west-1"
    assert with_region_of(ARN, TargetChoice("aws", "us-east-1")).region == "us-east-1"
    assert with_region_of("films", TargetChoice("aws")).region == ""
    assert with_region_of("arn:aws", TargetChoice("aws")).region == ""
