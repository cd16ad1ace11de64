"""Credentials of something else, used on a local endpoint, are answered with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import Vecgate, write_parquet

from vecgate.cli.options import OWN_KEYS_HINT, open_chosen_target
from vecgate.errors import ServiceError
from vecgate.targets.target import TargetChoice


@pytest.fixture(autouse=True)
def foreign_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials as they are left in a shell."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOFSOMETHINGELSE0")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-something-else")


def test_put_on_a_local_endpoint_says_where_its_keys_are(
    vecgate: Vecgate, restricted: str, tmp_path: Path
) -> None:
    """The endpoint printed them when it started."""
    films = write_parquet(tmp_path / "films.parquet", 3)
    result = vecgate("put", films, "--target", restricted, "--bucket", "bbb", "--index", "iii")
    assert (result.code, f"hint: {OWN_KEYS_HINT}\n" in result.err) == (3, True), result.err


@pytest.mark.parametrize(
    ("url", "code", "is_own"),
    [
        ("http://127.0.0.1:9", "UnrecognizedClientException", True),
        ("http://localhost:9", "InvalidSignatureException", True),
        ("http://[::1]:9", "MissingAuthenticationTokenException", True),
        ("http://127.0.0.1:9", "AccessDeniedException", False),
        ("https://vectors.example", "UnrecognizedClientException", False),
        ("http://127.0.0.1.example", "UnrecognizedClientException", False),
    ],
)
def test_only_refused_keys_of_a_local_endpoint_get_that_hint(url: str, code: str, is_own: bool) -> None:
    """Others keep theirs."""
    error = ServiceError("PutVectors", code, 403, "no")
    error.hint = "as before"
    with pytest.raises(ServiceError) as raised, open_chosen_target(TargetChoice(url)):
        raise error
    assert raised.value.hint == (OWN_KEYS_HINT if is_own else "as before")
