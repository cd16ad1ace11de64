"""Defaults from `vecgate.toml` and `[tool.vecgate]`: which file, which precedence, which mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from commands import Vecgate, write_parquet

from vecgate.cli.config_file import COMMAND_LINE_ONLY, COMMON, ConfigFile, find_config_file
from vecgate.cli.main import COMMANDS, import_command
from vecgate.errors import ConfigError


def defaults_of(tmp_path: Path, text: str, command: str = "put", **environ: str) -> dict[str, object]:
    """Return the defaults of *command* that a file with *text* gives."""
    (tmp_path / "vecgate.toml").write_text(text)
    file = find_config_file(tmp_path, {})
    assert file is not None
    found, _ = file.defaults(command, import_command(command), COMMANDS, environ)
    return dict(found[command])


def test_settings_for_all_commands_and_for_one(tmp_path: Path) -> None:
    """By the name of the option in any spelling; those of the command win."""
    text = 'region = "a"\nbucket = "b"\n[put]\nregion = "c"\nbatch = 7\nrate = 1.5\ncreate = true\n'
    assert defaults_of(tmp_path, text) == {
        "region": "c", "bucket": "b", "batch_vectors": "7", "vectors_per_s": "1.5", "create": True,
    }  # fmt: skip
    assert defaults_of(tmp_path, 'bucket = "b"', "ramp") == {}


def test_a_command_in_a_group_has_its_own_table(tmp_path: Path) -> None:
    """`[index.create]`."""
    found = defaults_of(tmp_path, 'bucket = "b"\n[index.create]\ndimension = 384', "index")
    assert found["create"] == {"bucket": "b", "dimension": "384"}
    assert found["list"] == {"bucket": "b"}


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """Whatever the working folder is; so is a target that is a file."""
    text = 'target = "server.toml"\n[conform]\ndeviations = "d.toml"\nrequire = ["must", "may"]'
    assert defaults_of(tmp_path, text, "conform") == {
        "target": str(tmp_path / "server.toml"),
        "deviations": str(tmp_path / "d.toml"),
        "rules": ["must", "may"],
    }


@pytest.mark.parametrize(
    ("setting", "variable"),
    [
        ("target", "VECGATE_TARGET"),
        ("target", "AWS_ENDPOINT_URL_S3VECTORS"),
        ("target", "AWS_ENDPOINT_URL"),
        ("region", "AWS_REGION"),
        ("region", "AWS_DEFAULT_REGION"),
        ("profile", "AWS_PROFILE"),
        ("ca-bundle", "AWS_CA_BUNDLE"),
    ],
)
def test_the_environment_precedes_the_file(tmp_path: Path, setting: str, variable: str) -> None:
    """Each variable of an option; an empty one is not set."""
    text, name = f'{setting} = "x"', setting.replace("-", "_")
    assert defaults_of(tmp_path, text, **{variable: "y"}) == {}
    assert name in defaults_of(tmp_path, text, **{variable: ""})


def test_option_then_environment_then_file(vecgate: Vecgate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one is used if no other is there; stderr says what the file gave."""
    Path("vecgate.toml").write_text('target = "from-file"')
    unknown = vecgate("bucket", "list")
    assert "defaults from" in unknown.err
    assert "vecgate.toml: target" in unknown.err
    assert "'from-file'" in unknown.err
    monkeypatch.setenv("VECGATE_TARGET", "from-environment")
    assert "'from-environment'" in vecgate("bucket", "list").err
    assert "'from-option'" in vecgate("bucket", "list", "--target", "from-option").err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[ptu]", "ptu is neither a command nor an option of all commands; did you mean put?"),
        ("batch = 1", "batch is neither a command nor an option of all commands"),
        ("[put]\nbacth = 1", "put.bacth is not an option of it; did you mean batch?"),
        ("[put]\nbatch = 'x'", "put.batch: "),
        ("[put]\nbatch = [1]", "put.batch: [1] is neither a text nor a number"),
        ("[put]\ncreate = 1", "put.create: 1 is neither true nor false"),
        ("[put]\npreset = 'fast'", "put.preset: "),
        ("put = 1", "put is 1, allowed is a table of its options"),
        ("target = 'aws'", "target: Amazon is used only with --target aws or VECGATE_TARGET=aws"),
    ],
)
def test_a_wrong_setting_is_one_clear_error(tmp_path: Path, text: str, problem: str) -> None:
    """It names the file and the setting."""
    with pytest.raises(ConfigError) as raised:
        defaults_of(tmp_path, text)
    assert str(raised.value).startswith(f"{tmp_path / 'vecgate.toml'}: {problem}")


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    """Of the whole file."""
    with pytest.raises(ConfigError, match=r"x is neither.*put\.y is not.*put\.restart cannot be a default"):
        defaults_of(tmp_path, "x = 1\n[put]\ny = 1\nrestart = true")


