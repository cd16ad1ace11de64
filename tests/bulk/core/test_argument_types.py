"""A wrong argument of the public classes is one sentence, never an error from inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vecgate.bulk.config import BulkConfig
from vecgate.bulk.core.argument_types import check_instance, check_integer, described, text_list
from vecgate.bulk.core.retry import RetryPolicy
from vecgate.bulk.reader import BulkReader
from vecgate.bulk.sources import ColumnChoice
from vecgate.bulk.writer import BulkWriter
from vecgate.errors import ConfigError, UsageError
from vecgate.testing.scripted_service import ScriptedService

RECORD = [{"key": "a", "vector": [1.0, 2.0]}]


def _writer(**options: Any) -> Any:
    return BulkWriter(ScriptedService(), **{"bucket": "b", "index": "i", **options})


def _reader(**options: Any) -> Any:
    return BulkReader(ScriptedService(), **{"bucket": "b", "index": "i", **options})


#: Takes arguments of any type.
CONFIG: Any = BulkConfig
WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: _reader().get("doc-1"), "keys must be a list of keys, but is the text 'doc-1'"),
    (lambda: _reader().get(b"x"), "keys must be a list of keys, but is the text b'x'"),
    (lambda: _reader().get(5), "keys must be a list of keys, but is an int"),
    (lambda: _reader().get(None), "keys must be a list of keys, but is None"),
    (lambda: _reader().get({"a": 1}), "keys must be a list of keys, but is a dict"),
    (lambda: _reader().get(["a", 1]), "keys must be texts, but one is an int"),
    (lambda: _reader().query("abc", 3), "the query vector must be a list of finite float32 numbers"),
    (lambda: _reader().query(None, 3), "the query vector must be a list of finite float32 numbers"),
    (lambda: _reader().query({"a": 1}, 3), "the query vector must be a list of finite float32 numbers"),
    (lambda: _reader().query([[1.0]], 3), "the query vector must be a list of finite float32 numbers"),
    (lambda: _reader().query([1.0], "3"), "top_k is '3', allowed is 1 to 10,000"),
    (lambda: _reader().query([1.0], 2.5), "top_k is 2.5, allowed is 1 to 10,000"),
    (lambda: _reader().query([1.0], top_k=True), "top_k is True, allowed is 1 to 10,000"),
    (lambda: _reader().query([1.0], 10_001), "top_k is 10,001, allowed is 1 to 10,000"),
    (lambda: _reader().query([1.0], 1, filter="a"), "filter must be a Mapping, but is a str"),
    (lambda: list(_reader().scan("x")), "segments is 'x', allowed is 1 to 16"),
    (lambda: _reader(retry=3), "retry must be a RetryPolicy, but is an int"),
    (lambda: _reader(parallel=0), "parallel is 0, allowed is 1 to 256"),
    (lambda: _writer(config={"batch_vectors": 5}), "config must be a BulkConfig, but is a dict"),
    (lambda: _writer(bucket=5), "bucket must be a name, but is of type int"),
    (lambda: _writer(index=None), "index must be a name, but is of type NoneType"),
    (lambda: _writer(subscribers=5), "a subscriber is a int"),
    (lambda: _writer().put(RECORD, columns={"key": "a"}), "columns must be a ColumnChoice, but is a dict"),
    (lambda: _writer().put(RECORD, journal=5, stable_order=True), "journal must be a path, but is an int"),
    (lambda: _writer().delete("doc-1"), "there is no file doc-1"),
    (lambda: CONFIG(batch_vectors="5"), "batch_vectors is '5', allowed is 1 to 500"),
    (lambda: CONFIG(batch_vectors=2.5), "batch_vectors is 2.5, allowed is 1 to 500"),
    (lambda: CONFIG(in_flight=None), "in_flight is None, allowed is 1 to 256"),
    (lambda: CONFIG(vectors_per_s="fast"), "vectors_per_s is 'fast', allowed is a number above 0"),
    (lambda: CONFIG(retry_for_s="10m"), "retry_for_s is '10m', allowed is 0 to 86,400"),
    (lambda: CONFIG(retry=3), "retry must be a RetryPolicy, but is an int"),
    (lambda: CONFIG(rejects_max="10%"), "rejects_max must be a RejectLimit, but is a str"),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_wrong_argument_is_one_sentence(call: Callable[[], Any], message: str) -> None:
    """It names the argument, what it is, and what it must be."""
    with pytest.raises(UsageError) as caught:
        call()
    assert str(caught.value).startswith(message)


def test_keys_are_deleted_and_read_from_any_iterable() -> None:
    """A list, a tuple, an array, a generator."""
    for keys in (["a", "b"], ("a", "b"), np.array(["a", "b"]), (key for key in "ab")):
        assert _writer().delete(keys).acknowledged == 2
    for values in (["a", "b"], np.array(["a", "b"]), (key for key in "ab")):
        assert text_list("keys", values) == ["a", "b"]


def test_numbers_of_numpy_are_numbers() -> None:
    """Settings often come from arrays."""
    assert CONFIG(batch_vectors=np.int64(5), vectors_per_s=np.float32(2)).batch_vectors == 5
    check_integer("x", np.int8(3), 1, 3)


def test_the_hint_shows_the_class() -> None:
    """Only of vecgate's own classes, and None is allowed where the argument is optional."""
    check_instance("retry", None, RetryPolicy, optional=True)
    check_instance("columns", ColumnChoice(), ColumnChoice)
    with pytest.raises(ConfigError) as caught:
        check_instance("retry", None, RetryPolicy)
    assert caught.value.hint == "Pass retry=RetryPolicy(…)."
    with pytest.raises(ConfigError) as caught:
        check_instance("filter", 5, dict)
    assert caught.value.hint == ""
    assert described(5) == "an int"
