"""Checks that records and the wire share: arrays that may travel, and weights of scorers."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from steer.errors import InvalidInputError

__all__ = ["DTYPES", "MAX_RANK", "check_array", "check_finite", "check_weights"]

DTYPES = ("bool", "uint8", "uint16", "int32", "int64", "float16", "float32", "float64")
MAX_RANK = 5
_MAX_SCORERS, _MAX_WEIGHT = 32, 1e6
# Looking up a dtype takes 0.1 us, asking for its name 5 us.
_NATIVE_DTYPES = frozenset(map(np.dtype, DTYPES))


def check_array(what: str, value: object) -> None:
    """Raise InvalidInputError unless `value` is an array that may travel: dtype, rank, finite."""
    if not isinstance(value, np.ndarray):
        raise InvalidInputError.expected(what, "a NumPy array", type(value).__name__)
    if value.dtype not in _NATIVE_DTYPES and value.dtype.name not in DTYPES:
        raise InvalidInputError.expected(what, "dtype " + ", ".join(DTYPES), value.dtype.name)
    if value.ndim > MAX_RANK:
        raise InvalidInputError.expected(what, f"at most {MAX_RANK} axes", str(value.ndim))
    check_finite(what, value)


def check_weights(what: str, weights: Mapping[str, float]) -> None:
    """Raise InvalidInputError unless these are weights of scorers.

    Args:
        what: What the text calls them.
        weights: By name of a scorer; whether there is such a one is not looked at.
    """
    if len(weights) > _MAX_SCORERS:
        raise InvalidInputError.expected(what, f"at most {_MAX_SCORERS} scorers", len(weights))
    for name, weight in weights.items():
        if not 0 <= weight <= _MAX_WEIGHT:
            contract = f"a number in [0, {_MAX_WEIGHT:g}]"
            raise InvalidInputError.expected(f"{what}[{name!r}]", contract, weight)


def check_finite(what: str, value: NDArray[np.generic]) -> None:
    """Raise InvalidInputError, with the first bad index, where a float is NaN or infinite."""
    if value.dtype.kind != "f":
        return
    good = np.isfinite(value)
    if not good.all():
        index = [int(i) for i in np.argwhere(~good)[0]]
        raise InvalidInputError.expected(what, "finite values", f"{value[tuple(index)]} at {index}")
