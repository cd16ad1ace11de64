"""Request bodies: any valid JSON is accepted, and invalid JSON is rejected without side effects."""

from __future__ import annotations

import json

import pytest

from vecgate.conformance_kit import evidence_sources as sources
from vecgate.conformance_kit.requests.raw_client import RawAnswer, RawClient
from vecgate.conformance_kit.requirements import requirement
from vecgate.resources.handles import IndexHandle, MakeIndex

STRINGS = sources.probe("string-encoding")


def put_body(index: IndexHandle, vectors: str) -> bytes:
    """Return a PutVectors body with *vectors* exactly as written."""
    return f'{json.dumps(index.address)[:-1]}, "vectors": {vectors}}}'.encode()


def one_vector(key: str = '"k"', values: str = "[1.0, 0.5]", metadata: str = "") -> str:
    """Return a JSON array of one vector, with its parts exactly as written."""
    return f'[{{"key": {key}, "data": {{"float32": {values}}}{metadata and f", {metadata}"}}}]'


def is_client_error(answer: RawAnswer) -> bool:
    """Return whether the status is 4xx."""
    return 400 <= answer.status < 500


# Invalid JSON and wrong types.

INVALID_JSON = {
    "truncated": b'{"maxResults": 5',
    "truncated-text": b'{"prefix": "ab',
    "words": b"give me all",
    "single-quotes": b"{'maxResults': 5}",
    "trailing-comma": b'{"maxResults": 5,}',
    "trailing-words": b'{"maxResults": 5} and so on',
    "two-objects": b'{"maxResults": 5}{"maxResults": 5}',
    "no-quotes": b"{maxResults: 5}",
    "comment": b'{"maxResults": 5 /* many */}',
    "leading-zero": b'{"maxResults": 05}',
    "no-utf-8": b'{"prefix": "\xff\xfe"}',
    "xml": b"<ListVectorBuckets/>",
    "form": b"maxResults=5",
    "null-bytes": b"\x00\x00\x00\x00",
}
OTHER_JSON = {
    "array": b"[]",
    "array-of-an-object": b'[{"maxResults": 5}]',
    "text": b'"maxResults"',
    "number": b"5",
    "true": b"true",
}


@pytest.mark.parametrize("body", list(INVALID_JSON.values()), ids=list(INVALID_JSON))
@requirement("wire.no-json", kind="refusal", evidence="documented", source=sources.MALFORMED, needs="raw")
def test_invalid_json_is_rejected(raw: RawClient, body: bytes) -> None:
    """A body that is not valid JSON is rejected with 400."""
    assert raw("/ListVectorBuckets", body).status == 400


@pytest.mark.parametrize("body", list(INVALID_JSON.values()), ids=list(INVALID_JSON))
@requirement("wire.no-json-code", kind="open", evidence="inferred", source=STRINGS, needs="raw")
def test_the_code_of_invalid_json(raw: RawClient, body: bytes) -> None:
    """The code for invalid JSON is SerializationException, which no operation declares, or
    ValidationException.
    """
    assert raw("/ListVectorBuckets", body).code in {"SerializationException", "ValidationException"}


@pytest.mark.parametrize("body", list(OTHER_JSON.values()), ids=list(OTHER_JSON))
@requirement("wire.no-object", kind="refusal", evidence="documented", source=sources.MALFORMED, needs="raw")
def test_json_other_than_an_object_is_rejected(raw: RawClient, body: bytes) -> None:
    """A body of JSON that is not an object is rejected with 400."""
    assert raw("/ListVectorBuckets", body).status == 400


@requirement(
    "wire.works-on", kind="guard", evidence="inferred", source=sources.REST_JSON, needs="raw", slow=True
)
def test_the_next_request_after_invalid_json_is_served(raw: RawClient, make_index: MakeIndex) -> None:
    """Invalid JSON does not affect the next request."""
    index = make_index()
    for body in INVALID_JSON.values():
        raw("/PutVectors", body)
    index.put(("k", [1.0, 0.5]))
    assert index.keys() == {"k"}


