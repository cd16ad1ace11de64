"""Helpers for tests of journals."""

from __future__ import annotations

from vecgate.bulk.journal import JournalIdentity


def journal_identity(
    input_: str = "source", index: str = "media/films", operation: str = "PutVectors", **other: str
) -> JournalIdentity:
    """Return an identity whose other members are as a test does not care about."""
    members = {"endpoint": "", "created": "", "mapping": "as given", **other}
    return JournalIdentity(index=index, operation=operation, input=input_, **members)
