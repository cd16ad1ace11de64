"""`vecgate doctor` checks what a run needs, and prints its policy."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from child_processes import child_process
from commands import Vecgate
from constant_server import constant_server
from fault_proxy import fault_proxy
from restricted_endpoint import INDEX, SECRET, SignAs

from vecgate.cli.commands.doctor import doctor
from vecgate.diagnostics.installed import check_extras
from vecgate.exit_codes import ExitCode
from vecgate.resources.creation_log import creation_log_folder
from vecgate.targets.iam_policy import OPERATIONS_BY_COMMAND, build_policy, required_operations
from vecgate.targets.target import Target, TargetChoice
from vecgate.targets.url_target import target_from_url

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "doctor.md").read_text()
ON_AMAZON = (ROOT / "docs" / "aws.md").read_text()
#: Documented for all commands, not on this page.
COMMON = {"--region", "--profile", "--ca-bundle", "--no-verify", "--quiet", "-q"}


def test_a_target_without_problems(vecgate: Vecgate, restricted: str, sign_as: SignAs) -> None:
    """One line for each check, also for the skipped ones, and the verdict last."""
    sign_as("ramp")
    result = vecgate("doctor", "--target", restricted)
    lines = result.out.splitlines()
    assert result.code == 0
    assert lines[0].split() == ["ok", "target", f"{restricted},", "from", "--target"]
    assert lines[1].split() == ["ok", "region", "us-east-1,", "from", "AWS_REGION"]
    assert lines[-1] == "PASS  22 checks: 6 skipped"
    assert "access key … from the environment" in result.out
    assert SECRET not in result.out


def test_write_tests_the_operations_that_write(
    vecgate: Vecgate, restricted: str, sign_as: SignAs, admin: Any
) -> None:
    """And removes its bucket."""
    sign_as("ramp")
    before = admin.list_vector_buckets()["vectorBuckets"]
    result = vecgate("doctor", "--target", restricted, "--write", "--json")
    found = json.loads(result.out)
    assert (result.code, found["verdict"], found["exit_code"]) == (0, "passed", 0)
    grades = {each["check"]: each["grade"] for each in found["checks"]}
    assert set(grades.values()) == {"ok"}
    assert grades.keys() >= set(required_operations("a URL", "ramp"))
    assert admin.list_vector_buckets()["vectorBuckets"] == before


def test_sigterm_ends_the_write_tests_and_the_bucket_is_removed(
    restricted: str, sign_as: SignAs, admin: Any
) -> None:
    """CI cancels with SIGTERM."""
    sign_as("ramp")
    before = admin.list_vector_buckets()["vectorBuckets"]
    with fault_proxy(restricted) as proxy:
        proxy.hangs = {"PutVectors"}
        # The preflight checks send PutVectors too, to a bucket that does not exist. They must be answered.
        proxy.since = "CreateIndex"
        words = [sys.executable, "-m", "vecgate", "doctor", "--target", proxy.url, "--write"]
        with child_process(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert proxy.is_hanging.wait(60)
            assert len(admin.list_vector_buckets()["vectorBuckets"]) == len(before) + 1
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=60)
    assert (process.returncode, err.strip()) == (130, "error: interrupted")
    assert admin.list_vector_buckets()["vectorBuckets"] == before
    assert list(creation_log_folder().glob("*")) == []


def test_a_denied_operation_fails_with_a_hint(vecgate: Vecgate, restricted: str, sign_as: SignAs) -> None:
    """The hint is in the line below."""
    sign_as("put.GetIndex")
    result = vecgate("doctor", "--target", restricted, "--for", "put", *INDEX)
    assert result.code == 3
    lines = result.out.splitlines()
    (number,) = [
        number for number, line in enumerate(lines) if line.startswith("FAIL") and "GetIndex" in line
    ]
    assert "403 AccessDeniedException" in lines[number]
    assert lines[number + 1].strip().startswith("→ Allow s3vectors:GetIndex")
    assert lines[-1] == "FAIL  15 checks: 1 failed, 3 skipped"


def test_an_index_that_is_missing_fails(vecgate: Vecgate, restricted: str, sign_as: SignAs) -> None:
    """A target on which the run would fail is no pass."""
    sign_as("put")
    result = vecgate(
        "doctor", "--target", restricted, "--for", "put", "--bucket", INDEX[1], "--index", "missing", "--json"
    )
    found = json.loads(result.out)
    assert (result.code, found["verdict"]) == (3, "failed")
    (failed,) = [each for each in found["checks"] if each["check"] == "GetIndex"]
    assert "404 NotFoundException" in failed["message"]


@pytest.mark.parametrize(
    ("resource", "code", "last"),
    [
        ("arn:aws:s3vectors:us-east-1:000000000000:vector-bucket/pains", 1, "FAIL  1 check: 1 failed"),
        ("arn:aws:s3vectors:us-east-1:000000000000:bucket/pains*", 0, "PASS  1 check"),
    ],
)
def test_the_policy_in_a_file_is_checked(
    resource: str, code: int, last: str, tmp_path: Path, vecgate: Vecgate
) -> None:
    """Without a target, because nothing is sent."""
    path = tmp_path / "policy.json"
    path.write_text(
        json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3vectors:*", "Resource": resource}]})
    )
    result = vecgate("doctor", "--check-policy", str(path))
    assert (result.code, result.out.splitlines()[-1]) == (code, last)
    assert ("right is bucket/pains" in result.out) is bool(code)


def test_an_unreachable_target(vecgate: Vecgate) -> None:
    """It is reported, with the checks that need no connection."""
    result = vecgate("doctor", "--target", "http://127.0.0.1:9", "--json")
    found = json.loads(result.out)
    assert (result.code, found["exit_code"], found["verdict"]) == (3, 3, "failed")
    assert {each["check"] for each in found["checks"]} == {
        *("target", "region", "credentials", "reachable", "versions", "extras")
    }


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--target", "aws"), 2, "no AWS region is set"),
        (("--target", "aws", "--region", "eu-west-1"), 3, "no AWS credentials were found"),
        (("--target", "mars"), 2, "'mars' is not a target"),
        (("--target", "aws", "--profile", "missing"), 2, "missing"),
    ],
)
def test_invalid_settings_are_a_failed_check(
    vecgate: Vecgate, words: tuple[str, ...], code: int, message: str
) -> None:
    """After the checks that need no target."""
    result = vecgate("doctor", *words)
    assert result.code == code
    assert message in result.out
    assert result.out.splitlines()[-1] == "FAIL  2 checks: 1 failed"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no target is named"),
        (
            ("--target", "local", "--write", "--bucket", "a", "--index", "b"),
            "--write uses its own bucket only",
        ),
        (("--target", "local", "--bucket-prefix", "-x"), "'-x' cannot start a bucket name"),
        (("--target", "local", "--bucket", "media"), "no index is named"),
        (("--target", "local", "--for", "nothing"), "'nothing' is not one of"),
        (("--policy", "nothing"), "'nothing' is not one of"),
        (("--policy", "ramp", "--account", "12"), "'12' is not an AWS account"),
        (("--policy", "ramp", "--region", "nonsense"), "'nonsense' is not an AWS region"),
    ],
)
def test_invalid_options_are_refused(vecgate: Vecgate, words: tuple[str, ...], message: str) -> None:
    """Before any check."""
    result = vecgate("doctor", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def as_amazon(url: str) -> Callable[[TargetChoice, Mapping[str, str]], Target]:
    """Return a replacement of `aws_target` that uses the server at *url*."""
    return lambda choice, environment: replace(target_from_url(url, choice, environment), name="aws")


def test_on_amazon_the_account_is_reported_and_tags_are_tested(
    vecgate: Vecgate, restricted: str, sign_as: SignAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The local endpoint replaces Amazon, and a server with one answer replaces STS."""
    identity = (
        b"<R><GetCallerIdentityResult><Arn>arn:aws:iam::000000000000:user/ann</Arn>"
        b"<Account>000000000000</Account></GetCallerIdentityResult></R>"
    )
    sign_as("ramp")
    with constant_server(identity, headers={"content-type": "text/xml"}) as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts)
        monkeypatch.setattr("vecgate.targets.aws_target.aws_target", as_amazon(restricted))
        result = vecgate("doctor", "--target", "aws", "--write")
    assert result.code == 0, result.out
    assert "000000000000, arn:aws:iam::000000000000:user/ann" in result.out
    assert [line.split()[0] for line in result.out.splitlines() if " TagResource " in line] == ["ok"]


