from __future__ import annotations

import pytest

from vecgate.bulk.core.record_validation import IndexRules
from vecgate.bulk.index_settings import IndexSettings, TextSearch

KEY = "arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
WHOLE = IndexSettings(
    IndexRules(4, "euclidean", frozenset({"b", "a"})),
    (TextSearch("title", "en"), TextSearch("text")),
    KEY,
    "ENHANCED",
)


def test_settings_have_the_names_of_the_service_and_come_back() -> None:
    """The mode is that of the bucket, so it is not requested; tags are requested and not described."""
    assert WHOLE.to_dict() == {
        "dataType": "float32",
        "dimension": 4,
        "distanceMetric": "euclidean",
        "metadataConfiguration": {
            "nonFilterableMetadataKeys": ["a", "b"],
            "textSearchConfigurations": [{"metadataKey": "title", "language": "en"}, {"metadataKey": "text"}],
        },
        "encryptionConfiguration": {"sseType": "aws:kms", "kmsKeyArn": KEY},
        "indexMode": "ENHANCED",
    }
    assert IndexSettings.from_response(WHOLE.to_dict()) == WHOLE
    plain = IndexSettings(IndexRules(2, "cosine"), tags={"team": "a"})
    assert plain.creation_members() == {
        "dataType": "float32",
        "dimension": 2,
        "distanceMetric": "cosine",
        "tags": {"team": "a"},
    }
    assert "indexMode" not in WHOLE.creation_members()
    assert list(map(str, WHOLE.text_search)) == ["title:en", "text"]
    assert list(WHOLE.problems()) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (IndexSettings(IndexRules(0, "cosine")), "the vectors have 0 dimensions; an index has 1 to 4,096"),
        (IndexSettings(IndexRules(2, "dot")), "'dot' is no distance metric; use euclidean or cosine"),
        (IndexSettings(IndexRules(2, "cosine", frozenset(map(str, range(11))))), "11 non-filterable metadata keys"),
        (IndexSettings(IndexRules(2, "cosine", frozenset({"x" * 64}))), "the non-filterable metadata key 'xxx"),
        (IndexSettings(IndexRules(2, "cosine"), tuple(TextSearch(f"k{n}") for n in range(11))), "11 metadata keys with text search"),
        (IndexSettings(IndexRules(2, "cosine"), (TextSearch(""),)), "the text search metadata key '' has 0 characters"),
        (IndexSettings(IndexRules(2, "cosine"), (TextSearch("a", "xx"),)), "'xx' is no language of text search"),
    ],
)  # fmt: skip
def test_settings_that_the_service_would_refuse_are_named(settings: IndexSettings, said: str) -> None:
    """Before a request."""
    (problem,) = settings.problems()
    assert problem.startswith(said)
