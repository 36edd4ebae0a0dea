"""Outcomes for data without `next.success`: from a file, assumed, or (for controls) permuted."""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steer.errors import DatasetError

__all__ = ["permute_success", "read_success"]

_WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def read_success(path: Path, episode: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Read the outcome of each episode from a CSV file with the columns episode,success.

    Args:
        path: The file; success is 1, true, yes, 0, false or no. Episodes that are not asked for
            are ignored.
        episode: int64 of shape [E], dataset numbers of the episodes to label.

    Returns:
        bool of shape [E].

    Raises:
        DatasetError: The file cannot be read, repeats an episode, or lacks one.
    """
    outcomes: dict[int, bool] = {}
    try:
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                number, word = int(row["episode"]), row["success"].strip().lower()
                if number in outcomes:
                    raise DatasetError(f"{path}: expected each episode once, got {number} again")
                outcomes[number] = _WORDS[word]
    except (OSError, KeyError, ValueError, AttributeError) as error:
        raise DatasetError(
            f"{path}: expected a CSV file with the columns episode,success (1 or 0), got {error!r}"
        ) from error
    missing = [int(number) for number in episode if int(number) not in outcomes]
    if missing:
        raise DatasetError(f"{path}: expected all episodes, got none of {missing[:10]}")
    return np.array([outcomes[int(number)] for number in episode], np.bool_)


def permute_success(success: NDArray[np.bool_], *, seed: int) -> NDArray[np.bool_]:
    """Return the outcomes dealt to other episodes: the control that an audit must fail.

    Args:
        success: bool of shape [E].
        seed: Of the permutation.
    """
    return np.random.default_rng(seed).permutation(success)
