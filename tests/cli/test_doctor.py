"""`vecgate doctor` looks at what a run needs, and prints its policy."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from between import between
from commands import Vecgate
from guarded import INDEX, SECRET, Sign, administrator_at, guarded_endpoint
from strangers import stranger

from vecgate.cli.doctor import doctor
from vecgate.cli.exit_codes import ExitCode
from vecgate.cli.installed import extras_finding
from vecgate.targets.leftovers import records_folder
from vecgate.targets.policy import USED, policy_of, used_on
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url import url_target

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "doctor.md").read_text()
ON_AMAZON = (ROOT / "docs" / "aws.md").read_text()
#: Explained with every command, not here.
COMMON = {"--region", "--profile", "--ca-bundle", "--no-verify", "--quiet", "-q"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the endpoint."""
    with guarded_endpoint(tmp_path_factory.mktemp("guarded")) as url:
        yield url


@pytest.fixture
def admin(guarded: str) -> Iterator[Any]:
    """A client of one who may do everything there."""
    with closing(administrator_at(guarded)) as client:
        yield client


@pytest.fixture
def sign(monkeypatch: pytest.MonkeyPatch) -> Sign:
    """Says who signs."""
    return Sign(monkeypatch)


def test_all_is_well(vecgate: Vecgate, guarded: str, sign: Sign) -> None:
    """A line for each check, what was not tried among them, and the verdict last."""
    sign("ramp")
    result = vecgate("doctor", "--target", guarded)
    lines = result.out.splitlines()
    assert result.code == 0
    assert lines[0].split() == ["ok", "target", f"{guarded},", "from", "--target"]
    assert lines[1].split() == ["ok", "region", "us-east-1,", "from", "AWS_REGION"]
    assert lines[-1] == "PASS  22 checks: 6 untested"
    assert "access key … from the environment" in result.out
    assert SECRET not in result.out


def test_a_rehearsal_tries_what_writes(vecgate: Vecgate, guarded: str, sign: Sign, admin: Any) -> None:
    """And leaves nothing."""
    sign("ramp")
    before = admin.list_vector_buckets()["vectorBuckets"]
    result = vecgate("doctor", "--target", guarded, "--write", "--json")
    told = json.loads(result.out)
    assert (result.code, told["verdict"], told["exit_code"]) == (0, "passed", 0)
    grades = {each["check"]: each["grade"] for each in told["checks"]}
    assert set(grades.values()) == {"ok"}
    assert grades.keys() >= set(used_on("a URL", "ramp"))
    assert admin.list_vector_buckets()["vectorBuckets"] == before


def test_sigterm_ends_a_rehearsal_and_its_bucket_is_removed(guarded: str, sign: Sign, admin: Any) -> None:
    """That is how CI cancels."""
    sign("ramp")
    before = admin.list_vector_buckets()["vectorBuckets"]
    with between(guarded) as proxy:
        proxy.hangs = {"PutVectors"}
        # What writes is tried before as well, about a bucket that nothing is called: that is to be answered.
        proxy.since = "CreateIndex"
        words = [sys.executable, "-m", "vecgate", "doctor", "--target", proxy.url, "--write"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert proxy.came.wait(60)
            assert len(admin.list_vector_buckets()["vectorBuckets"]) == len(before) + 1
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=60)
    assert (process.returncode, err.strip()) == (130, "error: interrupted")
    assert admin.list_vector_buckets()["vectorBuckets"] == before
    assert list(records_folder().glob("*")) == []


def test_a_refused_operation_fails_with_its_way_out(vecgate: Vecgate, guarded: str, sign: Sign) -> None:
    """Below it."""
    sign("put.GetIndex")
    result = vecgate("doctor", "--target", guarded, "--for", "put", *INDEX)
    assert result.code == 3
    lines = result.out.splitlines()
    (number,) = [
        number for number, line in enumerate(lines) if line.startswith("FAIL") and "GetIndex" in line
    ]
    assert "403 AccessDeniedException" in lines[number]
    assert lines[number + 1].strip().startswith("→ Allow s3vectors:GetIndex")
    assert lines[-1] == "FAIL  12 checks: 1 failed, 2 untested"


def test_a_target_that_is_not_there(vecgate: Vecgate) -> None:
    """Is told after what is known without it."""
    result = vecgate("doctor", "--target", "http://127.0.0.1:9", "--json")
    told = json.loads(result.out)
    assert (result.code, told["exit_code"], told["verdict"]) == (3, 3, "failed")
    assert {each["check"] for each in told["checks"]} == {
        *("target", "region", "credentials", "reachable", "versions", "extras")
    }


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--target", "aws"), 2, "no region is named"),
        (("--target", "aws", "--region", "eu-west-1"), 3, "there are no AWS credentials"),
        (("--target", "mars"), 2, "'mars' is no target"),
        (("--target", "aws", "--profile", "nobody"), 2, "nobody"),
    ],
)
def test_settings_that_do_not_do_are_a_check_that_failed(
    vecgate: Vecgate, words: tuple[str, ...], code: int, told: str
) -> None:
    """After the ones that could be looked at."""
    result = vecgate("doctor", *words)
    assert result.code == code
    assert told in result.out
    assert result.out.splitlines()[-1] == "FAIL  2 checks: 1 failed"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "no target is named"),
        (
            ("--target", "local", "--write", "--bucket", "a", "--index", "b"),
            "--write makes a bucket of its own",
        ),
        (("--target", "local", "--bucket-prefix", "-x"), "'-x' starts no bucket name"),
        (("--target", "local", "--bucket", "media"), "no index is named"),
        (("--target", "local", "--for", "nothing"), "'nothing' is not one of"),
        (("--policy", "nothing"), "'nothing' is not one of"),
        (("--policy", "ramp", "--account", "12"), "'12' is no account"),
        (("--policy", "ramp", "--region", "nonsense"), "'nonsense' is no region"),
    ],
)
def test_what_makes_no_sense_is_refused(vecgate: Vecgate, words: tuple[str, ...], told: str) -> None:
    """Before anything is looked at."""
    result = vecgate("doctor", *words)
    assert (result.code, result.out) == (2, "")
    assert told in result.err


