"""Shortens the traceback of a failed requirement to the frames of the suite.

Frames of botocore and urllib3 say nothing about a target, and formatting them takes most of the time of a run
against a target that fails.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def cut_foreign_frames(error: BaseException, root: Path) -> None:
    """Remove the frames after the last one of a file in *root* or in vecgate from *error* and its causes."""
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        frame, last = each.__traceback__, None
        while frame is not None:
            if _is_own(frame.tb_frame.f_code.co_filename, root):
                last = frame
            frame = frame.tb_next
        if last is not None:
            last.tb_next = None
        elif each is not error:
            each.__traceback__ = None
        pending += [each.__cause__, each.__context__]


def _is_own(file: str, root: Path) -> bool:
    path = Path(file)
    return path.is_relative_to(root) or path.is_relative_to(PACKAGE)
