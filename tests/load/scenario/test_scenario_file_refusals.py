from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from vecgate.errors import ConfigError
from vecgate.load.scenario.scenario_file import Scenario, VectorsSpec, load_scenario, scenario_names
from vecgate.load.scenario.stage_entries import StageEntry

STAGES = 'stages = [{ kind = "constant", rate = 100, for = "10s" }]'
QUERIES = 'preload = 9\nunit = "requests"\noperations.QueryVectors = 1\n'
A_TIME = 'with its unit, such as "500ms", "60s" or "2m", up to "24h"'


def read_problems(
    tmp_path: Path, text: str, *, stages: str = STAGES, overrides: dict[str, str] | None = None
) -> list[str]:
    """Return the problems of a file of *text* and *stages*, one line each."""
    path = tmp_path / "test.toml"
    path.write_text(f"{text}\n{stages}", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_scenario(str(path), overrides or {})
    assert caught.value.hint == "docs/scenarios.md has every key."
    first, *more = str(caught.value).split("\n")
    assert first.startswith(f"{path}: ")
    return [line.strip() for line in more] or [first.removeprefix(f"{path}: ")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("in_flight = 3", "is not a known key, the nearest is in_flight_max"),
        ("zzz = 3", "is not a known key, allowed are name, description, unit, client, seed, in_flight_max, "),
        ("vectors.dimensions = 3", "is not a known key, the nearest is dimension"),
        ("vectors.dimension = 5000", "is 5000, allowed is a whole number from 1 to 4,096"),
        ("vectors.dimension = 1.5", "is 1.5, allowed is a whole number from 1 to 4,096"),
        ("vectors.per_request = 501", "is 501, allowed is a whole number from 1 to 500"),
        ('vectors.metric = "dot"', 'is "dot", allowed is cosine, euclidean'),
        ("vectors.spread = nan", "is NaN, allowed is a number from 0 to 100"),
        ('vectors.source = "no.parquet"', 'is "no.parquet", allowed is synthetic or an existing file'),
        ("query.top_k = 101", "is 101, allowed is a whole number from 1 to 100"),
        ("query.recall_sample = 513", "is 513, allowed is a whole number from 0 to 512"),
        ("query.filtered_share = -0.1", "is -0.1, allowed is a number from 0 to 1"),
        ('query.return_metadata = "yes"', 'is "yes", allowed is true or false'),
        ("get_keys = 101", "is 101, allowed is a whole number from 1 to 100"),
        ("delete_keys = 0", "is 0, allowed is a whole number from 1 to 500"),
        ("seed = -1", "is -1, allowed is a whole number from 0 to 4,294,967,295"),
        ("name = 3", "is 3, allowed is a text"),
        ("vectors = 3", "is 3, allowed is a table"),
        ("start_within = 5", f"is 5, allowed is a time above 0 {A_TIME}"),
        ('start_within = "0s"', f'is "0s", allowed is a time above 0 {A_TIME}'),
        ('drain_within = "25h"', f'is "25h", allowed is a time {A_TIME}'),
        ("operations = 3", "is 3, allowed is a table of operations and their weights, not all 0"),
        ("operations = {}", "is {}, allowed is a table of operations and their weights, not all 0"),
        ("operations = {ListVectors = 0}", 'is {"ListVectors": 0}, allowed is a table of operations and '),
        ("operations.PutVector = 1", "is not an operation of a load test, the nearest is PutVectors"),
        ('operations.PutVectors = "all"', 'is "all", allowed is a number from 0 up'),
        ("operations.PutVectors = true", "is true, allowed is a number from 0 up"),
        ("operations.PutVectors = -1", "is -1, allowed is a number from 0 up"),
        ("operations.PutVectors = inf", "is Infinity, allowed is a number from 0 up"),
        ('thresholds = "errors < 1%"', 'is "errors < 1%", allowed is a list'),
        (
            'local.quotas = "none"',
            "is not a valid setting: 'none' is neither a preset nor a file. The presets are ",
        ),
        ('local.latency = "no.toml"', "is not a valid setting: "),
    ],
)
def test_an_invalid_value_is_reported_with_the_allowed_ones(tmp_path: Path, text: str, problem: str) -> None:
    """With its path and the value."""
    (found,) = read_problems(tmp_path, text)
    path = "operations" if text.startswith("operations =") else text.split(" = ", maxsplit=1)[0]
    assert found.startswith(f"{path} {problem}")


