"""The names that fields and values had in schema version 1, and their names today.

Every reader of streams uses this table. A field that was lost on the way could turn a failed run into a
passed one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: Tag of a record to the old names of its fields.
RENAMED_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "header": {"lacking": "unsupported", "unlisted": "missing_core"},
    "footer": {"left_out": "deselected", "stale": "stale_deviations", "leaks": "orphaned"},
    "plan": {"start_within_s": "start_deadline_s", "usd_before": "preload_usd"},
    "trial": {"is_invalid": "is_inconclusive"},
    "bulk-totals": {"set_aside": "rejected", "causes": "reject_causes"},
}
#: Old values of fields, by the tag of the record and the (new) name of the field.
RENAMED_VALUES: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "requirement": {"outcome": {"outgrown": "unexpected-pass"}},
    "verdict": {"grade": {"unjudged": "inconclusive"}},
    "check": {"grade": {"unjudged": "inconclusive"}},
}
#: Old keys of the options in a header.
RENAMED_OPTIONS: Final[Mapping[str, str]] = {"visits": "runs"}


def upgrade_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record of schema 1 as one of today. Records of today are returned as they are."""
    tag = record.get("record", "")
    upgraded = _renamed(tag, record)
    if tag == "header" and isinstance(upgraded.get("options"), dict):
        options = upgraded["options"]
        upgraded["options"] = {RENAMED_OPTIONS.get(key, key): value for key, value in options.items()}
    if tag == "verdict" and isinstance(upgraded.get("checks"), list):
        checks = upgraded["checks"]
        upgraded["checks"] = [_renamed("check", each) if isinstance(each, dict) else each for each in checks]
    return upgraded


def _renamed(tag: str, record: Mapping[str, Any]) -> dict[str, Any]:
    fields = RENAMED_FIELDS.get(tag, {})
    renamed = {fields.get(name, name): value for name, value in record.items()}
    for name, values in RENAMED_VALUES.get(tag, {}).items():
        if isinstance(value := renamed.get(name), str):
            renamed[name] = values.get(value, value)
    return renamed
