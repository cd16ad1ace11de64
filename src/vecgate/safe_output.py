"""The standard streams of a command: nothing secret and nothing executable passes them.

`guard_output` puts a `SafeStream` before stdout and stderr for as long as a command runs. So this also holds
for tracebacks, warnings and the output of libraries. A display that needs escape sequences, such as a
progress bar, writes to `trusted_stream` and makes foreign text printable itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from vecgate.errors import OutputError
from vecgate.printable import printable
from vecgate.redaction import redact, redact_own


def safe_text(text: str) -> str:
    """Return *text* without secrets and in a printable form."""
    return printable(redact(text))


class SafeStream:
    """Redacts the text that is written to *stream*, and makes it printable.

    replace  how to redact
    escapes  false for text that may have escape sequences and workflow commands
    """

    def __init__(
        self, stream: IO[str], *, replace: Callable[[str], str] = redact, escapes: bool = True
    ) -> None:
        self._stream, self._replace, self._escapes = stream, replace, escapes
        self._is_at_line_start = True

    def write(self, text: str) -> int:
        """Write *text* and return its length."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        safe = self._replace(text)
        if self._escapes:
            # Within a line, `::` is no command.
            safe = printable(safe) if self._is_at_line_start else printable(f"x{safe}")[1:]
            last_line = text.rpartition("\n")[2]
            self._is_at_line_start = not last_line.strip() and (self._is_at_line_start or "\n" in text)
        with _output_errors():
            self._stream.write(safe)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered."""
        with _output_errors():
            self._stream.flush()

    def writelines(self, lines: list[str]) -> None:
        """Write all *lines*."""
        for line in lines:
            self.write(line)

    @property
    def unguarded(self) -> IO[str]:
        """The stream itself."""
        return self._stream

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the attributes of any stream
        return getattr(self._stream, name)


def output_problem(error: OSError) -> str:
    """Return what is wrong with an output that cannot be written."""
    return f"the output cannot be written ({error.strerror or error})"


@contextmanager
def _output_errors() -> Iterator[None]:
    """Turn the error of a full disk into an OutputError. A reader that has gone is not an error."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            f"{output_problem(error)}, so the result is not shown",
            hint="What the command has changed at the target stays changed.",
        ) from error


def trusted_stream(stream: IO[str]) -> IO[str]:
    """Return *stream* for text that may have escape sequences. Secrets are redacted nevertheless."""
    return cast("IO[str]", SafeStream(_unguarded(stream), escapes=False))


def data_stream(stream: IO[str]) -> IO[str]:
    """Return *stream* for JSON with data of the user, which decodes to the same values unless they hold a
    secret in use.
    """
    return cast("IO[str]", SafeStream(_unguarded(stream), replace=redact_own))


def _unguarded(stream: IO[str]) -> IO[str]:
    return stream.unguarded if isinstance(stream, SafeStream) else stream


@contextmanager
def guard_output() -> Iterator[None]:
    """Put a SafeStream before stdout and stderr as long as the context."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("Any", _guard(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _guard(stream: Any) -> Any:  # noqa: ANN401 - None without a terminal on some systems
    return stream if stream is None or isinstance(stream, SafeStream) else SafeStream(stream)
