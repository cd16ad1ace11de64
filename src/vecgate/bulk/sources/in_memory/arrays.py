"""Arrays of any library as numpy arrays, and copies of records of their producer."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt


def is_array(value: object) -> bool:
    """Return True for an array of numpy, torch, JAX and the like, also on another device."""
    # numpy's scalars have the same attributes.
    is_like = hasattr(value, "__array__") and hasattr(value, "dtype") and not isinstance(value, np.generic)
    return is_like or isinstance(value, array)


def as_array(value: Any) -> npt.NDArray[Any]:  # noqa: ANN401 - of any library
    """Return *value* as a numpy array. Tensors are detached and copied from their device.

    Raises ValueError if that is not possible, or if values are masked: numpy would take those below the mask.
    """
    if any(isinstance(row, np.ma.MaskedArray) and row.mask.any() for row in _rows(value)):
        raise ValueError("it has masked values")
    for step in ("detach", "cpu"):
        value = getattr(value, step)() if callable(getattr(value, step, None)) else value
    try:
        return np.asarray(value)
    except (TypeError, RuntimeError) as error:
        # numpy has no bfloat16.
        if callable(to_float := getattr(value, "float", None)):
            return np.asarray(to_float())
        raise ValueError(str(error)) from error


def _rows(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else (value,)


def held(record: object) -> object:
    """Return a copy of *record*, whose producer may use its lists and arrays again for the next one."""
    if isinstance(record, Mapping):
        return {name: _held_value(value) for name, value in record.items()}
    return tuple(map(_held_value, record)) if type(record) is tuple else _held_value(record)


def _held_value(value: Any) -> Any:  # noqa: ANN401 - of any library
    if isinstance(value, list) and value and type(value[0]) in {int, float}:
        return value.copy()  # deepcopy would look at each number
    try:
        return deepcopy(value)
    except Exception:  # noqa: BLE001 - any class may refuse, such as a tensor with a gradient
        return np.array(as_array(value)) if is_array(value) else value
