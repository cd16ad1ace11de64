"""The traceback of a failed requirement ends in the suite."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from vecgate.conformance_kit.tracebacks import cut_foreign_frames


def foreign_error(text: str) -> BaseException:
    """Return an error of a library, with a cause, that passed a frame of this file."""
    namespace: dict[str, object] = {}
    code = "def inner():\n    raise OSError(1)\ndef outer():\n    try:\n        inner()\n    except OSError as e:\n"
    exec(compile(f"{code}        raise ValueError({text!r}) from e", "/library.py", "exec"), namespace)  # noqa: S102
    with pytest.raises(ValueError, match=text) as caught:
        namespace["outer"]()  # type: ignore[operator]
    return caught.value


def test_frames_after_the_last_one_of_the_suite_are_cut() -> None:
    """The message stays, and so does that of the cause."""
    error = foreign_error("the reason")
    assert "/library.py" in "".join(traceback.format_exception(error))
    cut_foreign_frames(error, Path(__file__).parent)
    text = "".join(traceback.format_exception(error))
    assert "/library.py" not in text
    assert "namespace" in text
    assert "ValueError: the reason" in text
    assert "PermissionError: 1" in text or "OSError: 1" in text


def test_an_error_without_a_frame_of_the_suite_is_unchanged() -> None:
    """It shows where it is from. Causes that refer to each other end, too."""
    error = foreign_error("the reason")
    error.__cause__, error.__context__ = error, error
    cut_foreign_frames(error, Path("/none"))
    assert "/library.py" in "".join(traceback.format_tb(error.__traceback__))
