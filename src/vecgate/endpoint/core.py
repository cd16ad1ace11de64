"""The endpoint as one function: `apply(state, request, now)`.

It finds the operation by method and path, decodes the body, validates the members against the service model,
runs the operation and encodes the result. It returns a response for any bytes; bad input never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import TypeAlias
from uuid import UUID

import orjson

from vecgate.endpoint.operations import (
    buckets,
    indexes,
    metadata_configuration,
    modes,
    policies,
    tags,
    vectors,
)
from vecgate.endpoint.operations import query_vectors as query
from vecgate.endpoint.requests.body_decoding import (
    PutBody,
    PutBodyReader,
    build_put_body,
    read_document,
    read_put_with_msgspec,
)
from vecgate.endpoint.requests.messages import ApiError, Request, Response, invalid, not_implemented
from vecgate.endpoint.requests.request_validation import Document, check_constraints, check_input
from vecgate.endpoint.requests.routing import find_operation, members_outside_body
from vecgate.endpoint.storage.state import State
from vecgate.s3vectors.limits import PAYLOAD_BYTES_MAX

Operation: TypeAlias = Callable[[State, Document, float], Document]

PUT_VECTORS, DELETE_VECTORS = "PutVectors", "DeleteVectors"
#: All operations except PutVectors, whose body has a faster decoder.
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


class Guard:
    """Decides whether an operation may run, by raising ApiError; this one allows everything."""

    __slots__ = ()

    def authorize(self, operation: str, members: Mapping[str, object]) -> None:
        """Check a request as received, before its members are validated."""

    def admit(self, operation: str, members: Document, vectors: int) -> None:
        """Check a valid request right before it runs.

        members  without `vectors`
        vectors  the number of vectors that it writes or deletes
        """


def apply(
    state: State,
    request: Request,
    now: float,
    *,
    put_reader: PutBodyReader = read_put_with_msgspec,
    guard: Guard = Guard(),  # noqa: B008 - it has no state
) -> Response:
    """Return the response to *request*, and change *state* if the operation changes something.

    *now* is in epoch seconds. *put_reader* decodes the bodies of PutVectors that it supports. *guard* may
    prevent the operation.
    """
    state.serial += 1
    request_id = make_request_id(state.serial, now)
    try:
        result = _run(state, request, now, put_reader, guard)
    except ApiError as error:
        return error.response(request_id)
    return Response(200, orjson.dumps(result, option=orjson.OPT_SERIALIZE_NUMPY), request_id)


def check_body_size(declared_bytes: int) -> None:
    """Raise ApiError for a body over the limit. The service judges the declared length (observed 2026-09)."""
    if declared_bytes > PAYLOAD_BYTES_MAX:
        raise invalid("Request body exceeds max allowed size")


def make_request_id(serial: int, now: float) -> str:
    """Return a request id in the form of the published ones: a UUID of version 8 that begins with 1."""
    digest = blake2b(f"{serial} {now}".encode(), digest_size=16).hexdigest()
    return str(UUID(f"1{digest[1:12]}8{digest[13:16]}8{digest[17:]}"))


def _run(state: State, request: Request, now: float, put_reader: PutBodyReader, guard: Guard) -> Document:
    check_body_size(len(request.body))
    name = find_operation(request.method, request.path)
    if name == PUT_VECTORS:
        put = _read_put_body(request.body, put_reader)
        guard.authorize(name, put.address)
        guard.admit(name, put.address, len(put.keys))
        return vectors.put_vectors(state, put, now)
    if name not in OPERATIONS:
        raise not_implemented(f"the operation {name}")
    document = read_members(name, request)
    guard.authorize(name, document if isinstance(document, dict) else {})
    members = check_input(name, document)
    guard.admit(name, members, len(members["keys"]) if name == DELETE_VECTORS else 0)
    return OPERATIONS[name](state, members, now)


def read_members(name: str, request: Request) -> object:
    """Return the members in body, path and query, not validated. The body of a GET or a DELETE is ignored.

    Raises ApiError if they cannot be decoded.
    """
    document = read_document(request.body) if request.method == "POST" else {}
    if isinstance(document, dict):
        document.update(members_outside_body(name, request.path, request.query))
    return document


def _read_put_body(body: bytes, put_reader: PutBodyReader) -> PutBody:
    put = put_reader(body)
    if put is None:
        return build_put_body(check_input(PUT_VECTORS, read_document(body)), body)
    check_constraints(PUT_VECTORS, put.address)
    return put
