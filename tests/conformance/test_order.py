"""The outcome of a requirement does not depend on the order of the tests, even on a server with many faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.conformance.faulty_endpoint import TIMEOUT_S, make_faulty_endpoint, run_on_faulty_endpoint

#: Faults that do not exclude each other, and whose effect depends neither on chance nor on earlier requests.
TOGETHER = (
    "bound-above", "enum-case", "tag-signs", "bucket-name-dot", "index-name-no-dot", "bucket-created-twice",
    "arn-of-elsewhere", "index-milliseconds", "default-mode-hidden", "index-encryption-hidden", "xml-errors",
    "starts-with-ignored", "in-first-values", "distances-in-float32", "names-unlimited", "segment-both",
    "policy-object", "keys-nfc", "arrays-sorted", "normalized", "dimension-2000", "metric-without-results",
    "flag-data-false", "flag-distance-false", "text-long-ignored", "kms-key-hidden", "system-capitals",
    "beyond-float32", "metadata-text", "untag-first",
)  # fmt: skip
ORDERS = ("", "1", "2", "3", "4")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the suite and an endpoint that has all faults at once."""
    return make_faulty_endpoint(tmp_path_factory.mktemp("faulty"), TOGETHER)


def run_in_order(folder: Path, order: str, tests: Sequence[str], *options: str) -> Mapping[str, str]:
    """Return the outcome of each test on the faulty endpoint, run in the order with the seed *order*."""
    shuffle = ["--vecgate-shuffle", order] if order else []
    run = run_on_faulty_endpoint(folder, tests, *options, *shuffle)
    return {result.id: result.outcome for result in run.results}


def test_the_faults_do_not_exclude_each_other(faulty: Path) -> None:
    """All of them were applied to one copy."""
    assert len(set(TOGETHER)) == 30
    assert faulty.is_dir()


@pytest.mark.timeout(TIMEOUT_S)
def test_two_orders_of_a_few_files_agree(faulty: Path) -> None:
    """Names and tags: tests that create resources which a correct server would refuse."""
    tests = [f"conformance/operations/test_{name}.py" for name in ("create_vector_bucket", "untag_resource")]
    first, second = (run_in_order(faulty, order, tests) for order in ("", "1"))
    assert {id_: (first[id_], second[id_]) for id_ in first if first[id_] != second[id_]} == {}
    assert set(first.values()) >= {"passed", "failed"}


@pytest.mark.nightly
@pytest.mark.timeout(5 * TIMEOUT_S)
def test_five_orders_agree(faulty: Path) -> None:
    """The whole suite, in its own order and in four random ones."""
    first, *others = (run_in_order(faulty, order, ["conformance"]) for order in ORDERS)
    for order, outcomes in zip(ORDERS[1:], others, strict=True):
        different = {id_: (first[id_], outcomes.get(id_)) for id_ in first if first[id_] != outcomes.get(id_)}
        assert different == {}, f"order {order} gives other outcomes"


@pytest.mark.nightly
@pytest.mark.timeout(2 * TIMEOUT_S)
def test_two_processes_agree_with_one(faulty: Path) -> None:
    """Tests of one worker do not disturb those of another."""
    alone = run_in_order(faulty, "", ["conformance"])
    together = run_in_order(faulty, "5", ["conformance"], "-n", "2")
    assert {id_: (alone[id_], together.get(id_)) for id_ in alone if alone[id_] != together.get(id_)} == {}