WRONG_TYPES = {
    "text-for-list": ("GetVectors", '"keys": "k"'),
    "object-for-list": ("GetVectors", '"keys": {"k": 1}'),
    "number-for-text": ("GetVectors", '"keys": [5]'),
    "object-for-text": ("GetVectors", '"keys": [{}]'),
    "null-in-list": ("GetVectors", '"keys": [null]'),
    "text-for-vectors": ("PutVectors", '"vectors": "k"'),
    "text-for-a-vector": ("PutVectors", '"vectors": ["k"]'),
    "array-for-data": ("PutVectors", '"vectors": [{"key": "k", "data": [1.0, 0.5]}]'),
    "text-for-values": ("PutVectors", '"vectors": [{"key": "k", "data": {"float32": "[1.0, 0.5]"}}]'),
    "text-for-a-value": ("PutVectors", '"vectors": [{"key": "k", "data": {"float32": ["1.0", 0.5]}}]'),
    "null-for-a-value": ("PutVectors", '"vectors": [{"key": "k", "data": {"float32": [null, 0.5]}}]'),
    "boolean-for-a-value": ("PutVectors", '"vectors": [{"key": "k", "data": {"float32": [true, 0.5]}}]'),
    "array-for-a-value": ("PutVectors", '"vectors": [{"key": "k", "data": {"float32": [[1.0], 0.5]}}]'),
    "bare-nan": ("PutVectors", '"vectors": [{"key": "k", "data": {"float32": [NaN, 0.5]}}]'),
    "bare-infinity": ("PutVectors", '"vectors": [{"key": "k", "data": {"float32": [Infinity, 0.5]}}]'),
    "data-of-another-type": ("PutVectors", '"vectors": [{"key": "k", "data": {"float64": [1.0, 0.5]}}]'),
    "data-of-no-type": ("PutVectors", '"vectors": [{"key": "k", "data": {}}]'),
    "text-for-number": ("ListVectors", '"maxResults": "many"'),
    "list-for-number": ("ListVectors", '"maxResults": [1]'),
    "boolean-for-number": ("ListVectors", '"maxResults": true'),
    "object-for-token": ("ListVectors", '"nextToken": {}'),
    "number-for-flag": ("ListVectors", '"returnData": [1]'),
}


@pytest.mark.parametrize(("operation", "member"), list(WRONG_TYPES.values()), ids=list(WRONG_TYPES))
@requirement("wire.wrong-types", kind="refusal", evidence="documented", source=sources.MALFORMED, needs="raw")
def test_a_member_of_the_wrong_type_is_rejected(
    raw: RawClient, make_index: MakeIndex, operation: str, member: str
) -> None:
    """A member of another type than in the model is rejected with 400, and nothing is stored."""
    index = make_index()
    body = f"{json.dumps(index.address)[:-1]}, {member}}}".encode()
    assert raw(f"/{operation}", body).status == 400
    assert index.keys() == set()


@requirement(
    "wire.number-for-a-name", kind="refusal", evidence="documented", source=sources.MALFORMED, needs="raw"
)
def test_a_number_as_a_name_is_rejected(raw: RawClient) -> None:
    """A number in place of a name is rejected with 400 or 404."""
    answer = raw("/GetVectorBucket", b'{"vectorBucketName": 12345}')
    assert is_client_error(answer)
    assert answer.status in {400, 404}


@requirement("wire.empty-body", kind="refusal", evidence="inferred", source=sources.MODEL, needs="raw")
def test_an_empty_body_without_required_members_is_rejected(raw: RawClient) -> None:
    """An operation with required members rejects an empty body with 400."""
    assert raw("/PutVectors", b"").status == 400


@requirement("wire.empty-body-optional", kind="open", evidence="inferred", source=sources.MODEL, needs="raw")
def test_an_empty_body_without_required_members_missing(raw: RawClient) -> None:
    """ListVectorBuckets, which has no required members, accepts an empty body or rejects it with 400."""
    assert raw("/ListVectorBuckets", b"").status in {200, 400}


@requirement("wire.empty-object", kind="effect", evidence="model", source=sources.REST_JSON, needs="raw")
def test_an_empty_object_is_accepted(raw: RawClient) -> None:
    """ListVectorBuckets, which has no required members, accepts the `{}` that SDKs send."""
    assert raw("/ListVectorBuckets", b"{}").status == 200


@pytest.mark.parametrize(
    "nested",
    ['{"a":' * 100_000 + "1" + "}" * 100_000, "[" * 100_000 + "]" * 100_000],
    ids=["objects", "arrays"],
)
@requirement("wire.deep-json", kind="effect", evidence="inferred", source=sources.REST_JSON, needs="raw")
def test_deep_nesting_is_rejected(raw: RawClient, make_index: MakeIndex, nested: str) -> None:
    """Metadata nested 100,000 levels deep is rejected with 400, and the next request is served."""
    index = make_index()
    assert (
        raw("/PutVectors", put_body(index, one_vector(metadata=f'"metadata": {{"a": {nested}}}'))).status
        == 400
    )
    assert raw("/ListVectors", index.address).members["vectors"] == []


