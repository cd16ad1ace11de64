"""Indexes with searchable texts. The tests use plain words, because Amazon does not document how it splits
and stems them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import pytest

from vecgate.resources.handles import IndexHandle, MakeIndex

MakeTextIndex: TypeAlias = Callable[..., IndexHandle]


def build_text_index(make_index: MakeIndex, *names: str, language: str = "", **members: Any) -> IndexHandle:
    """Create an index whose metadata keys *names* are searchable, with *language* if one is given."""
    more = {"language": language} if language else {}
    configurations = [{"metadataKey": name, **more} for name in names or ("body",)]
    return make_index(metadataConfiguration={"textSearchConfigurations": configurations}, **members)


@pytest.fixture
def make_text_index(make_index: MakeIndex) -> MakeTextIndex:
    """Creates an index with `build_text_index`."""
    return partial(build_text_index, make_index)
