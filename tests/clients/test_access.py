"""Signatures, temporary credentials and denials, through each client."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from client_programs import Access, Keys
from sample_index import SampleIndex
from sdks import Boto3Sdk, ReportedError, Sdk, expect_error

from vecgate.endpoint.local import LocalEndpoint

ORIGIN = {"topK": 1, "queryVector": {"float32": [0, 0]}}


def status_of(error: ReportedError, sdk: Sdk) -> int:
    """Return the HTTP status; 403 for the CLI, which does not report it."""
    return 403 if sdk.name == "awscli" else error.status


def test_a_wrong_secret_is_refused_with_403(sdk: Sdk, sample_by_name: SampleIndex, access: Access) -> None:
    """Nothing is applied, and the message contains no key."""
    keys = replace(access.keys, secret_key="another-secret")
    error = expect_error(sdk, "DeleteIndex", sample_by_name.index_address, keys=keys)
    assert (error.code, status_of(error, sdk)) == ("InvalidSignatureException", 403)
    assert "does not match the signature you provided" in error.message
    assert access.keys.access_key not in error.message
    assert sdk.call("GetIndex", sample_by_name.index_address)["index"]["dimension"] == 2


def test_an_unknown_key_is_refused_with_403(sdk: Sdk, sample_by_name: SampleIndex) -> None:
    error = expect_error(sdk, "GetIndex", sample_by_name.index_address, keys=Keys("VECGATEUNKNOWN", "secret"))
    assert (error.code, status_of(error, sdk)) == ("UnrecognizedClientException", 403)


def test_temporary_credentials_need_their_token(
    sdk: Sdk, sample_by_name: SampleIndex, temporary_keys: Keys
) -> None:
    """The token is a signed header."""
    assert sdk.call("GetIndex", sample_by_name.index_address, keys=temporary_keys)["index"]["dimension"] == 2
    for token in ("", "another"):
        keys = replace(temporary_keys, session_token=token)
        error = expect_error(sdk, "GetIndex", sample_by_name.index_address, keys=keys)
        assert (error.code, status_of(error, sdk)) == ("UnrecognizedClientException", 403)


@pytest.mark.parametrize("member", ["filter", "returnMetadata"])
def test_a_query_with_metadata_also_needs_get_vectors(
    sdk: Sdk, sample: SampleIndex, searcher_keys: Keys, member: str
) -> None:
    """As the service model documents; the client has a class for the denial."""
    query = {**sample.index_address, **ORIGIN}
    assert sdk.call("QueryVectors", query, keys=searcher_keys)["vectors"] == [{"key": "a"}]
    value = {"year": 1999} if member == "filter" else True
    error = expect_error(sdk, "QueryVectors", {**query, member: value}, keys=searcher_keys)
    assert (error.code, status_of(error, sdk), error.is_typed) == ("AccessDeniedException", 403, True)
    assert error.message == (
        f"User: arn:aws:iam::{sample.access.account}:user/searcher is not authorized to perform: "
        f"s3vectors:GetVectors on resource: {sample.index_arn} because no identity-based policy allows the "
        "s3vectors:GetVectors action"
    )


def test_an_operation_that_is_not_allowed_is_denied(
    sdk: Sdk, sample: SampleIndex, searcher_keys: Keys
) -> None:
    """Also if the ARN is in the path, as for tags."""
    arguments = {"resourceArn": sample.resource_arn}
    error = expect_error(sdk, "ListTagsForResource", arguments, keys=searcher_keys)
    assert (error.code, status_of(error, sdk)) == ("AccessDeniedException", 403)
    assert f"on resource: {sample.resource_arn} because" in error.message


def test_the_generated_key_pair_of_an_endpoint_works() -> None:
    """`vecgate serve` prints it, and no other pair is accepted."""
    with LocalEndpoint(auth=True) as endpoint:
        keys = Keys(endpoint.access_key, endpoint.secret_key)
        with closing(Boto3Sdk(Access(endpoint.url, "us-east-1", "000000000000", keys))) as sdk:
            created = sdk.call("CreateVectorBucket", {"vectorBucketName": "films"})
            assert created == {"vectorBucketArn": "arn:aws:s3vectors:us-east-1:000000000000:bucket/films"}
            other = replace(keys, secret_key="guessed")
            assert expect_error(sdk, "ListVectorBuckets", {}, keys=other).status == 403
