"""The endpoint as one function: `apply(state, request, now)`.

It finds the operation by method and path, reads the body, has the framework's checks made, runs the
operation, and encodes what comes of it. Whatever the bytes are, it answers; bad input raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import TypeAlias
from uuid import UUID

import orjson

from vecgate.endpoint.answers import Answer, Refused, Request, invalid, not_built
from vecgate.endpoint.decoding import PutBody, QuickRead, put_body, read_document, typed_read
from vecgate.endpoint.operations import (
    buckets,
    indexes,
    metadata_configuration,
    modes,
    policies,
    query,
    tags,
    vectors,
)
from vecgate.endpoint.routing import members_outside_body, operation_at
from vecgate.endpoint.state import State
from vecgate.endpoint.validation import Document, check_given, check_input
from vecgate.s3vectors.limits import PAYLOAD_BYTES_MAX

Operation: TypeAlias = Callable[[State, Document, float], Document]
#: Told what is about to be done: the operation, its members but for `vectors`, and how many vectors it
#: writes. It raises Refused to prevent it.
Admit: TypeAlias = Callable[[str, Document, int], None]

PUT_VECTORS, DELETE_VECTORS = "PutVectors", "DeleteVectors"
#: All but PutVectors, whose body has a quick way.
OPERATIONS: Mapping[str, Operation] = {
    "CreateVectorBucket": buckets.create_vector_bucket,
    "GetVectorBucket": buckets.get_vector_bucket,
    "ListVectorBuckets": buckets.list_vector_buckets,
    "DeleteVectorBucket": buckets.delete_vector_bucket,
    "CreateIndex": indexes.create_index,
    "GetIndex": indexes.get_index,
    "ListIndexes": indexes.list_indexes,
    "DeleteIndex": indexes.delete_index,
    "GetVectors": vectors.get_vectors,
    "ListVectors": vectors.list_vectors,
    "DeleteVectors": vectors.delete_vectors,
    "QueryVectors": query.query_vectors,
    "PutVectorBucketPolicy": policies.put_vector_bucket_policy,
    "GetVectorBucketPolicy": policies.get_vector_bucket_policy,
    "DeleteVectorBucketPolicy": policies.delete_vector_bucket_policy,
    "ListTagsForResource": tags.list_tags_for_resource,
    "TagResource": tags.tag_resource,
    "UntagResource": tags.untag_resource,
    "PutVectorBucketDefaultIndexMode": modes.put_vector_bucket_default_index_mode,
    "UpdateIndexMode": modes.update_index_mode,
    "UpdateMetadataConfiguration": metadata_configuration.update_metadata_configuration,
}


def admit_all(operation: str, members: Document, vectors: int) -> None:
    """An `Admit` that prevents nothing."""


def apply(
    state: State,
    request: Request,
    now: float,
    *,
    quick_read: QuickRead = typed_read,
    admit: Admit = admit_all,
) -> Answer:
    """The answer to *request*; *state* changes where the operation changes something.

    *now* is epoch seconds. *quick_read* reads the bodies of PutVectors where it can. *admit* is asked once a
    request has passed the framework's checks.
    """
    state.serial += 1
    request_id = request_id_of(state.serial, now)
    try:
        result = _result(state, request, now, quick_read, admit)
    except Refused as refusal:
        return refusal.answer(request_id)
    return Answer(200, orjson.dumps(result, option=orjson.OPT_SERIALIZE_NUMPY), request_id)


def refuse_too_large(declared_bytes: int) -> None:
    """Raise Refused for a body over the limit. The service goes by the declared length (observed 2026-09)."""
    if declared_bytes > PAYLOAD_BYTES_MAX:
        raise invalid("Request body exceeds max allowed size")


def request_id_of(serial: int, now: float) -> str:
    """A request id in the form that every published one has: a version 8 UUID that begins with 1."""
    digest = blake2b(f"{serial} {now}".encode(), digest_size=16).hexdigest()
    return str(UUID(f"1{digest[1:12]}8{digest[13:16]}8{digest[17:]}"))


def _result(state: State, request: Request, now: float, quick_read: QuickRead, admit: Admit) -> Document:
    refuse_too_large(len(request.body))
    name = operation_at(request.method, request.path)
    if name == PUT_VECTORS:
        put = _put_body(request.body, quick_read)
        admit(name, put.address, len(put.keys))
        return vectors.put_vectors(state, put, now)
    if name not in OPERATIONS:
        raise not_built(f"the operation {name}")
    members = check_input(name, _document(name, request))
    admit(name, members, len(members["keys"]) if name == DELETE_VECTORS else 0)
    return OPERATIONS[name](state, members, now)


def _document(name: str, request: Request) -> object:
    """All that *request* says, wherever it says it. A GET or a DELETE has no body worth reading."""
    document = read_document(request.body) if request.method == "POST" else {}
    if isinstance(document, dict):
        document.update(members_outside_body(name, request.path, request.query))
    return document


def _put_body(body: bytes, quick_read: QuickRead) -> PutBody:
    quick = quick_read(body)
    if quick is None:
        return put_body(check_input(PUT_VECTORS, read_document(body)))
    check_given(PUT_VECTORS, quick.address)
    return quick