@requirement("wire.long-number", kind="effect", evidence="inferred", source=sources.REST_JSON, needs="raw")
def test_a_number_may_have_many_digits(raw: RawClient, make_index: MakeIndex) -> None:
    """A value with 1,000 digits is rounded like any other."""
    index = make_index()
    assert raw("/PutVectors", put_body(index, one_vector(values=f"[0.1{'0' * 1_000}, 1.0]"))).status == 200
    assert index.get("k")["k"]["data"]["float32"] == [0.10000000149011612, 1.0]


# Cases in which SerializationException has been seen.


@pytest.mark.parametrize(
    "vectors",
    [
        one_vector(key='"a\\ud800b"'),
        one_vector(key='"a\\udc00"'),
        one_vector(metadata='"metadata": {"a": "\\ud83d"}'),
        one_vector(metadata='"metadata": {"\\ude00": "a"}'),
        one_vector(metadata='"metadata": {"a": ["x", "\\ude00\\ud83d"]}'),
    ],
    ids=["high-in-key", "low-in-key", "in-value", "in-metadata-key", "reversed-pair"],
)
@requirement("wire.lone-surrogates", kind="refusal", evidence="recorded", source=STRINGS, needs="raw")
def test_a_lone_surrogate_is_rejected(raw: RawClient, make_index: MakeIndex, vectors: str) -> None:
    """A lone surrogate anywhere is rejected with 400, and nothing is stored."""
    index = make_index()
    assert raw("/PutVectors", put_body(index, vectors)).status == 400
    assert index.keys() == set()


@requirement("wire.lone-surrogate-code", kind="detail", evidence="recorded", source=STRINGS, needs="raw")
def test_the_code_of_a_lone_surrogate(raw: RawClient, make_index: MakeIndex) -> None:
    """The code for a lone surrogate is SerializationException."""
    answer = raw("/PutVectors", put_body(make_index(), one_vector(key='"a\\ud800b"')))
    assert answer.code == "SerializationException"


@pytest.mark.parametrize("operation", ["GetVectors", "DeleteVectors"])
@requirement("wire.lone-surrogate-in-keys", kind="guard", evidence="recorded", source=STRINGS, needs="raw")
def test_a_lone_surrogate_in_keys_is_rejected(raw: RawClient, make_index: MakeIndex, operation: str) -> None:
    """A lone surrogate in the keys of a request is rejected, too."""
    body = f'{json.dumps(make_index().address)[:-1]}, "keys": ["k", "\\ud800"]}}'.encode()
    answer = raw(f"/{operation}", body)
    assert (answer.status, answer.code) == (400, "SerializationException")


@requirement(
    "wire.lone-surrogate-in-filter", kind="refusal", evidence="recorded", source=STRINGS, needs="raw query"
)
def test_a_lone_surrogate_in_a_filter_is_rejected(raw: RawClient, make_index: MakeIndex) -> None:
    """A lone surrogate in a filter is rejected, too."""
    query = '"queryVector": {"float32": [1.0, 0.5]}, "topK": 1, "filter": {"a": "\\ud800"}'
    answer = raw("/QueryVectors", f"{json.dumps(make_index().address)[:-1]}, {query}}}".encode())
    assert (answer.status, answer.code) == (400, "SerializationException")


@requirement("wire.surrogate-pair", kind="effect", evidence="recorded", source=STRINGS, needs="raw")
def test_a_surrogate_pair_is_a_character(raw: RawClient, make_index: MakeIndex) -> None:
    """A pair of surrogate escapes is one character, the same as its UTF-8 bytes."""
    index = make_index()
    vectors = one_vector(key='"\\ud83d\\ude00"', metadata='"metadata": {"a": "\\ud83d\\ude00"}')
    assert raw("/PutVectors", put_body(index, vectors)).status == 200
    assert index.get("😀")["😀"]["metadata"] == {"a": "😀"}


# Equivalent JSON.