@pytest.mark.parametrize(
    ("stage", "problem"),
    [
        ('kind = "flat", for = "1s"', '.kind is "flat", allowed is constant, poisson, ramp, sine, step'),
        ('for = "1s"', ".kind is missing, allowed is constant, poisson, ramp, sine, step"),
        ('kind = [], for = "1s"', ".kind is [], allowed is constant, poisson, ramp, sine, step"),
        ('kind = "constant", rate = 1', f".for is missing, allowed is a time above 0 {A_TIME}"),
        ('kind = "constant", rate = 1, for = "0s"', '.for is "0s", allowed is a time above 0 '),
        ('kind = "constant", rate = 1, for = 5', ".for is 5, allowed is a time above 0 "),
        ('kind = "constant", for = "1s"', ".rate is missing; a constant stage needs it"),
        ('kind = "constant", rate = -1, for = "1s"', ".rate is -1, allowed is a number from 0 to 1,000,000"),
        ('kind = "constant", rate = 0, for = "1s"', None),
        ('kind = "ramp", to = 1, rate = 1, for = "1s"', ".rate is not a key of a ramp stage, allowed are "),
        ('kind = "ramp", to = 1, fro = 1, for = "1s"', ".fro is not a known key, the nearest is from"),
        ('kind = "step", to = 1, for = "1s"', ".steps is missing; a step stage needs it"),
        ('kind = "step", to = 1, steps = 0, for = "1s"', ".steps is 0, allowed is a whole number from 1 "),
        ('kind = "sine", to = 1, for = "1s"', ".period is missing; a sine stage needs it"),
        ('kind = "sine", to = 1, for = "1s", period = 3', ".period is 3, allowed is a time above 0 "),
    ],
)
def test_an_invalid_stage_is_reported_with_the_keys_of_its_kind(
    tmp_path: Path, stage: str, problem: str | None
) -> None:
    """Each kind has its own keys; without a rate above 0 no request is due."""
    (found,) = read_problems(tmp_path, "", stages=f"stages = [{{ {stage} }}]")
    nothing = "stages schedule no request; allowed is a rate above 0 for long enough"
    assert found.startswith(f"stages[1]{problem}" if problem else nothing)


@pytest.mark.parametrize(
    ("stages", "problem"),
    [
        ("", "stages schedule no request; allowed is a rate above 0 for long enough"),
        ("stages = 3", "stages is 3, allowed is a list of tables, [[stages]]"),
        ("stages = [3]", "stages[1] is 3, allowed is a table"),
    ],
)
def test_stages_are_a_list_of_tables(tmp_path: Path, stages: str, problem: str) -> None:
    """At least one table."""
    assert read_problems(tmp_path, "", stages=stages) == [problem]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (
            ("peak", "", "peak"),
            'stages[3].name is "peak", which is also the name of stage 1; allowed is a unique name',
        ),
        (("2", ""), 'stages[1].name is "2", which is also the name of stage 2; allowed is a unique name'),
        (("", "1"), 'stages[2].name is "1", which is also the name of stage 1; allowed is a unique name'),
    ],
)
def test_names_of_stages_are_unique(tmp_path: Path, names: tuple[str, ...], problem: str) -> None:
    """A threshold could not refer to one of them; a stage without a name is called by its number."""
    stages = [f'{{ kind = "constant", rate = 1, for = "9s", name = "{name}" }}' for name in names]
    assert read_problems(tmp_path, "", stages=f"stages = [{', '.join(stages)}]") == [problem]


