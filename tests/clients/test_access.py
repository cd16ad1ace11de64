"""Signatures, temporary credentials and denials, as each client meets them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from client_programs import Access, Keys
from places import Place
from sdks import Boto3Sdk, Refusal, Sdk, refusal_of

from vecgate.endpoint.local import LocalEndpoint

ORIGIN = {"topK": 1, "queryVector": {"float32": [0, 0]}}


def status_of(refusal: Refusal, sdk: Sdk) -> int:
    """Its HTTP status, which the CLI does not tell."""
    return 403 if sdk.name == "awscli" else refusal.status


def test_a_wrong_secret_is_refused_with_403(sdk: Sdk, home: Place, access: Access) -> None:
    """And nothing is done. What is told is no secret."""
    keys = replace(access.keys, secret_key="of somebody else")
    refusal = refusal_of(sdk, "DeleteIndex", home.index_address, keys=keys)
    assert (refusal.code, status_of(refusal, sdk)) == ("InvalidSignatureException", 403)
    assert "does not match the signature you provided" in refusal.message
    assert access.keys.access_key not in refusal.message
    assert sdk.call("GetIndex", home.index_address)["index"]["dimension"] == 2


def test_a_key_that_nobody_has_is_refused_with_403(sdk: Sdk, home: Place) -> None:
    """Whatever it signs."""
    refusal = refusal_of(sdk, "GetIndex", home.index_address, keys=Keys("VECGATENOBODY", "secret"))
    assert (refusal.code, status_of(refusal, sdk)) == ("UnrecognizedClientException", 403)


def test_temporary_credentials_need_their_token(sdk: Sdk, home: Place, visitor: Keys) -> None:
    """It is a header that is signed."""
    assert sdk.call("GetIndex", home.index_address, keys=visitor)["index"]["dimension"] == 2
    for token in ("", "another"):
        keys = replace(visitor, session_token=token)
        refusal = refusal_of(sdk, "GetIndex", home.index_address, keys=keys)
        assert (refusal.code, status_of(refusal, sdk)) == ("UnrecognizedClientException", 403)


@pytest.mark.parametrize("member", ["filter", "returnMetadata"])
def test_a_query_with_metadata_needs_get_vectors_too(
    sdk: Sdk, place: Place, searcher: Keys, member: str
) -> None:
    """The service model says so; the client has a class for the denial."""
    query = {**place.index_address, **ORIGIN}
    assert sdk.call("QueryVectors", query, keys=searcher)["vectors"] == [{"key": "a"}]
    value = {"year": 1999} if member == "filter" else True
    refusal = refusal_of(sdk, "QueryVectors", {**query, member: value}, keys=searcher)
    assert (refusal.code, status_of(refusal, sdk), refusal.is_typed) == ("AccessDeniedException", 403, True)
    assert refusal.message == (
        f"User: arn:aws:iam::{place.access.account}:user/searcher is not authorized to perform: "
        f"s3vectors:GetVectors on resource: {place.index_arn} because no identity-based policy allows the "
        "s3vectors:GetVectors action"
    )


def test_an_operation_that_is_not_allowed_is_denied(sdk: Sdk, place: Place, searcher: Keys) -> None:
    """Also where the ARN stands in the path, as it does for tags."""
    asked = {"resourceArn": place.resource_arn}
    refusal = refusal_of(sdk, "ListTagsForResource", asked, keys=searcher)
    assert (refusal.code, status_of(refusal, sdk)) == ("AccessDeniedException", 403)
    assert f"on resource: {place.resource_arn} because" in refusal.message


def test_the_pair_that_an_endpoint_makes_up_opens_it() -> None:
    """It is what `vecgate serve` prints; nobody else has it."""
    with LocalEndpoint(auth=True) as endpoint:
        keys = Keys(endpoint.access_key, endpoint.secret_key)
        with closing(Boto3Sdk(Access(endpoint.url, "us-east-1", "000000000000", keys))) as sdk:
            made = sdk.call("CreateVectorBucket", {"vectorBucketName": "mine"})
            assert made == {"vectorBucketArn": "arn:aws:s3vectors:us-east-1:000000000000:bucket/mine"}
            other = replace(keys, secret_key="guessed")
            assert refusal_of(sdk, "ListVectorBuckets", {}, keys=other).status == 403
