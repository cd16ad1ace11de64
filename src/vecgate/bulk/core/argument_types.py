"""Checks the types of public arguments, so that a wrong one is one sentence and not an error from inside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral, Real

from vecgate.errors import ConfigError


def check_instance(name: str, value: object, kind: type, *, optional: bool = False) -> None:
    """Raise ConfigError unless *value* is a *kind*, or None if it is *optional*."""
    if not (isinstance(value, kind) or (optional and value is None)):
        raise ConfigError(
            f"{name} must be a {kind.__name__}, but is {described(value)}",
            hint=f"Pass {name}={kind.__name__}(…)." if kind.__module__.startswith("vecgate.") else "",
        )


def check_integer(name: str, value: object, low: int, high: int) -> None:
    """Raise ConfigError unless *value* is an integer from *low* to *high*."""
    if not is_integer(value) or not low <= value <= high:  # type: ignore[operator] # an integer
        raise ConfigError(f"{name} is {shown(value)}, allowed is {low:,} to {high:,}")


def is_integer(value: object) -> bool:
    """Return True for an integer of Python or numpy; a boolean is none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Return True for a number of Python or numpy; a boolean is none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def shown(value: object) -> str:
    """Return a number as text, and a value of another type as it would be written."""
    return f"{value:,}" if is_number(value) else repr(value)


def text_list(name: str, values: object) -> list[str]:
    """Return *values*, an iterable of texts, as a list. Raises ConfigError for another type."""
    if isinstance(values, str | bytes):
        raise ConfigError(
            f"{name} must be a list of {name}, but is the text {values!r}", hint=f"Pass [{values!r}]."
        )
    if isinstance(values, Mapping) or not isinstance(values, Iterable):
        raise ConfigError(f"{name} must be a list of {name}, but is {described(values)}")
    listed = list(values)
    for value in listed:
        if not isinstance(value, str):
            raise ConfigError(f"{name} must be texts, but one is {described(value)}")
    return listed


def described(value: object) -> str:
    """Return the type of *value* with its article, such as `an int`."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