def test_a_threshold_on_a_stage_without_requests_is_rejected(tmp_path: Path) -> None:
    """It would have no sample. A short stage has one as soon as a request is due in it."""
    stages = [
        '{ kind = "constant", rate = 500, for = "200ms", name = "burst" }',
        '{ kind = "constant", rate = 0, for = "5s", name = "pause" }',
    ]
    texts = ["p(99){stage:burst} < 1s", "p(99){stage:pause} < 1s"]
    found = read_problems(tmp_path, f"thresholds = {texts}", stages=f"stages = [{', '.join(stages)}]")
    assert found == ["thresholds[2] 'p(99){stage:pause} < 1s' names a stage in which no request is due"]


@pytest.mark.parametrize(
    ("threshold", "problem"),
    [
        ("3", " is 3, allowed is a table"),
        ("{}", ".threshold is missing, allowed is a text"),
        ('"errors"', " 'errors': "),
        ('"p(99) < 5"', " 'p(99) < 5': p needs a unit"),
        ('{ threshold = "errors < 1%", grace = "1s" }', ".grace needs abort_on_fail = true"),
        (
            '"p(99){operation:GetVectors} < 1s"',
            " 'p(99){operation:GetVectors} < 1s': the run has no operation",
        ),
        ('"p(99){stage:peak} < 1s"', " 'p(99){stage:peak} < 1s': the run has no stage 'peak'"),
        ('"recall@5 >= 0.9"', " 'recall@5 >= 0.9' needs query.top_k = 5, which is 10"),
    ],
)
def test_a_threshold_without_a_meaning_for_the_run_is_rejected(
    tmp_path: Path, threshold: str, problem: str
) -> None:
    """It is not a threshold, or the run has no sample for it."""
    text = f'{QUERIES}query.recall_sample = 9\nthresholds = ["errors < 1%", {threshold}]'
    (found,) = read_problems(tmp_path, text)
    assert found.startswith(f"thresholds[2]{problem}")


def test_a_recall_threshold_needs_a_recall_sample(tmp_path: Path) -> None:
    """It is 0 by default, because computing exact answers takes time."""
    (found,) = read_problems(tmp_path, f'{QUERIES}thresholds = ["recall@10 >= 0.9"]')
    assert found == "thresholds[1] 'recall@10 >= 0.9' needs a query.recall_sample above 0, which is 0"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "operations = { PutVectors = 1, ListVectors = 1 }",
            'unit is "vectors", which needs a mix of PutVectors only; allowed is "requests"',
        ),
        (
            'unit = "requests"\noperations = { QueryVectors = 1, GetVectors = 1 }',
            "preload is 0, which leaves no vectors for QueryVectors, GetVectors; allowed is 1 or more",
        ),
        (
            "vectors = { dimension = 4096, per_request = 500 }",
            "vectors.per_request is 500: at 4,096 dimensions that exceeds the 20,971,520 bytes of a request; ",
        ),
        (
            'query.filtered_share = 0.5\nvectors.metadata = "none"',
            'query.filtered_share is 0.5, but a filter needs metadata small or full, which is "none"',
        ),
        (
            "query.recall_sample = 9",
            "query.recall_sample is 9, but the mix has no QueryVectors; allowed is 0",
        ),
        (
            'unit = "requests"\nquery.recall_sample = 9\noperations = { PutVectors = 1, QueryVectors = 1 }',
            "query.recall_sample is 9, but only 0 vectors are stored before the first query; allowed is a ",
        ),
        (
            f"{QUERIES}operations.DeleteVectors = 1\nquery.recall_sample = 9",
            "query.recall_sample is 9, but DeleteVectors would change the exact answers during the run; allowed is 0",
        ),
        (
            'sweep.operation = "QueryVectors"',
            'sweep.operation is "QueryVectors", which the mix does not have; allowed are PutVectors',
        ),
        (
            "sweep.rates = [20, 10]",
            "sweep.rates are not in ascending order; allowed are different rates",
        ),
        (
            f"{QUERIES}query.recall_sample = 257",
            "query.recall_sample is 257, but 256 queries without a filter are distinct; allowed is ",
        ),
        (
            f"{QUERIES}query.recall_sample = 257\nquery.filtered_share = 1",
            "query.recall_sample is 257, but 256 queries with a filter are distinct; allowed is ",
        ),
        (
            'vectors.metadata = "file"',
            'vectors.metadata is "file", but vectors.source is not a file; allowed are none, small, full',
        ),
    ],
)
def test_values_that_contradict_each_other_are_rejected(tmp_path: Path, text: str, problem: str) -> None:
    """Before a request is sent that finds nothing or that the target rejects."""
    (found,) = read_problems(tmp_path, text)
    assert found.startswith(problem)


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    """In the order of the keys, with stages and contradictions."""
    text = 'unit = "vector"\nseeds = 3\nvectors.dimension = 0\nquery.recall_sample = 9\nthresholds = ["err"]'
    bad = 'stages = [{ kind = "ramp", rate = 1, for = "1 minute" }, { kind = "ramp", for = "5s" }]'
    found = read_problems(tmp_path, text, stages=bad)
    assert [line.split()[0] for line in found] == [
        "seeds",
        "unit",
        "vectors.dimension",
        "stages[1].for",
        "stages[1].rate",
        "stages[1].to",
        "stages[2].to",
        "query.recall_sample",
        "thresholds[1]",
    ]


