"""From the values of an ensemble to one score per candidate.

Shapes: `K` members, `B` batch, `N` candidates.
"""

import math

from jaxtyping import Float
from torch import Tensor

from steer.errors import ConfigError

__all__ = ["advantage", "soft_minimum"]


def soft_minimum(x_KBN: Float[Tensor, "k b n"], *, beta: float) -> Float[Tensor, "b n"]:
    """Return a number between the minimum and the mean over members.

    -beta log mean_k exp(-x_k / beta). K = 1 gives the value itself.

    Args:
        x_KBN: In discounted return.
        beta: Softness, > 0, in discounted return. Near 0 is the minimum, large is the mean.

    Returns:
        Of the type of `x_KBN`; NaN where a member is NaN or -inf. Check the values for +inf.

    Raises:
        ConfigError: `beta` is not positive or not finite.

    References:
        Coste et al., Reward Model Ensembles Help Mitigate Overoptimization, 2023. Differs: one
        knob from worst case to mean in the place of three rules.
    """
    if not (math.isfinite(beta) and beta > 0):
        raise ConfigError(f"beta: expected a finite number > 0, got {beta}")
    # Relative to the minimum and by expm1 and log1p, so that a beta of 1e-30 or 1e9 is exact too.
    wide_KBN = x_KBN.double()
    least_BN = wide_KBN.amin(dim=0)
    excess_KBN = (wide_KBN - least_BN) / beta
    return (least_BN - beta * (-excess_KBN).expm1().mean(dim=0).log1p()).to(x_KBN.dtype)


def advantage(value_KBN: Float[Tensor, "k b n"], *, beta: float) -> Float[Tensor, "b n"]:
    """Return by how much each candidate beats candidate 0, pessimistic over members.

    The soft minimum is over differences, member by member, so what a member holds for all
    candidates of a state cancels out. Candidate 0's advantage over itself is 0, bit for bit.

    Args:
        value_KBN: Values of one ensemble, in discounted return.
        beta: As in `soft_minimum`.

    Returns:
        Scores, shape [B, N], in discounted return.
    """
    score_BN = soft_minimum(value_KBN - value_KBN[:, :, :1], beta=beta)
    score_BN[:, 0] = 0.0
    return score_BN
