"""Correction of p-values for the number of cells that were looked at."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steer.errors import InvalidInputError

__all__ = ["holm"]


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust the p-values of a family of tests by Holm's step-down method.

    The chance that any true null hypothesis has an adjusted p-value of at most alpha is at most
    alpha, whatever the dependence between the tests: cells may share seeds and policies.

    Args:
        p_values: Of one family, shape [M], or of many, shape [..., M], each in [0, 1].

    Returns:
        Adjusted p-values in the order given, of the same shape, each in [p, 1].

    Raises:
        InvalidInputError: A p-value is not in [0, 1], or is a number and not an array.

    References:
        Holm, A simple sequentially rejective multiple test procedure, 1979.
    """
    found = np.asarray(p_values, dtype=np.float64)
    if found.ndim == 0:
        raise InvalidInputError.expected("p_values", "shape [..., M]", "shape ()")
    if not ((found >= 0.0) & (found <= 1.0)).all():
        raise InvalidInputError.expected("p_values", "each in [0, 1]", found)
    order = np.argsort(found, axis=-1, kind="stable")
    left = np.arange(found.shape[-1], 0, -1)
    stepped = np.maximum.accumulate(np.take_along_axis(found, order, -1) * left, axis=-1)
    adjusted = np.empty_like(found)
    np.put_along_axis(adjusted, order, np.minimum(stepped, 1.0), -1)
    return adjusted
