"""How many candidates to draw: more only while the members do not agree on the best.

Shapes: `K` members, `N` candidates scored so far.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steer.errors import ConfigError

__all__ = ["AdaptiveN"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveN:
    """Doubles the number of candidates until the best is clear of the members' noise.

    The best is compared with the policy's own chunk, candidate 0: its advantage, member by member,
    in units of the standard error of the mean over members (its own, or that of all candidates
    where that is larger). It is clear in both directions: where even the best of the others is
    surely worse, the policy's own chunk has won. Members that share an encoder err together, and
    the best of many is partly lucky, so the noise is larger than what is seen; the factor makes up
    for both.

    Attributes:
        start: How many to draw first, >= 1.
        maximum: How many to draw at most, >= `start`.
        noise_factor: How many standard errors are clear, > 0.

    Raises:
        ConfigError: One is out of range.

    References:
        Zhang et al., V0.5, 2026, spends rollouts where a test rejects the prior's value. Differs:
        the noise of an ensemble in the place of a prior, at inference, paired with candidate 0.
    """

    start: int = 4
    maximum: int = 32
    noise_factor: float = 2.0

    def __post_init__(self) -> None:
        if not 1 <= self.start <= self.maximum:
            raise ConfigError(
                f"adaptive: expected 1 <= start <= maximum, got {self.start} and {self.maximum}"
            )
        if not (math.isfinite(self.noise_factor) and self.noise_factor > 0):
            raise ConfigError(
                f"adaptive.noise_factor: expected a finite number > 0, got {self.noise_factor}"
            )

    def needs_more(
        self,
        value_KN: NDArray[np.float32],
        num_drawn: int,
        feasible_N: NDArray[np.bool_] | None = None,
    ) -> int:
        """Return how many candidates to draw beside those that are there; 0 to decide now.

        One member alone shows no noise, so nothing is ever clear to it and it gets the maximum. A
        value that is not finite ends the drawing: a broken critic decides nothing.

        Args:
            value_KN: Of the candidates scored so far, in discounted return; N = 0 before the first.
            num_drawn: How many candidates there are, >= N: some may not be scored.
            feasible_N: Which the robot could run; None for all. Candidate 0 always may.
        """
        if num_drawn >= self.maximum:
            return 0
        if num_drawn < self.start:
            return self.start - num_drawn
        if not np.isfinite(value_KN).all() or self._is_clear(value_KN, feasible_N):
            return 0
        return min(2 * num_drawn, self.maximum) - num_drawn

    def _is_clear(
        self, value_KN: NDArray[np.float32], feasible_N: NDArray[np.bool_] | None
    ) -> bool:
        others_KN = value_KN[:, 1:] if feasible_N is None else value_KN[:, 1:][:, feasible_N[1:]]
        num_members, num_others = others_KN.shape
        if num_members < 2 or not num_others:
            return False
        advantage_KN = others_KN.astype(np.float64) - value_KN[:, :1]
        best_K = advantage_KN[:, int(advantage_KN.mean(axis=0).argmax())]
        # Few members agree by luck on one candidate, but hardly on all: the larger one counts.
        pooled = math.sqrt(float(advantage_KN.var(axis=0, ddof=1).mean()))
        error = max(float(best_K.std(ddof=1)), pooled) / math.sqrt(num_members)
        return abs(float(best_K.mean())) > self.noise_factor * error
