"""Reads a scenario, which is a load test as data: requests, their schedule, and thresholds.

A scenario is a TOML file: one that ships with vecgate, by name, or any other, by path. docs/scenarios.md
describes every key. All problems of a file are reported at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import inf
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from vecgate.errors import ConfigError
from vecgate.load.scenario.contradictions import find_contradictions
from vecgate.load.scenario.scenario_spec import (
    SYNTHETIC,
    LocalSpec,
    QuerySpec,
    Scenario,
    SweepSpec,
    ThresholdSpec,
    VectorsSpec,
)
from vecgate.load.scenario.stage_entries import StageScale, parse_stages
from vecgate.toml_schema import (
    Parser,
    Problems,
    is_list,
    item_path,
    join_path,
    parse_table,
    read_toml,
    suggest,
)

__all__ = [
    "LocalSpec",
    "QuerySpec",
    "Scenario",
    "SweepSpec",
    "ThresholdSpec",
    "VectorsSpec",
    "load_scenario",
    "scenario_names",
]

SUFFIX = ".toml"
OPERATIONS = ("PutVectors", "QueryVectors", "GetVectors", "ListVectors", "DeleteVectors")
#: Overrides that are not keys of a file: factors for all rates and all times of the stages.
SCALES = {"stages.rate": "rate", "stages.duration": "duration"}


def scenario_names() -> list[str]:
    """Return the names of the scenarios that ship with vecgate."""
    return sorted(path.stem for path in _folder().glob(f"*{SUFFIX}"))


def load_scenario(name_or_path: str, overrides: Mapping[str, str] = MappingProxyType({})) -> Scenario:
    """Load one of `scenario_names`, or the TOML file at a path.

    overrides  value by key, such as `vectors.dimension`; `stages.rate` and `stages.duration` are factors that
               multiply all rates and all times of the stages

    Raises ConfigError, which lists all problems.
    """
    path, problems = _find(name_or_path), Problems()
    content = _apply_overrides(read_toml(path), overrides, problems)
    factors = {SCALES[key]: _parse_value(text) for key, text in overrides.items() if key in SCALES}
    scale = parse_table(StageScale, factors, "stages", problems) or StageScale()
    parsers: dict[str, Parser] = {
        "operations": _parse_operations,
        "stages": partial(parse_stages, scale=scale),
        "thresholds": _parse_thresholds,
    }
    scenario = parse_table(Scenario, {"name": path.stem, **content}, "", problems, parsers)
    assert scenario is not None  # every member has a default
    scenario = _resolve_files(scenario, path.parent, problems)
    find_contradictions(scenario, problems)
    problems.raise_if_any(name_or_path, hint="docs/scenarios.md has every key.")
    return scenario


def _find(name_or_path: str) -> Path:
    path, names = Path(name_or_path), scenario_names()
    if name_or_path in names:
        return _folder() / f"{name_or_path}{SUFFIX}"
    if path.suffix == SUFFIX or path.is_file():
        return path
    raise ConfigError(
        f"{name_or_path!r} is neither a scenario nor a file, {suggest(name_or_path, names)}",
        hint=f"Scenarios are {', '.join(names)}; the name of a file ends with {SUFFIX}.",
    )


def _folder() -> Path:
    """Return the folder of the scenarios: inside the wheel, or beside `src` in a checkout."""
    package = Path(__file__).parents[2]
    folders = [root / "loadtests" / "scenarios" for root in (package, package.parents[1])]
    return next((folder for folder in folders if folder.is_dir()), folders[0])


def _apply_overrides(
    content: dict[str, Any], overrides: Mapping[str, str], problems: Problems
) -> dict[str, Any]:
    for key, text in overrides.items():
        *path, name = key.split(".")
        parent: Any = content
        for each in path:
            parent = parent.setdefault(each, {}) if isinstance(parent, dict) else None
        if isinstance(parent, dict):
            parent[name] = _parse_value(text)
        elif key not in SCALES:
            problems.add(key, f"cannot be set, {suggest(key, SCALES)}")
    return content


def _parse_value(text: str) -> Any:  # noqa: ANN401 - any TOML value
    """Parse *text* as a TOML value; return it unchanged if it is not one, so that texts need no quotes."""
    try:
        return msgspec.toml.decode(f"value = {text}")["value"]
    except msgspec.DecodeError:
        return text


def _parse_operations(raw: Any, path: str, problems: Problems) -> dict[str, float] | None:  # noqa: ANN401 - from a file
    weights = raw if isinstance(raw, Mapping) else {}
    for name, weight in weights.items():
        if name not in OPERATIONS:
            text = f"is not an operation of a load test, {suggest(name, OPERATIONS)}"
            problems.add(join_path(path, name), text)
        elif type(weight) not in {int, float} or not 0 <= weight < inf:
            problems.add_value(join_path(path, name), weight, "a number from 0 up")
    if problems.overlap([path]):
        return None
    total = sum(weights.values())
    if not total:
        problems.add_value(path, raw, "a table of operations and their weights, not all 0")
        return None
    return {name: weight / total for name, weight in weights.items() if weight}


def _parse_thresholds(raw: Any, path: str, problems: Problems) -> tuple[ThresholdSpec, ...] | None:  # noqa: ANN401 - from a file
    if not is_list(raw):
        problems.add_value(path, raw, "a list")
        return None
    tables = [{"threshold": each} if isinstance(each, str) else each for each in raw]
    specs = [
        parse_table(ThresholdSpec, each, item_path(path, index), problems)
        for index, each in enumerate(tables)
    ]
    return tuple(each for each in specs if each is not None)


def _resolve_files(scenario: Scenario, folder: Path, problems: Problems) -> Scenario:
    """Return *scenario* with absolute paths; relative ones refer to *folder*."""
    vectors = scenario.vectors
    if vectors.source != SYNTHETIC:
        source = (folder / vectors.source).absolute()
        if not source.exists():
            problems.add_value("vectors.source", vectors.source, f"{SYNTHETIC} or an existing file")
        vectors = msgspec.structs.replace(vectors, source=str(source))
    query = scenario.query
    for name in ("source", "neighbors"):
        if value := getattr(query, name):
            file = (folder / value).absolute()
            if not file.is_file():
                problems.add_value(f"query.{name}", value, "an existing file")
            query = msgspec.structs.replace(query, **{name: str(file)})
    local = {
        name: str((folder / value).absolute()) if value.endswith(SUFFIX) else value
        for name, value in msgspec.structs.asdict(scenario.local).items()
    }
    return msgspec.structs.replace(scenario, vectors=vectors, query=query, local=LocalSpec(**local))