def test_consequences_of_an_invalid_value_are_not_reported(tmp_path: Path) -> None:
    """The preload is invalid by itself, so it does not also lack vectors for the queries."""
    found = read_problems(tmp_path, 'unit = "requests"\npreload = "many"\noperations.QueryVectors = 1')
    assert found == ['preload is "many", allowed is a whole number from 0 to 10,000,000']


def test_a_long_value_is_truncated(tmp_path: Path) -> None:
    """The message stays readable."""
    (found,) = read_problems(tmp_path, f'unit = "{"x" * 500}"\n')
    assert found == f'unit is "{"x" * 59}…, allowed is requests, vectors'


@pytest.mark.parametrize(
    ("text", "problem"),
    [("a = = 3", "is not valid TOML"), ("\xff\xfe", "is not valid TOML")],
)
def test_a_file_that_is_not_toml_is_rejected(tmp_path: Path, text: str, problem: str) -> None:
    """With the position of the error."""
    (tmp_path / "test.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=problem):
        load_scenario(str(tmp_path / "test.toml"))


def test_an_unknown_scenario_is_reported_with_the_nearest_name() -> None:
    """The hint lists all names."""
    with pytest.raises(
        ConfigError, match="'ramp1000' is neither a scenario nor a file, the nearest is ramp-1000"
    ) as caught:
        load_scenario("ramp1000")
    assert caught.value.hint.startswith(f"Scenarios are {', '.join(scenario_names())}; ")
    with pytest.raises(ConfigError, match=r"nothing\.toml cannot be read: No such file"):
        load_scenario("nothing.toml")


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("vectors.dimensoin", "8", "vectors.dimensoin is not a known key, the nearest is dimension"),
        (
            "vectors.dimension",
            "many",
            'vectors.dimension is "many", allowed is a whole number from 1 to 4,096',
        ),
        ("stages.rate", "0", "stages.rate is 0, allowed is a number above 0"),
        ("stages.rates", "2", "stages.rates cannot be set, the nearest is stages.rate"),
        ("seed.of.all", "2", "seed.of.all cannot be set, allowed are stages.rate, stages.duration"),
        ("", "2", '"" is not a known key'),
    ],
)
def test_an_invalid_override_is_reported_like_a_value_of_the_file(
    tmp_path: Path, key: str, value: str, problem: str
) -> None:
    """With its path."""
    (found,) = read_problems(tmp_path, "seed = 3\n", overrides={key: value})
    assert found.startswith(problem)


