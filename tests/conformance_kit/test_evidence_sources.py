from __future__ import annotations

from vecgate.conformance_kit import evidence_sources as sources


def test_every_source_is_a_public_page() -> None:
    """Every source is a unique https URL."""
    named = {name: value for name, value in vars(sources).items() if name.isupper()}
    assert len(named) > 30
    assert all(value.startswith("https://") and "//" not in value[8:] for value in named.values())
    assert len(set(named.values())) == len(named)
    assert sources.api("PutVectors").endswith("/API_S3VectorBuckets_PutVectors.html")
    assert sources.probe("tag-rules").endswith("/docs/evidence/tag-rules.md")
