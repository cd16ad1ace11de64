"""Answers of databases that say themselves that they are a part: a page, or what a failed shard left over.

Members beside the list of records say so. Several pages may be whole together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vecgate.errors import SourceError
from vecgate.formatting import format_count

#: Paths of the number of all records, in answers of OpenSearch and Elasticsearch, Solr, Weaviate and Azure.
_TOTALS = ("hits.total", "hits.total.value", "response.numFound", "totalResults", "@odata.count")
#: The total is a lower bound if this is "gte".
_RELATION = "hits.total.relation"
#: Paths of what leads to the next page, if it is not null, in answers of Pinecone and of web frameworks.
_NEXT_PATHS = frozenset({"pagination.next", "next"})
#: Names of the same anywhere, in answers of Qdrant, Vespa, Azure and Amazon.
_NEXT_NAMES = frozenset({
    *("next_page_offset", "next_page_token", "next_token", "next_cursor", "has_more", "continuation"),
    *("nextPageToken", "nextToken", "NextToken", "nextCursor", "hasMore", "@odata.nextLink"),
})  # fmt: skip
_FAILED_NAMES = frozenset({"timed_out", "terminated_early", "partialResults"})
_FAILED_PATHS = frozenset({"_shards.failed"})
_PATHS = (*_TOTALS, _RELATION, *_NEXT_PATHS, *_FAILED_PATHS)
#: The names of all these members.
NAMES = frozenset(
    name.encode()
    for name in (*_PATHS, *(path.rpartition(".")[2] for path in _PATHS), *_NEXT_NAMES, *_FAILED_NAMES)
)
#: The list of a GraphQL answer in which it says what failed.
ERRORS = "errors"


class PartialAnswer(SourceError):
    """A document says itself that it does not have all records.

    count        the records that it has
    total        the records that there are at least, 0 if it does not say
    is_page      others follow it
    """

    def __init__(self, message: str, *, count: int, total: int = 0, is_page: bool = False) -> None:
        super().__init__(message, hint="Fetch the others, and put all pages together: a folder of files.")
        self.count, self.total, self.is_page = count, total, is_page


def check_whole(name: str, members: Mapping[str, object], count: int) -> None:
    """Raise PartialAnswer if *members* of the document *name* say that *count* records are not all."""
    for path, value in members.items():
        if _is_named(path, _FAILED_NAMES, _FAILED_PATHS) and value:
            raise PartialAnswer(_message(name, path, value), count=count)
        if _is_named(path, _NEXT_NAMES, _NEXT_PATHS) and not (value is None or value is False or value == ""):
            raise PartialAnswer(_message(name, path, value), count=count, is_page=True)
    for path in _TOTALS:
        value = members.get(path)
        least = value + (members.get(_RELATION) == "gte") if isinstance(value, int) else 0
        if least > count:
            found = f"{_message(name, path, value)}, but it has {format_count(count, 'record')}"
            raise PartialAnswer(found, count=count, total=least)


def check_together(parts: Sequence[PartialAnswer], others: int) -> None:
    """Raise one of *parts*, unless their files and the *others* beside them are whole together."""
    for part in parts:
        if not (part.is_page or part.total):
            raise part
    pages = [part for part in parts if part.is_page]
    if pages and not others + len(parts) - len(pages):
        # None of them is the last one.
        raise pages[-1]
    counted = [part for part in parts if part.total]
    if counted and sum(part.count for part in counted) < max(part.total for part in counted):
        raise counted[0]


def _is_named(path: str, names: frozenset[str], paths: frozenset[str]) -> bool:
    return path in paths or path in names or path.rpartition(".")[2] in names


def _message(name: str, path: str, value: object) -> str:
    shown = f"{value:,}" if type(value) is int else str(value).lower() if value is True else repr(value)
    return f'{name} says itself that it is a part: "{path}" is {shown}'
