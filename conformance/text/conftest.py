"""Indexes with searchable texts. The tests use plain words, because Amazon does not document how it splits
and stems them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from vecgate.resources.handles import IndexHandle, MakeIndex

MakeTextIndex: TypeAlias = Callable[..., IndexHandle]


@pytest.fixture
def make_text_index(make_index: MakeIndex) -> MakeTextIndex:
    """Creates an index whose metadata keys *names* are searchable, with *language* if one is given."""

    def make(*names: str, language: str = "", **members: Any) -> IndexHandle:
        more = {"language": language} if language else {}
        configurations = [{"metadataKey": name, **more} for name in names or ("body",)]
        return make_index(metadataConfiguration={"textSearchConfigurations": configurations}, **members)

    return make
