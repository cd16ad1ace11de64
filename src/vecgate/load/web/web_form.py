"""Decides what the form that starts a run may set: never the target, a file, a price or a consent."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from vecgate.errors import UsageError, VecgateError
from vecgate.load.load_runner import SEPARATOR, parse_overrides
from vecgate.load.scenario.scenario_file import load_scenario, scenario_names

#: Options of vecgate that the form may set.
SETTABLE = frozenset({"vecgate_scenario", "vecgate_set", "vecgate_thresholds"})
#: Fields of Locust that the form may set: numbers, times, and the names of classes in the locustfile.
LOCUST_FIELDS = frozenset({"user_count", "spawn_rate", "run_time", "user_classes", "shape_class"})
#: Fields that Locust's page always sends. They may only repeat what they were.
UNCHANGED = frozenset({"host", "profile"})
PREFIX = "vecgate_"


def forbidden_fields(
    form: Mapping[str, str], current: Mapping[str, Any], *, shown: AbstractSet[str] = frozenset()
) -> list[str]:
    """Return the fields of *form* that it must not set.

    current  the options of the run by name
    shown    further options that the author of a locustfile shows in the form
    """
    allowed = SETTABLE | LOCUST_FIELDS | {name for name in shown if not name.startswith(PREFIX)}
    return [
        name
        for name, value in form.items()
        if name not in allowed and not (name in UNCHANGED and value in {"", str(current.get(name) or "")})
    ]


def check_scenario(form: Mapping[str, str], given: Mapping[str, Any]) -> None:
    """Check the scenario of *form*. Raises UsageError or ConfigError.

    given  the options on the command line, by name

    The scenario may be one that ships with vecgate or that of the command line, and may read no other files
    than that.
    """
    name = form.get("vecgate_scenario") or str(given["vecgate_scenario"])
    if name not in {*scenario_names(), given["vecgate_scenario"]}:
        names = ", ".join(scenario_names())
        raise UsageError(
            f"{name!r} is not a scenario that ships with vecgate", hint=f"The form takes {names}."
        )
    text = form.get("vecgate_set", "")
    if text == given["vecgate_set"]:
        return
    overrides = parse_overrides(each for each in text.split(SEPARATOR) if each.strip())
    # Before the scenario is loaded: that would read the files.
    if files := [key for key in overrides if _names_file(key)]:
        raise UsageError(f"the form cannot set {files[0]}", hint="Set it on the command line.")
    load_scenario(name, overrides)


def _names_file(key: str) -> bool:
    """Return whether the setting *key* of a scenario names a file, or a table with such a setting."""
    table, _, rest = key.partition(".")
    return table == "local" or (table == "vectors" and rest.partition(".")[0] in {"", "source"})


def message_of(error: VecgateError) -> str:
    """Return *error* and its hint in one line."""
    return f"{error}. {error.hint}".strip(". ") + "."
