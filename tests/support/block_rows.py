from __future__ import annotations

from typing import Any

from vecgate.bulk.core.record_blocks import Block


def rows_of(block: Block) -> list[tuple[int, str, bytes, Any]]:
    """Return the records of *block* one by one: position, key, bits of the vector, metadata."""
    vectors = [row.tobytes() for row in block.vectors]
    return list(zip(block.positions.tolist(), block.keys, vectors, block.metadata, strict=True))