@pytest.mark.parametrize("command", sorted(OPERATIONS_BY_COMMAND))
def test_a_policy_is_printed(vecgate: Vecgate, command: str) -> None:
    """Nothing else is printed, and nothing is sent."""
    result = vecgate(
        "doctor", "--policy", command, "--region", "cn-north-1", "--account", "123456789012", *INDEX
    )
    location = {"region": "cn-north-1", "account": "123456789012", "partition": "aws-cn"}
    names = {"bucket": "media", "index": "films"}
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == build_policy(command, **names, **location)


def test_a_policy_is_as_specific_as_the_options(vecgate: Vecgate) -> None:
    """Runs use a prefix. A command for one index should get its name."""
    ramp = vecgate("doctor", "--policy", "ramp", "--bucket-prefix", "team")
    assert "arn:aws:s3vectors:*:*:bucket/team-*/index/*" in ramp.out
    unrestricted = vecgate("doctor", "--policy", "put")
    assert "arn:aws:s3vectors:*:*:bucket/*/index/*" in unrestricted.out
    assert "restrict it with --bucket and --index" in unrestricted.err
    arn = "arn:aws:s3vectors:eu-west-1:123456789012:bucket/media/index/films"
    by_arn = vecgate("doctor", "--policy", "scan", "--index", arn)
    assert (arn in by_arn.out, by_arn.err) == (True, "")


