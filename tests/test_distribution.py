"""What users install: the zip of the Lambda function, the core alone, and wheels for every platform."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import core_program
import pytest
from source_forms import FORMS, write_form

from vecgate.endpoint.local import LocalEndpoint
from vecgate.extras import EXTRA_OF

ROOT = Path(__file__).parents[1]
UV = (sys.executable, "-m", "uv")
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": "us-east-1"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
MIB = 1024 * 1024
#: Limit of Lambda for the unpacked files, and what may be uploaded without S3.
UNZIPPED_MIB_MAX, UPLOAD_MIB_MAX = 250, 50
#: Sizes of the core.
CORE_MB_MAX, BEYOND_BOTO3_AND_NUMPY_MB_MAX, WHEEL_MB_MAX = 130, 25, 5
PLATFORMS = (
    "aarch64-manylinux_2_28",
    "x86_64-manylinux_2_28",
    "x86_64-unknown-linux-musl",
    "aarch64-apple-darwin",
)
NOT_IN_ALL = frozenset({"lance", "moto", "ray", "spark"})
#: Extras whose dependencies have no wheels for musl.
NO_MUSL = frozenset({"lance"})
INDEX = "--target {url} --bucket films --index {extra} --create --verify"
#: The commands that extras are for. Of those for inputs, `cli` brings the command. Ray and Spark have tests of their own.
COMMANDS = {
    "cli": ("bucket create --bucket own --target {url}", "index list --bucket own --target {url}", "compare {runs}/before.jsonl {runs}/before.jsonl"),
    "cli,fast": (f"put films.jsonl {INDEX}", "scan --target {url} --bucket films --index {extra}"),
    "cli,files": (f"put films.parquet {INDEX}", f"put films.csv {INDEX}", f"put films.arrow {INDEX}"),
    "cli,hdf5": (f"put glove.hdf5 --key-prefix v- {INDEX}",),
    "cli,lance": (f"put films.lance {INDEX}",),
    "cli,remote": (f"put {{site}}/films.parquet {INDEX}",),
    "serve": ("serve --port 0 --until-stdin-closes",),
    "conformance": ("conform --target {url} --level quick -k test_list_indexes",),
    "load": ("ramp smoke --target {url} --set stages.rate=0.5",),
    "report": ("report {runs}/before.jsonl -o before.html",),
    "moto": ("bucket list --target moto",),
    "all": ("conform --target local --level quick -k test_list_indexes", f"put films.jsonl {INDEX}"),
}  # fmt: skip


def requirements(extra: str) -> set[str]:
    """The packages of *extra*, also through other extras."""
    names = set[str]()
    for requirement in EXTRAS[extra]:
        if inner := re.fullmatch(r"vecgate\[(.*)\]", requirement):
            names.update(*map(requirements, inner[1].split(",")))
        else:
            names.add(re.split(r"[\[<>=;]", requirement)[0])
    return names


def test_all_has_every_extra_that_commands_use() -> None:
    """So that a new extra is not forgotten. Those left out lack wheels for a platform, or are very large."""
    every = set[str]().union(*(requirements(extra) for extra in EXTRAS.keys() - NOT_IN_ALL))
    assert requirements("all") == every


def test_packages_belong_to_the_extra_that_messages_name() -> None:
    """A hint that does not help is worse than none."""
    #: Of another package.
    through = {"gevent": "locust", "lance": "pylance", "markupsafe": "jinja2"}
    for package, extra in EXTRA_OF.items():
        assert through.get(package, package) in {name.lower() for name in requirements(extra)}, package
    core = {re.split("[<>=;]", requirement)[0] for requirement in PROJECT["dependencies"]}
    assert not core & EXTRA_OF.keys()


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=900, cwd=cwd, env=env
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def environment() -> dict[str, str]:
    return {
        key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "VECGATE_", "PYTHON"))
    }


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
def test_the_zip_of_the_lambda_function_runs(tmp_path: Path) -> None:
    """It fits into Lambda with room to spare, and a clean interpreter runs all actions of its handler from
    compiled modules.
    """
    made = tmp_path / "function.zip"
    run(sys.executable, ROOT / ".ci/lambda_zip.py", "-o", made, cwd=tmp_path)
    with zipfile.ZipFile(made) as archive:
        unzipped = sum(each.file_size for each in archive.infolist())
        archive.extractall(tmp_path / "task")
    assert made.stat().st_size <= UPLOAD_MIB_MAX * MIB
    assert unzipped <= UNZIPPED_MIB_MAX * MIB
    program = (
        f"import sys; sys.path[0:0] = [{str(tmp_path / 'task')!r}, {str(ROOT / 'tests/support')!r}]\n"
        "import json, core_program, vecgate.aws_lambda\n"
        "assert vecgate.aws_lambda.__file__.startswith(sys.path[0]), vecgate.aws_lambda.__file__\n"
        "assert all(__import__('os').path.exists(m.__cached__) for n, m in sys.modules.items()"
        " if n.startswith(('vecgate', 'botocore')))\n"
        "print(json.dumps(core_program.main(sys.argv[1])))"
    )
    with LocalEndpoint() as endpoint:
        # Without the packages of this environment.
        out = run(
            sys.executable, "-I", "-S", "-B", "-c", program, endpoint.url, cwd=tmp_path, env=environment()
        )
    assert json.loads(out)["lambda"] == [200] * 5


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
def test_the_core_alone_runs_and_is_small(tmp_path: Path) -> None:
    """In an environment of its own."""
    run(sys.executable, "-m", "venv", tmp_path / "core")
    python = tmp_path / "core/bin/python"
    run(python, "-m", "pip", "install", "--quiet", "--no-compile", ROOT)
    run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools")
    with LocalEndpoint() as endpoint:
        out = run(python, "-B", core_program.__file__, endpoint.url, cwd=tmp_path, env=environment())
    assert json.loads(out)["written"] == [300, 300]
    ended = subprocess.run(
        [tmp_path / "core/bin/vecgate"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, "vecgate[cli]" in ended.stderr) == (2, True)
    (packages,) = (tmp_path / "core/lib").glob("python*/site-packages")
    sizes = {
        folder.name: sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
        for folder in packages.iterdir()
        if folder.is_dir() and not folder.name.endswith(".dist-info")
    }
    given = ("boto3", "botocore", "numpy", "numpy.libs")
    assert sum(sizes.values()) <= CORE_MB_MAX, sizes
    assert sum(size for name, size in sizes.items() if name not in given) <= BEYOND_BOTO3_AND_NUMPY_MB_MAX, (
        sizes
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(*UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    assert built.stat().st_size <= WHEEL_MB_MAX * 1e6
    return built


def test_every_extra_has_a_command_that_is_tried() -> None:
    """But the engines."""
    tried = {extra for extras in COMMANDS for extra in extras.split(",")}
    assert tried == EXTRAS.keys() - {"ray", "spark"}


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
@pytest.mark.skipif(find_spec("uv") is None, reason="needs uv")
@pytest.mark.parametrize("extra", COMMANDS)
def test_an_extra_installs_what_its_commands_need(extra: str, wheel: Path, tmp_path: Path) -> None:
    """In an environment with nothing else."""
    python = tmp_path / "venv/bin/python"
    run(*UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    run(*UV, "pip", "install", "--quiet", "--python", python, f"{wheel}[{extra}]")
    for form in FORMS:
        write_form(form, tmp_path)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with LocalEndpoint() as endpoint, ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        Thread(target=site.serve_forever).start()
        try:
            for command in COMMANDS[extra]:
                words = command.format(
                    url=endpoint.url,
                    site=f"http://127.0.0.1:{site.server_port}",
                    runs=ROOT / "docs/runs",
                    extra=extra.replace(",", "-"),
                ).split()
                ended = subprocess.run(
                    [python, "-m", "vecgate", *words], input="", capture_output=True, text=True,
                    check=False, timeout=300, cwd=tmp_path, env=environment() | CREDENTIALS,
                )  # fmt: skip
                # A slow machine makes a load run inconclusive.
                is_inconclusive = words[0] == "ramp" and "INCONCLUSIVE" in ended.stdout
                assert ended.returncode == 0 or is_inconclusive, (
                    command,
                    ended.stdout[-3_000:],
                    ended.stderr,
                )
        finally:
            site.shutdown()


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
@pytest.mark.skipif(find_spec("uv") is None, reason="needs uv")
@pytest.mark.parametrize("platform", PLATFORMS)
def test_all_dependencies_have_wheels(platform: str, tmp_path: Path) -> None:
    """For CPython 3.11 and 3.14, of every extra but moto and the engines, so that no user needs a compiler."""
    is_musl = "musl" in platform
    without = {"moto", "ray", "spark", *(NO_MUSL if is_musl else ())}
    # Of gevent, which Locust needs. Its extension is optional, so it is built without a compiler.
    built = ("--no-binary", "zope-interface") if is_musl else ()
    # All extras at once: versions that meet the requirements of all meet those of each.
    extras = [word for extra in sorted(EXTRAS.keys() - without) for word in ("--extra", extra)]
    for version in ("3.11", "3.14"):
        run(
            *(*UV, "pip", "compile", "--quiet", "--only-binary", ":all:", *built),
            *("--python-platform", platform, "--python-version", version, *extras),
            *(ROOT / "pyproject.toml", "-o", tmp_path / f"{version}.txt"),
        )
