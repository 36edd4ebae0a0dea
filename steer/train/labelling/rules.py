"""Rules on what was observed: a number of a vector, or the distance of two of them.

Shape legend: T frames of all episodes.
"""

import re

import numpy as np
from numpy.typing import NDArray

from steer.errors import ConfigError
from steer.train.labelling.recording import Recording

__all__ = ["quantity", "vector"]

_PART = re.compile(r"(?P<key>[^\[\]]+)(\[(?P<first>\d+)(?P<colon>:(?P<last>\d+))?\])?")


def quantity(recording: Recording, of: str, to: str, *, option: str) -> NDArray[np.float64]:
    """Return a number of each frame, float64 [T]: the vector's only one, or a Euclidean distance.

    Args:
        recording: Whose columns the parts name.
        of: A part, `KEY`, `KEY[3]` or `KEY[3:6]`.
        to: Another one as long, or nothing.
        option: Of the command line, for the error, such as `--success`.

    Raises:
        ConfigError: A part is not written so, is not within the column, or they do not fit.
        DatasetError: There is no such column.
    """
    one = vector(recording, of, option=f"{option}.of")
    if not to:
        if one.shape[1] != 1:
            raise ConfigError(
                f"{option}.of: expected one number, such as {of.partition('[')[0]}[0], or "
                f"{option}.to with another vector, got {one.shape[1]} numbers"
            )
        return one[:, 0]
    two = vector(recording, to, option=f"{option}.to")
    if one.shape != two.shape:
        raise ConfigError(
            f"{option}.to: expected as many numbers as {option}.of, {one.shape[1]}, got "
            f"{two.shape[1]}"
        )
    distance: NDArray[np.float64] = np.linalg.norm(one - two, axis=1)
    return distance


def vector(recording: Recording, part: str, *, option: str) -> NDArray[np.float64]:
    """Return part of a vector of each frame, float64 [T, D]; see `quantity`."""
    found = _PART.fullmatch(part)
    if found is None:
        raise ConfigError(f"{option}: expected KEY, KEY[3] or KEY[3:6], got {part!r}")
    values = recording.column(found["key"]).astype(np.float64)
    values = values.reshape(len(values), -1)
    if found["first"] is None:
        return values
    first = int(found["first"])
    last = int(found["last"]) if found["colon"] else first + 1
    if not first < last <= values.shape[1]:
        raise ConfigError(f"{option}: expected a part of {values.shape[1]} numbers, got {part!r}")
    return values[:, first:last]
