"""The choice of `steer.rank.select.decide` for many states at once, as training makes it.

Shapes: `K` members, `B` states, `N` candidates.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steer.rank.score import advantage

__all__ = ["choose_many"]


def choose_many(
    value_KBN: Float[Tensor, "k b n"], *, margin: float, beta: float
) -> Int[Tensor, " b"]:
    """Return the candidate that a gated robot would run in each state.

    What a critic bootstraps from must be what the robot will do, so this is `decide` with the
    selector `argmax` behind the gate, no limits to keep, written for a batch; a test holds both to
    the same choices.

    Args:
        value_KBN: Values of one ensemble, in discounted return.
        margin: As in `steer.rank.gate.gate`.
        beta: As in `steer.rank.score.soft_minimum`.

    Returns:
        int64 of shape [B]: the best score, 0 where it does not exceed the margin or where a value
        is not finite.
    """
    score_BN = advantage(value_KBN, beta=beta)
    best_B1 = score_BN.argmax(dim=1, keepdim=True)
    is_over_B = score_BN.gather(1, best_B1).squeeze(1) > margin
    is_sound_B = score_BN.isfinite().all(dim=1)
    return torch.where(is_over_B & is_sound_B, best_B1.squeeze(1), 0)
