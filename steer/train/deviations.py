"""How far each number of the data spreads: what states and chunks are told apart by."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["deviations"]

_Floats = TypeVar("_Floats", bound=np.floating[Any])
_FLOOR = 1e-2
"""Least deviation of a number, in its unit: the noise of a still joint says nothing."""


def deviations(values: NDArray[_Floats]) -> NDArray[_Floats]:
    """Return the deviation of each number over the rows, shape [D], no less than 0.01.

    Args:
        values: Shape [T, D]; divide by the result, and distances are in deviations.
    """
    spread: NDArray[_Floats] = np.maximum(values.std(axis=0), _FLOOR, dtype=values.dtype)
    return spread
