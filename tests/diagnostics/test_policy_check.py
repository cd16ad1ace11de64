"""What can never match in a policy is found: the denial that it causes names neither the ARN nor the action."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecgate.diagnostics.policy_check import check_policy, policy_problems
from vecgate.s3vectors.arn import bucket_arn, index_arn
from vecgate.s3vectors.model import service_model
from vecgate.targets.iam_policy import OPERATIONS_BY_COMMAND, build_policy

START = "arn:aws:s3vectors:us-east-1:000000000000:"


def problems(actions: Any, resources: Any, **where: str) -> list[str]:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return [
        problem.removeprefix("statement 1: ")
        for problem in policy_problems({"Statement": statement}, **where)
    ]


@pytest.mark.parametrize(
    ("resource", "fix"),
    [
        (f"{START}vector-bucket/pains", "right is bucket/pains"),
        (f"{START}vector-bucket/pains/index/i", "right is bucket/pains/index/i"),
        (f"{START}vectorbucket/pains", "right is bucket/pains"),
        (f"{START}bucket/pains/i", "right is bucket/pains/index/i"),
        (f"{START}pains", "right is bucket/pains"),
        (f"{START}index/pains", "right is bucket/BUCKET/index/INDEX"),
        (f"{START}bucket/UPPER", "matches no vector bucket and no index"),
        ("arn:aws:s3:::pains", "is one of s3, not of s3vectors: vector buckets have ARNs of their own"),
        ("arn:aws:dynamodb:us-east-1:0:table/x", "is one of dynamodb, not of s3vectors"),
        ("pains", "'pains' is not an ARN"),
        ("aws:s3vectors:x", "is not an ARN"),
    ],
)
def test_a_wrong_arn_is_found_with_the_right_form(resource: str, fix: str) -> None:
    """`vector-bucket/NAME` is the most frequent one."""
    (problem,) = problems("s3vectors:*", resource)
    assert fix in problem
    assert resource in problem


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        "arn:*",
        f"{START}*",
        f"{START}bucket/*",
        f"{START}bucket/vg-*",
        f"{START}bucket/a?c*/index/*",
        "arn:aws:s3vectors:*:*:bucket/${aws:PrincipalTag/team}*",
        "arn:aws-cn:s3vectors:cn-north-1:*:bucket/media*",
        ["arn:aws:s3vectors:*:*:bucket/media", "arn:aws:s3vectors:*:*:bucket/media/index/films"],
    ],
)
def test_wildcards_and_variables_can_match(resource: Any) -> None:
    """A `*` matches slashes too."""
    assert problems("s3vectors:*", resource) == []


@pytest.mark.parametrize(
    ("actions", "resource", "problem"),
    [
        ("s3vectors:PutVectors", "bucket/media", "so PutVectors never match; add "),
        (
            ["s3vectors:QueryVectors", "s3vectors:GetVectors"],
            "bucket/media",
            "so GetVectors, QueryVectors never",
        ),
        (
            "s3vectors:*",
            "bucket/media",
            "the ARN covers the bucket alone, so CreateIndex, DeleteIndex, DeleteVectors and",
        ),
        (
            "s3vectors:ListIndexes",
            "bucket/media/index/*",
            "covers indexes alone, so ListIndexes never match; add ",
        ),
    ],
)
def test_actions_on_the_other_type_of_resource_are_found(actions: Any, resource: str, problem: str) -> None:
    """An index is no part of its bucket for IAM."""
    (found,) = problems(actions, START + resource)
    assert problem in found
    assert START in found


def test_a_wildcard_in_an_action_is_no_oversight() -> None:
    """It may stand for actions on both types."""
    assert problems("s3vectors:Get*", f"{START}bucket/media") == []


@pytest.mark.parametrize(
    ("action", "problem"),
    [
        (
            "s3vectors:PutVector",
            "there is no action 's3vectors:PutVector'; did you mean s3vectors:PutVectors?",
        ),
        ("s3vectors:Zzz", "there is no action 's3vectors:Zzz'"),
        ("s3-vectors:PutVectors", "there is no service 's3-vectors'; actions begin with s3vectors:"),
        ("PutVectors", "'PutVectors' is no action; it must begin with s3vectors:"),
    ],
)
def test_an_unknown_action_is_found(action: str, problem: str) -> None:
    """With the nearest one."""
    assert problem in problems(action, "*")


@pytest.mark.parametrize(
    "action", ["*", "s3:GetObject", "S3Vectors:putvectors", "s3vectors:Get*", "s3vectors:*"]
)
def test_other_services_and_any_case_are_fine(action: str) -> None:
    """IAM ignores the case of actions."""
    assert problems(action, "*") == []


def test_resources_of_other_services_are_not_judged() -> None:
    """A policy has statements about many."""
    assert problems("s3:GetObject", "arn:aws:s3:::files/*") == []
    assert problems("s3:GetObject", f"{START}vector-bucket/x") != []


def statement_problems(**statement: Any) -> list[str]:
    whole = {"Effect": "Allow", "Resource": "*", **statement}
    return [each.removeprefix("statement 1: ") for each in policy_problems({"Statement": [whole]})]


@pytest.mark.parametrize("action", ["*", "*:*", ["s3:*", "s3vectors:*"]])
def test_a_statement_about_several_services_has_resources_of_each(action: Any) -> None:
    """Those of other services are not judged, those of this one are."""
    both = ["arn:aws:s3:::files", "arn:aws:s3:::files/*", f"{START}bucket/media*"]
    assert problems(action, both) == []
    (problem,) = problems(action, [*both, f"{START}vector-bucket/media"])
    assert "matches no vector bucket" in problem


def test_actions_without_a_resource_of_their_service_are_found() -> None:
    """And resources without an action of theirs."""
    assert problems(["s3:*", "s3vectors:PutVectors"], "arn:aws:s3:::files") == [
        "no resource is one of s3vectors, so s3vectors:PutVectors never match"
    ]
    assert problems("s3:PutVectors", f"{START}bucket/media/index/films") == [
        f"no action is one of s3vectors, so '{START}bucket/media/index/films' never matches"
    ]
    assert problems(["*", "s3:*"], "arn:aws:s3:::files") == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"NotAction": "iam:*"}, []),
        ({"NotAction": ["s3vectors:DeleteIndex", "s3:*"]}, []),
        ({"NotAction": "s3vectors:DropIndex"}, ["there is no action 's3vectors:DropIndex'; did you mean "]),
        ({"NotAction": "iam:*", "Resource": "arn:aws:s3:::files"}, []),
        ({"NotAction": "iam:*", "Resource": f"{START}vector-bucket/x"}, ["the ARN "]),
        ({"Action": "s3vectors:*", "NotResource": f"{START}bucket/secret*"}, []),
        ({"Action": "s3vectors:*", "NotResource": "arn:aws:s3vectors:eu-west-1:*:bucket/x"}, []),
        ({"Action": "s3vectors:*", "NotResource": f"{START}vector-bucket/secret"}, ["the ARN "]),
        ({"Action": "*", "NotResource": "arn:aws:s3:::files"}, []),
    ],
)
def test_excluded_actions_and_resources_are_checked(statement: dict[str, Any], expected: list[str]) -> None:
    """One that is misspelled excludes nothing. A statement may exclude other regions."""
    if "NotResource" in statement:
        statement = {"Resource": None, **statement}
        del statement["Resource"]
        found = policy_problems(
            {"Statement": {"Effect": "Deny", **statement}}, region="us-east-1", account="0" * 12
        )
        messages = [each.removeprefix("statement 1: ") for each in found]
    else:
        messages = statement_problems(**statement)
    assert len(messages) == len(expected)
    assert all(map(str.startswith, messages, expected))


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ({"Action": "s3vectors:*", "Effect": "allow"}, "its Effect must be Allow or Deny"),
        ({"Action": "s3vectors:*", "Effect": None}, "its Effect must be Allow or Deny"),
        ({"Action": "s3vectors:*", "NotAction": "iam:*"}, "it needs either Action or NotAction"),
        ({}, "it needs either Action or NotAction"),
        ({"Action": "s3vectors:*", "NotResource": "*"}, "it needs either Resource or NotResource"),
    ],
)
def test_a_form_that_iam_refuses_is_found(statement: dict[str, Any], problem: str) -> None:
    """Which would refuse the whole policy."""
    assert problem in statement_problems(**statement)


@pytest.mark.parametrize(
    "statement",
    [
        [],
        {"Action": "s3:*", "Resource": "*"},
        {"Action": "*", "Resource": ["arn:aws:s3:::files", "arn:aws:s3:::files/*"]},
        {"NotAction": "s3vectors:*", "Resource": "*"},
        {"NotAction": "*", "Resource": "*"},
        {"NotAction": "iam:*", "Resource": "arn:aws:s3:::files"},
    ],
)
def test_a_policy_that_is_not_about_the_service_fails(statement: Any) -> None:
    """It can allow nothing here, and is not called good. Where it may be of others it is skipped."""
    whole = {"Effect": "Allow", **statement} if statement else statement
    document = json.dumps({"Statement": whole})
    found = check_policy(document, "p.json")
    assert (found.grade, found.message) == ("failed", "p.json: no statement is about S3 Vectors")
    assert check_policy(document, "p.json", may_be_of_others=True).grade == "skipped"


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": "*", "Resource": "*"},
        {"Action": "*", "Resource": ["arn:aws:s3:::files", f"{START}bucket/media*"]},
        {"NotAction": "iam:*", "Resource": "*"},
        {"Action": "s3vectors:*", "NotResource": f"{START}bucket/secret*"},
    ],
)
def test_a_statement_about_everything_is_about_the_service(statement: Any) -> None:
    """As an administrator has it."""
    assert check_policy(json.dumps({"Statement": {"Effect": "Allow", **statement}}), "p").grade == "ok"


def test_only_two_characters_are_wildcards() -> None:
    """A bracket is none, and many asterisks cost no more than one."""
    assert (
        "is of the region [u]s-east-1"
        in problems("s3vectors:*", "arn:aws:s3vectors:[u]s-east-1:*:bucket/a*", region="us-east-1")[0]
    )
    assert problems(f"s3vectors:{'*' * 5_000}", f"arn:aws:{'*' * 5_000}x:*:*:bucket/a*") != []


def test_another_region_or_account_is_found() -> None:
    """Than those of the target."""
    arn = bucket_arn("media", region="eu-west-1", account="1" * 12) + "*"
    assert problems("s3vectors:*", arn, region="eu-west-1", account="1" * 12) == []
    assert (
        "is of the region eu-west-1, but the target's is us-east-1"
        in problems("s3vectors:*", arn, region="us-east-1")[0]
    )
    assert (
        "of the account 111111111111, but the target's is 222"
        in problems("s3vectors:*", arn, account="2" * 12)[0]
    )
    assert (
        "is of the region none"
        in problems("s3vectors:*", "arn:aws:s3vectors:::bucket/a*", region="us-east-1")[0]
    )


@pytest.mark.parametrize("command", OPERATIONS_BY_COMMAND)
def test_the_policies_that_vecgate_prints_are_right(command: str) -> None:
    """Each of them."""
    policy = build_policy(command, bucket="media", index="films", region="eu-west-1", account="1" * 12)
    assert list(policy_problems(policy, region="eu-west-1", account="1" * 12)) == []


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "p.json is not JSON"),
        ("[]", "p.json has no Statement"),
        ("{}", "p.json has no Statement"),
        ('{"Statement": ["x"]}', "p.json: statement 1 is not an object"),
        (
            '{"Statement": [{"Sid": "Own", "Action": "PutVectors"}]}',
            "p.json: statement 'Own': 'PutVectors' is no action",
        ),
    ],
)
def test_what_is_no_policy_fails(document: str, message: str) -> None:
    """With the name of its source."""
    found = check_policy(document, "p.json")
    assert found.grade == "failed"
    assert found.message.startswith(message)


def test_a_policy_that_can_match_is_ok() -> None:
    """And a wrong one has the form of ARNs as its hint."""
    arn = index_arn("media", "films", region="eu-west-1", account="1" * 12)
    good = {"Statement": {"Effect": "Allow", "Action": "s3vectors:PutVectors", "Resource": arn}}
    assert check_policy(json.dumps(good), "p").grade == "ok"
    bad = {"Statement": {"Effect": "Allow", "Action": "s3vectors:*", "Resource": f"{START}vector-bucket/x"}}
    found = check_policy(json.dumps(bad), "p")
    assert (found.grade, found.hint.startswith("Write resources as arn:aws:s3vectors:")) == ("failed", True)


_values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=20) | st.sampled_from(["s3vectors:*", f"{START}bucket/x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["Sid", "Action", "Resource", "Effect"]), _values), _values)
def test_no_document_is_an_exception(statement: dict[str, Any], other: Any) -> None:
    """Policies are written by hand."""
    check_policy(json.dumps({"Statement": [statement, other]}), "p", region="us-east-1", account="0" * 12)
    check_policy(json.dumps(other), "p")


@given(st.sampled_from(service_model().operation_names))
def test_every_operation_is_an_action(operation: str) -> None:
    """Of the service."""
    assert problems(f"s3vectors:{operation}", "*") == []