def texts() -> SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


def toml_values() -> SearchStrategy[Any]:
    """Generate TOML values, including nested ones."""
    plain = st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | texts()
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys(), inner, max_size=3),
        max_leaves=6,
    )


def format_toml(value: Any) -> str:
    """Format *value* as TOML."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{format_toml(key)} = {format_toml(each)}" for key, each in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(format_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("NaN", "nan").replace("Infinity", "inf")


def keys() -> SearchStrategy[str]:
    kinds = (Scenario, VectorsSpec, StageEntry)
    own = [field.encode_name for kind in kinds for field in msgspec.structs.fields(kind)]
    return st.sampled_from(own) | texts()


@given(content=st.dictionaries(keys(), toml_values(), max_size=5))
def test_any_file_gives_a_scenario_or_a_config_error(
    content: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No other exception, for any content."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(
        "\n".join(f"{format_toml(key)} = {format_toml(value)}" for key, value in content.items()), "utf-8"
    )
    try:
        made: object = load_scenario(str(path))
    except ConfigError as error:
        made = str(error)
    assert made.schedule().total if isinstance(made, Scenario) else str(made).startswith(str(path))


def stages(*warm_up: str) -> str:
    """Return stages of one second; a warm-up if the text is `true`."""
    return "".join(
        f'[[stages]]\nkind = "constant"\nrate = 9\nfor = "1s"\nwarm_up = {each}\n' for each in warm_up
    )


@pytest.mark.parametrize(
    ("text", "of_stages", "problem"),
    [
        ("", ("true", "true"), "stages are all warm-up; allowed is one or more stages that are measured"),
        (
            "",
            ("true", "false", "true"),
            "stages[3].warm_up is true after a measured stage; allowed is before all of them",
        ),
        (
            'thresholds = ["p(99){stage:1} < 1s"]',
            ("true", "false"),
            "thresholds[1] 'p(99){stage:1} < 1s' names a warm-up stage, which is not judged",
        ),
    ],
)
def test_a_warm_up_comes_first_and_is_not_judged(
    tmp_path: Path, text: str, of_stages: tuple[str, ...], problem: str
) -> None:
    """Something must remain that is measured."""
    assert read_problems(tmp_path, text, stages=stages(*of_stages)) == [problem]


@pytest.mark.parametrize("kind", ["constant", "poisson"])
def test_a_schedule_beyond_any_machine_is_refused_with_its_size(tmp_path: Path, kind: str) -> None:
    """Before its arrivals are computed; every value is valid on its own, and other problems are reported too."""
    stages = f'stages = [{{ kind = "{kind}", rate = 1_000_000, for = "24h" }}]'
    found = read_problems(tmp_path, 'unit = "requests"\nquery.top_k = 0', stages=stages)
    assert sorted(found) == [
        "query.top_k is 0, allowed is a whole number from 1 to 100",
        "stages schedule up to 86,400,000,000 requests; allowed are 1,000,000,000 in a run",
    ]


def test_a_pool_beyond_the_memory_is_refused_with_its_size(tmp_path: Path) -> None:
    """And with the size that is allowed."""
    (found,) = read_problems(tmp_path, "vectors.dimension = 1024\nvectors.pool = 1_000_000")
    assert found == (
        "vectors.pool is 1,000,000: at 1,024 dimensions that takes about 15.3 GiB of memory in each worker; "
        "allowed is up to 262,144"
    )


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = tmp_path / "test.toml"
    path.write_text(STAGES, encoding="utf-8-sig")
    assert load_scenario(str(path)).stages[0].duration_s == 10
