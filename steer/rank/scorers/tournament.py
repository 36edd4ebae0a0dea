"""Tournament: every candidate against every other, decided by the votes of the members.

Shapes: `K` members, `N` candidates.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steer.errors import ConfigError
from steer.rank.scorers.base import Situation

__all__ = ["Tournament"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tournament:
    """Score by the share of matches won, in [0, 1].

    In a match of two candidates each member votes for the one that it values higher, or abstains
    where they differ by no more than `noise`. More votes win; a tie is half a win for both. So a
    member's scale does not count, and one that is wildly wrong has one vote.

    Attributes:
        noise: In discounted return, >= 0: the difference that a member cannot resolve.

    Raises:
        ConfigError: `noise` is out of range.

    References:
        Li et al., VLA-ATTC, 2026, compares candidates in pairs by a critic trained for it. Differs:
        every pair, by the votes of an ensemble of values; no critic of pairs is needed.
    """

    noise: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.noise) and self.noise >= 0):
            raise ConfigError(f"tournament.noise: expected a finite number >= 0, got {self.noise}")

    def __call__(self, situation: Situation) -> NDArray[np.float32] | None:
        """Return the score of each candidate, shape [N]; None where the critic has not valued them.

        NaN for a candidate with a value that is not finite: it has lost no match, but is unfit to
        play. One candidate alone scores 0.5.
        """
        value_KN = situation.value_KN
        if value_KN is None:
            return None
        N = len(situation)
        if N == 1:
            win_N = np.array([0.5])
        else:
            votes_NN = (value_KN[:, :, None] > value_KN[:, None, :] + self.noise).sum(axis=0)
            points_NN = (np.sign(votes_NN - votes_NN.T) + 1) / 2
            win_N = (points_NN.sum(axis=1) - 0.5) / (N - 1)  # without the tie against itself
        is_sound_N = np.isfinite(value_KN).all(axis=0)
        return np.where(is_sound_N, win_N, np.nan).astype(np.float32)
