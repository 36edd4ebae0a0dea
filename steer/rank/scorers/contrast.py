"""Contrast: how much more likely a chunk is because of what the policy sees and was told.

Shapes: `N` candidates.
"""

import numpy as np
from numpy.typing import NDArray

from steer.rank.scorers.base import Situation

__all__ = ["contrast"]


def contrast(situation: Situation) -> NDArray[np.float32] | None:
    """Return the log-likelihood with conditioning minus that without, in nats, shape [N].

    A chunk that the policy would draw whatever it sees scores 0. None for a policy that gives no
    likelihoods, which is most of them.

    References:
        Jang et al., Verifier-free Test-Time Sampling for Vision Language Action Models, 2025
        (MG-Select), sums the divergence from a masked to the full distribution over tokens.
        Differs: the log-likelihood ratio of the drawn chunk alone, which needs two numbers a
        candidate and no logits.
    """
    full_N, masked_N = situation.log_likelihood_N, situation.masked_log_likelihood_N
    if full_N is None or masked_N is None:
        return None
    return full_N - masked_N