@pytest.mark.parametrize("command", COMMANDS)
def test_consent_and_secrets_are_never_defaults(tmp_path: Path, command: str) -> None:
    """Nor is what makes a command do less than its name says, such as `conform --list` with exit code 0."""
    found = import_command(command)
    commands = list(found.commands.values()) if isinstance(found, click.Group) else [found]
    for each in commands:
        options = {
            spelling.lstrip("-")
            for parameter in each.params
            if isinstance(parameter, click.Option)
            for spelling in parameter.opts
        }
        for name in sorted(options & COMMAND_LINE_ONLY):
            table = f"{command}.{each.name}" if isinstance(found, click.Group) else command
            with pytest.raises(ConfigError, match=rf"{name} cannot be a default, only an option: --{name}"):
                defaults_of(tmp_path, f"[{table}]\n{name} = true", command)


def test_the_settings_for_all_commands_are_options_of_put(tmp_path: Path) -> None:
    """So that none of them is a dead name."""
    options = {spelling for each in import_command("put").params for spelling in each.opts}
    assert {f"--{name}" for name in COMMON} <= options


def test_the_nearest_file_up_to_the_root_of_the_repository(tmp_path: Path) -> None:
    """Not above it: somebody else could have put a file there. Outside of one, only the folder itself."""
    inner = tmp_path / "repository" / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "vecgate.toml").write_text("")
    assert find_config_file(inner, {}) is None
    (tmp_path / "repository" / "pyproject.toml").write_text("[tool.vecgate.put]\nbatch = 1")
    assert find_config_file(inner, {}) is None
    (tmp_path / "repository" / ".git").mkdir()
    found = find_config_file(inner, {})
    assert found == ConfigFile(tmp_path / "repository" / "pyproject.toml", {"put": {"batch": 1}})
    (inner / "pyproject.toml").write_text("[project]")  # none of vecgate's
    assert find_config_file(inner, {}) == found
    (inner / "vecgate.toml").write_text("")
    assert find_config_file(inner, {}) == ConfigFile(inner / "vecgate.toml", {})


def test_a_variable_names_the_file_or_none(tmp_path: Path) -> None:
    """`VECGATE_CONFIG=` reads none; one that is missing is an error."""
    (tmp_path / "vecgate.toml").write_text("")
    assert find_config_file(tmp_path, {"VECGATE_CONFIG": ""}) is None
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        find_config_file(tmp_path, {"VECGATE_CONFIG": str(tmp_path / "none.toml")})


@pytest.mark.parametrize("name", ["vecgate.toml", "pyproject.toml"])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, name: str) -> None:
    """Its settings must not be ignored. A project file without any of vecgate is none of its business."""
    (tmp_path / name).write_text("[tool.vecgate\n")
    with pytest.raises(ConfigError, match="is not TOML"):
        find_config_file(tmp_path, {})
    (tmp_path / name).write_bytes(b"\xff" * 10 if name == "vecgate.toml" else b"[[[")
    if name == "pyproject.toml":
        assert find_config_file(tmp_path, {}) is None
    (tmp_path / name).write_text(
        "[tool]\nvecgate = 1" if name == "pyproject.toml" else f"# {'x' * 1_000_000}"
    )
    with pytest.raises(ConfigError, match=r"allowed is a table|more than 1,000,000 bytes"):
        find_config_file(tmp_path, {})


def test_help_ignores_the_file(vecgate: Vecgate) -> None:
    """It has to be readable, above all when a setting is wrong."""
    Path("vecgate.toml").write_text("[put]\nnothing = 1")
    assert vecgate("put", "--help").code == 0
    assert vecgate("put", "films.parquet").code == 2


def test_a_file_alone_configures_an_ingest(vecgate: Vecgate, endpoint: str, tmp_path: Path) -> None:
    """Target, index and batch; so the command line is short."""
    write_parquet(tmp_path / "films.parquet", 10)
    settings = (
        f'target = "{endpoint}"\nbucket = "config-file"\nindex = "films"\n[put]\nbatch = 4\ncreate = true\n'
    )
    Path("pyproject.toml").write_text(
        "[tool.vecgate]\n" + settings.replace("[put]", "[tool.vecgate.put]"), encoding="utf-8"
    )
    result = vecgate("put", "films.parquet", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["requests"] == 3
