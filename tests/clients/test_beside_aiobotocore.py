"""vecgate in an environment whose botocore is as old as aiobotocore needs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import boto3
import pytest
from client_programs import find_environment
from packaging.requirements import Requirement
from setup_clients import ROOT, find_client

from vecgate.endpoint.local import LocalEndpoint

WITHIN_S = 300.0


@pytest.fixture
def older() -> dict[str, str]:
    """The environment variables of a process that finds the packages of aiobotocore first."""
    packages = find_environment("aiobotocore") / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    return {"PYTHONPATH": str(packages)}


def run(older: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **older},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


def test_the_floor_of_boto3_is_met_beside_aiobotocore() -> None:
    """So that one environment can have both."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    floors = {each.name: each.specifier for each in map(Requirement, project["dependencies"])}
    pin = find_client("aiobotocore").pins["boto3"]
    assert floors["boto3"].contains(pin)
    assert floors["botocore"].contains(pin)


def test_the_endpoint_knows_what_the_older_model_lacks(older: dict[str, str]) -> None:
    """The whole of text search, and the message about it names the version."""
    found = run(older, "-c", "import botocore; print(botocore.__version__)").stdout.strip()
    assert found == find_client("aiobotocore").pins["boto3"]
    address = {"vectorBucketName": "films", "indexName": "plots"}
    with LocalEndpoint(environment=older) as endpoint:
        client = boto3.client(
            "s3vectors",
            endpoint_url=endpoint.url,
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )
        client.create_vector_bucket(vectorBucketName="films")
        client.create_index(**address, dataType="float32", dimension=1, distanceMetric="cosine")
        texts = {"textSearchConfigurations": [{"metadataKey": "plot", "language": "en"}]}
        client.update_metadata_configuration(**address, add=texts)
        stored = client.get_index(**address)["index"]["metadataConfiguration"]
        client.close()
    assert stored["textSearchConfigurations"][0]["metadataKey"] == "plot"


def test_doctor_names_the_version(older: dict[str, str]) -> None:
    """And what it lacks."""
    result = run(older, "-m", "vecgate", "doctor", "--target", "local", "--json")
    (versions,) = [each for each in json.loads(result.stdout)["checks"] if each["check"] == "versions"]
    assert versions["grade"] == "warning"
    assert f"botocore {find_client('aiobotocore').pins['boto3']} does not know" in versions["message"]
    assert "UpdateMetadataConfiguration" in versions["message"]


@pytest.mark.nightly
def test_the_quick_conformance_run_passes(older: dict[str, str]) -> None:
    """Its client knows the newest model."""
    result = run(older, "-m", "vecgate", "conform", "--target", "local", "--level", "quick")
    assert result.returncode == 0, result.stdout + result.stderr
