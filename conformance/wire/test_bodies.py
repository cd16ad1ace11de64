"""Bodies of requests: JSON in any spelling is understood, what is none is refused and does no harm."""

from __future__ import annotations

import json

import pytest

from vecgate.testing import sources
from vecgate.testing.raw import RawAnswer, RawClient
from vecgate.testing.requirements import requirement
from vecgate.testing.resources import Index, MakeIndex

STRINGS = sources.probe("string-encoding")


def put_text(index: Index, vectors: str) -> bytes:
    """A PutVectors with *vectors* as they are written."""
    return f'{json.dumps(index.address)[:-1]}, "vectors": {vectors}}}'.encode()


def one(key: str = '"k"', values: str = "[1.0, 0.5]", metadata: str = "") -> str:
    """An array of one vector, its parts as they are written."""
    return f'[{{"key": {key}, "data": {{"float32": {values}}}{metadata and f", {metadata}"}}}]'


def is_refusal(answer: RawAnswer) -> bool:
    """Whether the request is to blame."""
    return 400 <= answer.status < 500


# What is no JSON, or not the right kind.

NO_JSON = {
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
NO_OBJECT = {
    "array": b"[]",
    "array-of-an-object": b'[{"maxResults": 5}]',
    "text": b'"maxResults"',
    "number": b"5",
    "true": b"true",
}


@pytest.mark.parametrize("body", list(NO_JSON.values()), ids=list(NO_JSON))
@requirement("wire.no-json", level="should", evidence="inferred", source=sources.REST_JSON, needs="raw")
def test_what_is_no_json_is_refused(raw: RawClient, body: bytes) -> None:
    """A body that is no JSON is refused with 400."""
    assert raw("/ListVectorBuckets", body).status == 400


@pytest.mark.parametrize("body", list(NO_JSON.values()), ids=list(NO_JSON))
@requirement("wire.no-json-code", level="may", evidence="inferred", source=STRINGS, needs="raw")
def test_what_is_no_json_has_a_code(raw: RawClient, body: bytes) -> None:
    """What cannot be read at all is SerializationException, which no operation declares, or invalid."""
    assert raw("/ListVectorBuckets", body).code in {"SerializationException", "ValidationException"}


@pytest.mark.parametrize("body", list(NO_OBJECT.values()), ids=list(NO_OBJECT))
@requirement("wire.no-object", level="should", evidence="inferred", source=sources.REST_JSON, needs="raw")
def test_what_is_no_object_is_refused(raw: RawClient, body: bytes) -> None:
    """A body that is JSON but no object is refused with 400."""
    assert raw("/ListVectorBuckets", body).status == 400


@requirement("wire.works-on", level="must", evidence="inferred", source=sources.REST_JSON, needs="raw")
def test_after_nonsense_others_are_served(raw: RawClient, make_index: MakeIndex) -> None:
    """Bodies that cannot be read have no consequences for the next request."""
    index = make_index()
    for body in NO_JSON.values():
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
@requirement("wire.wrong-types", level="should", evidence="inferred", source=sources.MODEL, needs="raw")
def test_a_member_of_the_wrong_type_is_refused(
    raw: RawClient, make_index: MakeIndex, operation: str, member: str
) -> None:
    """A member of another type than the model says is refused with 400, and nothing is stored."""
    index = make_index()
    body = f"{json.dumps(index.address)[:-1]}, {member}}}".encode()
    assert raw(f"/{operation}", body).status == 400
    assert index.keys() == set()


@requirement("wire.number-for-a-name", level="should", evidence="inferred", source=sources.MODEL, needs="raw")
def test_a_number_is_no_name(raw: RawClient) -> None:
    """A name that is written as a number is refused with 400."""
    answer = raw("/GetVectorBucket", b'{"vectorBucketName": 12345}')
    assert is_refusal(answer)
    assert answer.status in {400, 404}


@requirement("wire.empty-body", level="should", evidence="inferred", source=sources.MODEL, needs="raw")
def test_no_body_lacks_what_is_required(raw: RawClient) -> None:
    """An operation that requires members refuses a request without a body with 400."""
    assert raw("/PutVectors", b"").status == 400


@requirement("wire.empty-body-optional", level="may", evidence="inferred", source=sources.MODEL, needs="raw")
def test_no_body_is_as_good_as_an_empty_object(raw: RawClient) -> None:
    """ListVectorBuckets, which requires nothing, does with no body at all, or refuses it with 400."""
    assert raw("/ListVectorBuckets", b"").status in {200, 400}


@requirement("wire.empty-object", level="must", evidence="model", source=sources.REST_JSON, needs="raw")
def test_an_empty_object_is_enough(raw: RawClient) -> None:
    """ListVectorBuckets, which requires nothing, does with the `{}` that SDKs send."""
    assert raw("/ListVectorBuckets", b"{}").status == 200


@pytest.mark.parametrize(
    "nested",
    ['{"a":' * 100_000 + "1" + "}" * 100_000, "[" * 100_000 + "]" * 100_000],
    ids=["objects", "arrays"],
)
@requirement("wire.deep-json", level="should", evidence="inferred", source=sources.REST_JSON, needs="raw")
def test_deep_nesting_is_refused_and_does_no_harm(raw: RawClient, make_index: MakeIndex, nested: str) -> None:
    """Metadata that is nested 100,000 deep is refused with 400, and the next request is served."""
    index = make_index()
    assert raw("/PutVectors", put_text(index, one(metadata=f'"metadata": {{"a": {nested}}}'))).status == 400
    assert raw("/ListVectors", index.address).json["vectors"] == []


@requirement("wire.long-number", level="should", evidence="inferred", source=sources.REST_JSON, needs="raw")
def test_a_number_may_have_many_digits(raw: RawClient, make_index: MakeIndex) -> None:
    """A value with 1,000 digits is rounded like any other."""
    index = make_index()
    assert raw("/PutVectors", put_text(index, one(values=f"[0.1{'0' * 1_000}, 1.0]"))).status == 200
    assert index.get("k")["k"]["data"]["float32"] == [0.10000000149011612, 1.0]


# What SerializationException was seen for.


@pytest.mark.parametrize(
    "vectors",
    [
        one(key='"a\\ud800b"'),
        one(key='"a\\udc00"'),
        one(metadata='"metadata": {"a": "\\ud83d"}'),
        one(metadata='"metadata": {"\\ude00": "a"}'),
        one(metadata='"metadata": {"a": ["x", "\\ude00\\ud83d"]}'),
    ],
    ids=["high-in-key", "low-in-key", "in-value", "in-metadata-key", "reversed-pair"],
)
@requirement("wire.lone-surrogates", level="must", evidence="recorded", source=STRINGS, needs="raw")
def test_a_lone_surrogate_is_refused(raw: RawClient, make_index: MakeIndex, vectors: str) -> None:
    """Half of a surrogate pair is no text, wherever it stands: 400 SerializationException, nothing stored."""
    index = make_index()
    answer = raw("/PutVectors", put_text(index, vectors))
    assert (answer.status, answer.code) == (400, "SerializationException")
    assert index.keys() == set()


@pytest.mark.parametrize("operation", ["GetVectors", "DeleteVectors"])
@requirement("wire.lone-surrogate-in-keys", level="must", evidence="recorded", source=STRINGS, needs="raw")
def test_a_lone_surrogate_in_keys_is_refused(raw: RawClient, make_index: MakeIndex, operation: str) -> None:
    """Half of a surrogate pair among the keys of a request is refused too."""
    body = f'{json.dumps(make_index().address)[:-1]}, "keys": ["k", "\\ud800"]}}'.encode()
    answer = raw(f"/{operation}", body)
    assert (answer.status, answer.code) == (400, "SerializationException")


@requirement(
    "wire.lone-surrogate-in-filter", level="must", evidence="recorded", source=STRINGS, needs="raw query"
)
def test_a_lone_surrogate_in_a_filter_is_refused(raw: RawClient, make_index: MakeIndex) -> None:
    """Half of a surrogate pair in a filter is refused too."""
    query = '"queryVector": {"float32": [1.0, 0.5]}, "topK": 1, "filter": {"a": "\\ud800"}'
    answer = raw("/QueryVectors", f"{json.dumps(make_index().address)[:-1]}, {query}}}".encode())
    assert (answer.status, answer.code) == (400, "SerializationException")


@requirement("wire.surrogate-pair", level="must", evidence="recorded", source=STRINGS, needs="raw")
def test_a_surrogate_pair_is_a_character(raw: RawClient, make_index: MakeIndex) -> None:
    """A pair of escapes spells one character, the same as its UTF-8 bytes."""
    index = make_index()
    vectors = one(key='"\\ud83d\\ude00"', metadata='"metadata": {"a": "\\ud83d\\ude00"}')
    assert raw("/PutVectors", put_text(index, vectors)).status == 200
    assert index.get("😀")["😀"]["metadata"] == {"a": "😀"}


# Spellings of the same.

SPELLINGS = {
    "spaces": one().replace(",", "  ,\n\t").replace(":", " :\r\n "),
    "no-spaces": one().replace(" ", ""),
    "other-order": '[{"data": {"float32": [1.0, 0.5]}, "key": "k"}]',
    "escaped-key": one(key='"\\u006b"'),
    "escaped-name": one().replace('"float32"', '"float\\u00332"'),
    "exponents": one(values="[1e0, 5E-1]"),
    "signed-exponents": one(values="[0.1e+1, 500e-3]"),
    "trailing-zeros": one(values="[1.000000000000000000000, 0.50]"),
    "whole-number": one(values="[1, 0.5]"),
}


@pytest.mark.parametrize("vectors", list(SPELLINGS.values()), ids=list(SPELLINGS))
@requirement("wire.json-spellings", level="must", evidence="inferred", source=sources.REST_JSON, needs="raw")
def test_json_may_be_spelled_in_any_way(raw: RawClient, make_index: MakeIndex, vectors: str) -> None:
    """White space, order, escapes and the form of a number do not matter."""
    index = make_index()
    assert raw("/PutVectors", put_text(index, vectors)).status == 200
    assert index.scan(returnData=True) == [{"key": "k", "data": {"float32": [1.0, 0.5]}}]


@requirement(
    "wire.utf-8-or-escaped", level="must", evidence="inferred", source=sources.REST_JSON, needs="raw"
)
def test_utf_8_and_escapes_spell_the_same_key(raw: RawClient, make_index: MakeIndex) -> None:
    """A key written in UTF-8 and one written with escapes are one key."""
    index = make_index()
    raw("/PutVectors", put_text(index, one(key='"é日"')))
    raw("/PutVectors", put_text(index, one(key='"\\u00e9\\u65e5"', values="[2.0, 2.0]")))
    assert index.scan(returnData=True) == [{"key": "é日", "data": {"float32": [2.0, 2.0]}}]


# What nobody has seen AWS do: either is fine, harm is not.


@requirement("wire.unknown-members", level="may", evidence="inferred", source=sources.REST_JSON, needs="raw")
def test_unknown_members_are_ignored_or_refused(raw: RawClient, make_index: MakeIndex) -> None:
    """A member that the model does not know changes nothing: it is ignored, or refused with 400."""
    index = make_index()
    index.put(("k", [1.0, 0.5]))
    answer = raw("/ListVectors", {**index.address, "prefix": "z", "filter": {"a": 1}})
    assert answer.status == 400 or answer.json["vectors"] == [{"key": "k"}]


@requirement("wire.null-members", level="may", evidence="inferred", source=sources.REST_JSON, needs="raw")
def test_null_is_as_good_as_absent_or_refused(raw: RawClient, make_index: MakeIndex) -> None:
    """An optional member that is null counts as absent, or is refused with 400."""
    index = make_index()
    index.put(("k", [1.0, 0.5]))
    answer = raw("/ListVectors", {**index.address, "maxResults": None, "nextToken": None, "indexArn": None})
    assert answer.status == 400 or answer.json["vectors"] == [{"key": "k"}]


@requirement(
    "wire.duplicate-members", level="may", evidence="inferred", source=sources.REST_JSON, needs="raw"
)
def test_a_repeated_member_does_no_harm(raw: RawClient, make_index: MakeIndex) -> None:
    """A member that is given twice is taken once, or refused with 400."""
    index = make_index()
    index.put(("k", [1.0, 0.5]), ("m", [0.5, 1.0]))
    body = f'{json.dumps(index.address)[:-1]}, "maxResults": 1, "maxResults": 2}}'.encode()
    answer = raw("/ListVectors", body)
    assert answer.status == 400 or 1 <= len(answer.json["vectors"]) <= 2


@pytest.mark.parametrize(
    "value",
    ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"],
    ids=["charset", "charset-upper-case", "case"],
)
@requirement(
    "wire.content-type-parameters", level="may", evidence="inferred", source=sources.REST_JSON, needs="raw"
)
def test_a_content_type_with_a_charset_is_taken(raw: RawClient, value: str) -> None:
    """A parameter or another case in the content type changes nothing, or is refused."""
    answer = raw("/ListVectorBuckets", b"{}", headers={"Content-Type": value})
    assert answer.status == 200 or is_refusal(answer)


@requirement(
    "wire.other-content-type", level="may", evidence="inferred", source=sources.REST_JSON, needs="raw"
)
def test_another_content_type_is_ignored_or_refused(raw: RawClient) -> None:
    """A body that says it is something else is read as JSON all the same, or refused."""
    answer = raw("/ListVectorBuckets", b"{}", headers={"Content-Type": "text/xml"})
    assert answer.status == 200 or is_refusal(answer)