def as_amazon(url: str) -> Callable[[TargetChoice, Mapping[str, str]], Target]:
    """What finds Amazon, but for where it is."""
    return lambda choice, environment: replace(url_target(url, choice, environment), name="aws")


def test_on_amazon_the_account_is_told_and_tags_are_tried(
    vecgate: Vecgate, guarded: str, sign: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Amazon's place is taken by our endpoint, and that of STS by a server that knows one answer."""
    identity = (
        b"<R><GetCallerIdentityResult><Arn>arn:aws:iam::000000000000:user/ann</Arn>"
        b"<Account>000000000000</Account></GetCallerIdentityResult></R>"
    )
    sign("ramp")
    with stranger(identity, headers={"content-type": "text/xml"}) as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts)
        monkeypatch.setattr("vecgate.targets.aws.aws_target", as_amazon(guarded))
        result = vecgate("doctor", "--target", "aws", "--write")
    assert result.code == 0, result.out
    assert "000000000000, arn:aws:iam::000000000000:user/ann" in result.out
    assert [line.split()[0] for line in result.out.splitlines() if " TagResource " in line] == ["ok"]


@pytest.mark.parametrize("command", sorted(USED))
def test_a_policy_is_printed(vecgate: Vecgate, command: str) -> None:
    """Alone on stdout, and nothing is asked."""
    result = vecgate(
        "doctor", "--policy", command, "--region", "cn-north-1", "--account", "123456789012", *INDEX
    )
    place = {"region": "cn-north-1", "account": "123456789012", "partition": "aws-cn"}
    names = {"bucket": "media", "index": "films"}
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == policy_of(command, **names, **place)


def test_a_policy_is_as_narrow_as_what_is_known(vecgate: Vecgate) -> None:
    """Runs keep to a prefix; for one index it should be named."""
    ramp = vecgate("doctor", "--policy", "ramp", "--bucket-prefix", "mine")
    assert "arn:aws:s3vectors:*:*:bucket/mine-*/index/*" in ramp.out
    wide = vecgate("doctor", "--policy", "put")
    assert "arn:aws:s3vectors:*:*:bucket/*/index/*" in wide.out
    assert "--bucket and --index make it narrow" in wide.err
    arn = "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media/index/films"
    by_arn = vecgate("doctor", "--policy", "scan", "--index", arn)
    assert (arn in by_arn.out, by_arn.err) == (True, "")


def test_extras_that_are_missing_are_told_with_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the metadata of the package itself."""
    told = ["a>=1", "b>=2; extra == 'load'", "c[d]>=3; (python_version < '3.14') and extra == \"fast\""]

    class Metadata:
        def get_all(self, name: str) -> list[str]:
            assert name == "Requires-Dist"
            return told

    def version(package: str) -> str:
        if package == "c":
            raise PackageNotFoundError
        return "1"

    monkeypatch.setattr("vecgate.cli.installed.metadata", lambda _: Metadata())
    monkeypatch.setattr("vecgate.cli.installed.version", version)
    finding = extras_finding()
    assert finding.found == "load installed; not fast"
    assert finding.way_out == "pip install 'vecgate[fast]'"


@pytest.mark.parametrize(
    "option", sorted({option for each in doctor.params for option in each.opts} - COMMON)
)
def test_every_option_is_explained(option: str) -> None:
    """In `docs/doctor.md`."""
    assert option in PAGE


def test_every_exit_code_and_command_is_explained() -> None:
    """With its number, and by its name."""
    assert all(f"| {int(code)} |" in PAGE for code in ExitCode if code is not ExitCode.GATE_FAILED)
    assert all(f"`{command}`" in PAGE for command in USED)


def test_policies_are_shown_as_they_are_printed(vecgate: Vecgate) -> None:
    """In `docs/doctor.md` and `docs/aws.md`."""
    for page in (PAGE, ON_AMAZON):
        for command, shown in re.findall(
            r"^\$ (vecgate doctor --policy .*)\n({\n(?:.*\n)*?}\n)", page, re.MULTILINE
        ):
            assert vecgate(*command.split()[1:]).out == shown


def test_the_trust_that_is_shown_is_json() -> None:
    """And names no account of anybody."""
    (shown,) = re.findall(r"```json\n(.*?)```", ON_AMAZON, re.DOTALL)
    assert json.loads(shown)["Statement"][0]["Action"] == "sts:AssumeRoleWithWebIdentity"
