"""A load test as data: what is asked of the target, how often, and what the run must meet.

A scenario is a TOML file, one of ours by its name or any by its path; docs/scenarios.md has every key. All
that is wrong with one is told at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import inf
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from vecgate.endpoint.settings import read_toml
from vecgate.errors import ConfigError
from vecgate.load.checks import check
from vecgate.load.reading import Maker, Problems, is_list, joined, nearest, numbered, shown, table
from vecgate.load.specs import SYNTHETIC, LocalSpec, QuerySpec, Scenario, ThresholdSpec, VectorsSpec
from vecgate.load.stages import Scale, stages_of

__all__ = [
    "LocalSpec",
    "QuerySpec",
    "Scenario",
    "ThresholdSpec",
    "VectorsSpec",
    "load_scenario",
    "scenario_names",
]

SUFFIX = ".toml"
OPERATIONS = ("PutVectors", "QueryVectors", "GetVectors", "ListVectors", "DeleteVectors")
#: Overrides that are no keys of a file: what all rates and all times of the stages are multiplied by.
SCALES = {"stages.rate": "rate", "stages.duration": "duration"}


def scenario_names() -> list[str]:
    """The names of the scenarios that come with vecgate."""
    return sorted(path.stem for path in _folder().glob(f"*{SUFFIX}"))


def load_scenario(name_or_path: str, overrides: Mapping[str, str] = MappingProxyType({})) -> Scenario:
    """The scenario of one of `scenario_names`, or of the TOML file at a path.

    overrides  value by key, as in `vectors.dimension`; `stages.rate` and `stages.duration` are factors, by
               which all rates and all times of the stages are multiplied

    Raises ConfigError with all that is wrong with it.
    """
    path, problems = _path_of(name_or_path), Problems()
    content = _overridden(read_toml(path), overrides, problems)
    factors = {SCALES[key]: _toml(text) for key, text in overrides.items() if key in SCALES}
    scale = table(Scale, factors, "stages", problems) or Scale()
    makers: dict[str, Maker] = {
        "operations": _operations,
        "stages": partial(stages_of, scale=scale),
        "thresholds": _thresholds,
    }
    scenario = table(Scenario, {"name": path.stem, **content}, "", problems, makers)
    assert scenario is not None  # every member has a default
    scenario = _located(scenario, path.parent, problems)
    check(scenario, problems)
    if problems:
        raise ConfigError(_told(name_or_path, problems), hint="docs/scenarios.md has every key.")
    return scenario


def _path_of(name_or_path: str) -> Path:
    path, names = Path(name_or_path), scenario_names()
    if name_or_path in names:
        return _folder() / f"{name_or_path}{SUFFIX}"
    if path.suffix == SUFFIX or path.is_file():
        return path
    raise ConfigError(
        f"{name_or_path!r} is neither a scenario nor a file, {nearest(name_or_path, names)}",
        hint=f"There are {', '.join(names)}; a file of your own ends with {SUFFIX}.",
    )


def _folder() -> Path:
    """Where the scenarios are: in the wheel, or beside `src` in a checkout."""
    package = Path(__file__).parents[1]
    folders = [root / "loadtests" / "scenarios" for root in (package, package.parents[1])]
    return next((folder for folder in folders if folder.is_dir()), folders[0])


def _overridden(content: dict[str, Any], overrides: Mapping[str, str], problems: Problems) -> dict[str, Any]:
    for key, text in overrides.items():
        *path, name = key.split(".")
        place: Any = content
        for each in path:
            place = place.setdefault(each, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[name] = _toml(text)
        elif key not in SCALES:
            problems.add(key, f"cannot be set, {nearest(key, SCALES)}")
    return content


def _toml(text: str) -> Any:  # noqa: ANN401 - whatever it says
    """What *text* is in TOML; itself where it is nothing, so that people need no quotes."""
    try:
        return msgspec.toml.decode(f"value = {text}")["value"]
    except msgspec.DecodeError:
        return text


def _operations(raw: Any, path: str, problems: Problems) -> dict[str, float] | None:  # noqa: ANN401 - from a file
    shares = raw if isinstance(raw, Mapping) else {}
    for name, share in shares.items():
        if name not in OPERATIONS:
            problems.add(joined(path, name), f"is no operation of a load test, {nearest(name, OPERATIONS)}")
        elif type(share) not in {int, float} or not 0 <= share < inf:
            problems.add(joined(path, name), f"is {shown(share)}, allowed is a number from 0 up")
    if problems.concern([path]):
        return None
    total = sum(shares.values())
    if not total:
        problems.add(path, f"is {shown(raw)}, allowed is a table of operations and their shares, not all 0")
        return None
    return {name: share / total for name, share in shares.items() if share}


def _thresholds(raw: Any, path: str, problems: Problems) -> tuple[ThresholdSpec, ...] | None:  # noqa: ANN401 - from a file
    if not is_list(raw):
        problems.add(path, f"is {shown(raw)}, allowed is a list")
        return None
    told = [{"threshold": each} if isinstance(each, str) else each for each in raw]
    made = [table(ThresholdSpec, each, numbered(path, place), problems) for place, each in enumerate(told)]
    return tuple(each for each in made if each is not None)


def _located(scenario: Scenario, folder: Path, problems: Problems) -> Scenario:
    """*scenario* with the files it names as absolute paths: *folder* is where they are looked for."""
    vectors = scenario.vectors
    if vectors.source != SYNTHETIC:
        source = (folder / vectors.source).absolute()
        if not source.exists():
            problems.add(
                "vectors.source",
                f"is {shown(vectors.source)}, allowed is {SYNTHETIC} or a file that is there",
            )
        vectors = msgspec.structs.replace(vectors, source=str(source))
    local = {
        name: str((folder / value).absolute()) if value.endswith(SUFFIX) else value
        for name, value in msgspec.structs.asdict(scenario.local).items()
    }
    return msgspec.structs.replace(scenario, vectors=vectors, local=LocalSpec(**local))


def _told(origin: str, problems: Problems) -> str:
    lines = [f"{path} {text}" for path, text in problems]
    return (
        f"{origin}: {lines[0]}"
        if len(lines) == 1
        else "\n  ".join([f"{origin}: {len(lines)} problems", *lines])
    )
