"""Each command of the page on sources, run on a small input."""

from __future__ import annotations

import shlex
from pathlib import Path

import boto3
import pytest
from commands import Vecgate
from source_forms import FORMS, SourceForm, write_form


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.file)
def test_the_command_of_the_page_writes_every_record(
    form: SourceForm, vecgate: Vecgate, endpoint: str
) -> None:
    """The index then has the keys, vectors and metadata of the input, and nothing else."""
    write_form(form, Path())
    index = "i" + form.file.lower().replace("_", "-")
    words = [
        word.replace("films" if word == "films" else "\0", index) for word in shlex.split(form.command)[1:]
    ]
    words = [endpoint if word == "aws" else word for word in words]
    words[1] = form.file
    result = vecgate(*words)
    assert result.code == 0, result.err
    client = boto3.client(
        "s3vectors",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    stored = client.list_vectors(
        vectorBucketName="media", indexName=index, returnData=True, returnMetadata=True
    )["vectors"]
    found = {vector["key"]: vector["data"]["float32"] for vector in stored}
    assert found == dict(zip(form.keys, form.expected.tolist(), strict=True))
    first = next(vector for vector in stored if vector["key"] == form.keys[0])
    assert (first.get("metadata") or None) == form.metadata
