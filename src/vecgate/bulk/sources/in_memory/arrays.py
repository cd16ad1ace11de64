"""Arrays of any library as numpy arrays."""

from __future__ import annotations

from array import array
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

    Raises ValueError if that is not possible.
    """
    for step in ("detach", "cpu"):
        value = getattr(value, step)() if callable(getattr(value, step, None)) else value
    try:
        return np.asarray(value)
    except (TypeError, RuntimeError) as error:
        # numpy has no bfloat16.
        if callable(to_float := getattr(value, "float", None)):
            return np.asarray(to_float())
        raise ValueError(str(error)) from error