def test_missing_extras_are_reported_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read from the metadata of the package."""
    requirements = [
        "a>=1",
        "b>=2; extra == 'load'",
        "c[d]>=3; (python_version < '3.14') and extra == \"fast\"",
    ]

    class Metadata:
        def get_all(self, name: str) -> list[str]:
            assert name == "Requires-Dist"
            return requirements

    def version(package: str) -> str:
        if package == "c":
            raise PackageNotFoundError
        return "1"

    monkeypatch.setattr("vecgate.diagnostics.installed.metadata", lambda _: Metadata())
    monkeypatch.setattr("vecgate.diagnostics.installed.version", version)
    diagnostic = check_extras()
    assert diagnostic.message == "installed: load; not installed: fast"
    assert diagnostic.hint == "pip install 'vecgate[fast]'"


@pytest.mark.parametrize(
    "option", sorted({option for each in doctor.params for option in each.opts} - COMMON)
)
def test_every_option_is_documented(option: str) -> None:
    """In `docs/doctor.md`."""
    assert option in PAGE


def test_every_exit_code_and_command_is_documented() -> None:
    """By number and by name."""
    assert all(f"| {int(code)} |" in PAGE for code in ExitCode if code is not ExitCode.GATE_FAILED)
    assert all(f"`{command}`" in PAGE for command in OPERATIONS_BY_COMMAND)


def test_documented_policies_are_those_that_are_printed(vecgate: Vecgate) -> None:
    """In `docs/doctor.md` and `docs/aws.md`."""
    for page in (PAGE, ON_AMAZON):
        for command, shown in re.findall(
            r"^\$ (vecgate doctor --policy .*)\n({\n(?:.*\n)*?}\n)", page, re.MULTILINE
        ):
            assert vecgate(*command.split()[1:]).out == shown


def test_the_documented_trust_policy_is_json() -> None:
    """And it is for web identities."""
    (shown,) = re.findall(r"```json\n(.*?)```", ON_AMAZON, re.DOTALL)
    assert json.loads(shown)["Statement"][0]["Action"] == "sts:AssumeRoleWithWebIdentity"
