"""The settings with which an index is created, as the service, an exported file and the command line give
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from vecgate.bulk.core.record_validation import IndexRules
from vecgate.s3vectors.limits import (
    DIMENSION_MAX,
    NON_FILTERABLE_KEY_LENGTH_MAX,
    NON_FILTERABLE_KEYS_MAX,
)
from vecgate.s3vectors.model import constraint, shapes

METRICS = tuple(shapes()["DistanceMetric"]["enum"])
LANGUAGES = tuple(shapes()["LanguageCode"]["enum"])
TEXT_SEARCH_KEYS_MAX = constraint("MetadataConfigurationTextSearchConfigurationsList", "max")
#: Entry of the schema of an exported file that has the settings of its index, as JSON.
SCHEMA_ENTRY = b"vecgate.index"


@dataclass(frozen=True, slots=True)
class TextSearch:
    """A metadata key with full-text search. *language* is empty for the standard analyzer."""

    key: str
    language: str = ""

    def __str__(self) -> str:
        return f"{self.key}:{self.language}" if self.language else self.key


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """The settings of an index.

    rules        that its vectors must meet
    text_search  metadata keys with full-text search
    kms_key      ARN of the key that encrypts it; empty for the default of its bucket, or for keys of S3
    mode         CLASSIC or ENHANCED, empty if the service does not say; new indexes get that of the bucket
    tags         of a new index; they are not part of the description of an index
    """

    rules: IndexRules
    text_search: tuple[TextSearch, ...] = ()
    kms_key: str = ""
    mode: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_response(cls, index: Mapping[str, Any]) -> IndexSettings:
        """Return the settings in the `index` of a response of GetIndex, or of `to_dict`.

        Raises KeyError, TypeError, ValueError or AttributeError if it does not describe an index.
        """
        configuration = index.get("metadataConfiguration") or {}
        rules = IndexRules(
            dimension=int(index["dimension"]),
            metric=str(index["distanceMetric"]),
            non_filterable=frozenset(map(str, configuration.get("nonFilterableMetadataKeys") or ())),
        )
        text_search = tuple(
            TextSearch(str(each["metadataKey"]), str(each.get("language") or ""))
            for each in configuration.get("textSearchConfigurations") or ()
        )
        encryption = index.get("encryptionConfiguration") or {}
        return cls(
            rules, text_search, str(encryption.get("kmsKeyArn") or ""), str(index.get("indexMode") or "")
        )

    def to_dict(self) -> dict[str, object]:
        """Return the settings with the names of the service."""
        found: dict[str, object] = {
            "dataType": "float32",
            "dimension": self.rules.dimension,
            "distanceMetric": self.rules.metric,
        }
        configuration: dict[str, object] = {}
        if self.rules.non_filterable:
            configuration["nonFilterableMetadataKeys"] = sorted(self.rules.non_filterable)
        if self.text_search:
            configuration["textSearchConfigurations"] = [
                {"metadataKey": each.key, **({"language": each.language} if each.language else {})}
                for each in self.text_search
            ]
        if configuration:
            found["metadataConfiguration"] = configuration
        if self.kms_key:
            found["encryptionConfiguration"] = {"sseType": "aws:kms", "kmsKeyArn": self.kms_key}
        return found | ({"indexMode": self.mode} if self.mode else {})

    def creation_members(self) -> dict[str, object]:
        """Return the members of a CreateIndex request, without the address."""
        members = {name: value for name, value in self.to_dict().items() if name != "indexMode"}
        return members | ({"tags": dict(self.tags)} if self.tags else {})

    def problems(self) -> Iterator[str]:
        """Yield why the service would not create this index."""
        rules = self.rules
        if not 1 <= rules.dimension <= DIMENSION_MAX:
            yield f"the vectors have {rules.dimension:,} dimensions; an index has 1 to {DIMENSION_MAX:,}"
        if rules.metric not in METRICS:
            yield f"{rules.metric!r} is no distance metric; use {' or '.join(METRICS)}"
        if len(rules.non_filterable) > NON_FILTERABLE_KEYS_MAX:
            yield (
                f"{len(rules.non_filterable)} non-filterable metadata keys; "
                f"an index has at most {NON_FILTERABLE_KEYS_MAX}"
            )
        yield from _key_problems("non-filterable", sorted(rules.non_filterable))
        if len(self.text_search) > TEXT_SEARCH_KEYS_MAX:
            yield (
                f"{len(self.text_search)} metadata keys with text search; "
                f"an index has at most {TEXT_SEARCH_KEYS_MAX}"
            )
        yield from _key_problems("text search", [each.key for each in self.text_search])
        for each in self.text_search:
            if each.language and each.language not in LANGUAGES:
                yield f"{each.language!r} is no language of text search; use {', '.join(LANGUAGES)}"


def settings_in_files(paths: list[Path]) -> IndexSettings | None:
    """Return the settings that `scan` stored in all of these parquet or Arrow files, None without any.

    A file that cannot be read has none: reading its records says what is wrong with it.
    """
    found = [_settings_in_file(path) for path in paths]
    return found[0] if found and found.count(found[0]) == len(found) else None


def _key_problems(kind: str, keys: list[str]) -> Iterator[str]:
    for key in keys:
        if not 1 <= len(key) <= NON_FILTERABLE_KEY_LENGTH_MAX:
            yield (
                f"the {kind} metadata key {key[:80]!r} has {len(key)} characters; "
                f"allowed are 1 to {NON_FILTERABLE_KEY_LENGTH_MAX}"
            )


def _settings_in_file(path: Path) -> IndexSettings | None:
    if path.suffix not in {".parquet", ".pq", ".arrow", ".feather", ".ipc"} or not path.is_file():
        return None
    # Imported here, because pyarrow is slow to import.
    import pyarrow as pa  # noqa: PLC0415 - as above
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    try:
        if path.suffix in {".parquet", ".pq"}:
            schema = pq.read_schema(path)
        else:
            with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
                schema = reader.schema
        text = (schema.metadata or {}).get(SCHEMA_ENTRY)
        return None if text is None else IndexSettings.from_response(orjson.loads(text))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError):
        return None