SPELLINGS = {
    "spaces": one_vector().replace(",", "  ,\n\t").replace(":", " :\r\n "),
    "no-spaces": one_vector().replace(" ", ""),
    "other-order": '[{"data": {"float32": [1.0, 0.5]}, "key": "k"}]',
    "escaped-key": one_vector(key='"\\u006b"'),
    "escaped-name": one_vector().replace('"float32"', '"float\\u00332"'),
    "exponents": one_vector(values="[1e0, 5E-1]"),
    "signed-exponents": one_vector(values="[0.1e+1, 500e-3]"),
    "trailing-zeros": one_vector(values="[1.000000000000000000000, 0.50]"),
    "whole-number": one_vector(values="[1, 0.5]"),
}


@pytest.mark.parametrize("vectors", list(SPELLINGS.values()), ids=list(SPELLINGS))
@requirement("wire.json-spellings", kind="effect", evidence="model", source=sources.REST_JSON, needs="raw")
def test_equivalent_json_is_accepted(raw: RawClient, make_index: MakeIndex, vectors: str) -> None:
    """White space, order, escapes and the notation of numbers do not matter."""
    index = make_index()
    assert raw("/PutVectors", put_body(index, vectors)).status == 200
    assert index.scan(returnData=True) == [{"key": "k", "data": {"float32": [1.0, 0.5]}}]


@requirement("wire.utf-8-or-escaped", kind="effect", evidence="model", source=sources.REST_JSON, needs="raw")
def test_utf_8_and_escapes_are_the_same_key(raw: RawClient, make_index: MakeIndex) -> None:
    """A key in UTF-8 and the same key with escapes are one key."""
    index = make_index()
    raw("/PutVectors", put_body(index, one_vector(key='"é日"')))
    raw("/PutVectors", put_body(index, one_vector(key='"\\u00e9\\u65e5"', values="[2.0, 2.0]")))
    assert index.scan(returnData=True) == [{"key": "é日", "data": {"float32": [2.0, 2.0]}}]


# The behaviour of AWS is not known here: any answer without side effects is accepted.


@requirement("wire.unknown-members", kind="open", evidence="inferred", source=sources.REST_JSON, needs="raw")
def test_unknown_members_are_ignored_or_rejected(raw: RawClient, make_index: MakeIndex) -> None:
    """A member that the model does not have is ignored or rejected with 400."""
    index = make_index()
    index.put(("k", [1.0, 0.5]))
    answer = raw("/ListVectors", {**index.address, "prefix": "z", "filter": {"a": 1}})
    assert answer.status == 400 or answer.members["vectors"] == [{"key": "k"}]


@requirement("wire.null-members", kind="open", evidence="inferred", source=sources.REST_JSON, needs="raw")
def test_null_members_are_ignored_or_rejected(raw: RawClient, make_index: MakeIndex) -> None:
    """An optional member that is null is treated as absent or rejected with 400."""
    index = make_index()
    index.put(("k", [1.0, 0.5]))
    answer = raw("/ListVectors", {**index.address, "maxResults": None, "nextToken": None, "indexArn": None})
    assert answer.status == 400 or answer.members["vectors"] == [{"key": "k"}]


@requirement(
    "wire.duplicate-members", kind="open", evidence="inferred", source=sources.REST_JSON, needs="raw"
)
def test_a_repeated_member_is_used_once_or_rejected(raw: RawClient, make_index: MakeIndex) -> None:
    """A member that is given twice is used once or rejected with 400."""
    index = make_index()
    index.put(("k", [1.0, 0.5]), ("m", [0.5, 1.0]))
    body = f'{json.dumps(index.address)[:-1]}, "maxResults": 1, "maxResults": 2}}'.encode()
    answer = raw("/ListVectors", body)
    assert answer.status == 400 or 1 <= len(answer.members["vectors"]) <= 2


@pytest.mark.parametrize(
    "value",
    ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"],
    ids=["charset", "charset-upper-case", "case"],
)
@requirement(
    "wire.content-type-parameters", kind="open", evidence="inferred", source=sources.REST_JSON, needs="raw"
)
def test_other_forms_of_the_content_type(raw: RawClient, value: str) -> None:
    """A parameter or another case in the content type is accepted or rejected with a 4xx status."""
    answer = raw("/ListVectorBuckets", b"{}", headers={"Content-Type": value})
    assert answer.status == 200 or is_client_error(answer)


@requirement(
    "wire.other-content-type", kind="open", evidence="inferred", source=sources.REST_JSON, needs="raw"
)
def test_another_content_type_is_ignored_or_rejected(raw: RawClient) -> None:
    """A body with another content type is read as JSON or rejected with a 4xx status."""
    answer = raw("/ListVectorBuckets", b"{}", headers={"Content-Type": "text/xml"})
    assert answer.status == 200 or is_client_error(answer)
