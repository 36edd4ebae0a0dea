"""The boundary of a sequential test of paired successes, exact at every pair.

Under the null hypothesis a pair that differs is won or lost with chance 1/2 each, whichever pairs
differ. So, given which pairs differ, the number won is a fair walk, and the chance that it has left
the boundary by now is a sum.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["AlphaSpending"]


class AlphaSpending:
    """Boundaries of R comparisons that advance together, each with its own pairs that differ.

    By pair n of N the chance to have crossed is at most alpha n / N. What is not spent, for counts
    are whole, is left for later pairs; a boundary may also move in on a count that waits, while
    pairs are equal.

    Args:
        num_runs: R, 1 or more.
        max_pairs: N, 1 or more; fixed before the first pair.
        alpha: Chance to cross under the null hypothesis, at most, on either side; in (0, 1).

    References:
        Lan and DeMets, Discrete sequential boundaries for clinical trials, 1983, with the linear
        spending of Kim and DeMets, 1987. Differs: exact for counts, by a forward recursion, and
        conditional on which pairs differ. P-values in the stagewise order of Tsiatis, Rosner and
        Mehta, 1984.
    """

    def __init__(self, num_runs: int, max_pairs: int, alpha: float) -> None:
        self._max_pairs, self._alpha = max_pairs, alpha
        self._num_pairs = 0
        self._won = np.zeros(num_runs, dtype=np.int64)
        self._lost = np.zeros(num_runs, dtype=np.int64)
        # Chance of each count of won pairs without having crossed, shape [R, N + 1].
        self._alive = np.zeros((num_runs, max_pairs + 1))
        self._alive[:, 0] = 1.0
        self._spent: NDArray[np.float64] = np.zeros(num_runs)

    def step(self, pairs: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Take the next pair of each comparison.

        Args:
            pairs: 1 won, -1 lost, 0 equal; shape [R]. At most N calls.

        Returns:
            Which comparisons have crossed, and the p-value of each if it stops here because it has
            crossed or because this was pair N: the chance to cross earlier, or now to be as
            one-sided; both shape [R]. What comes after a comparison's first crossing means nothing.
        """
        self._num_pairs += 1
        self._won += pairs > 0
        self._lost += pairs < 0
        differs = pairs != 0
        moved = self._alive[differs] / 2.0
        self._alive[differs] = moved
        self._alive[differs, 1:] += moved[:, :-1]
        counts = np.arange(self._max_pairs + 1)
        differing = (self._won + self._lost)[:, None]
        tails = self._spent[:, None] + 2.0 * np.cumsum(self._alive, axis=1)
        budget = self._alpha * self._num_pairs / self._max_pairs
        cut = ((tails <= budget + 1e-12) & (2 * counts < differing)).sum(axis=1)
        rows, fewer = np.arange(len(cut)), np.minimum(self._won, self._lost)
        self._spent = np.where(cut > 0, tails[rows, cut - 1], self._spent)
        self._alive[(counts < cut[:, None]) | (counts > differing - cut[:, None])] = 0.0
        return np.less(fewer, cut), np.minimum(tails[rows, fewer], 1.0)
