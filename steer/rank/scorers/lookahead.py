"""Look-ahead: what a simulator says of the candidates that look best so far.

Shapes: `N` candidates.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steer.errors import ConfigError, InvalidInputError
from steer.rank.scorers.base import Scorer, Situation

__all__ = ["LookAhead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAhead:
    """Score by the situation's simulator, in its units, for as many candidates as may be called.

    Candidate 0 is simulated first, so that it never loses for want of a call; then the others, best
    first by another scorer, equal ones in their order. Those that are not simulated get the
    smallest score that was found.

    Attributes:
        order_by: Gives the order; a scorer that is cheap.
        max_calls: Of the simulator for one decision, >= 1.

    Raises:
        ConfigError: `max_calls` is out of range.

    References:
        Qi et al., Strengthening Generative Robot Policies through Predictive World Modeling, 2025
        (GPC-RANK), rolls every candidate out in a learnt model. Differs: any simulator, within a
        budget, best first.
    """

    order_by: Scorer
    max_calls: int

    def __post_init__(self) -> None:
        if self.max_calls < 1:
            raise ConfigError(f"lookahead.max_calls: expected at least 1, got {self.max_calls}")

    def __call__(self, situation: Situation) -> NDArray[np.float32] | None:
        """Return the score of each candidate, shape [N].

        None where there is no simulator, or the other scorer cannot score.

        Raises:
            InvalidInputError: The other scorer's scores give no order.
            SteerError: The simulator cannot tell.
        """
        if situation.simulate is None:
            return None
        before_N = self.order_by(situation)
        if before_N is None:
            return None
        if before_N.shape != (len(situation),) or not np.isfinite(before_N).all():
            raise InvalidInputError.expected(
                "lookahead.order_by", f"{len(situation)} finite scores", before_N.tolist()
            )
        others = 1 + np.argsort(-before_N[1:], kind="stable")
        chosen = [0, *others.tolist()][: self.max_calls]
        found = {index: situation.simulate(situation.chunks_NHA[index]) for index in chosen}
        score_N = np.full(len(situation), np.min(list(found.values())), np.float32)
        score_N[chosen] = list(found.values())
        return score_N
