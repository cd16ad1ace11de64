"""Indexes whose texts are searchable. Words are plain: how AWS cuts and stems them is not published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from vecgate.testing.resources import Index, MakeIndex

MakeTexts: TypeAlias = Callable[..., Index]


@pytest.fixture
def make_texts(make_index: MakeIndex) -> MakeTexts:
    """Makes indexes whose metadata keys *names* are searchable, in *language* where one is given."""

    def make(*names: str, language: str = "", **members: Any) -> Index:
        more = {"language": language} if language else {}
        configurations = [{"metadataKey": name, **more} for name in names or ("body",)]
        return make_index(metadataConfiguration={"textSearchConfigurations": configurations}, **members)

    return make
