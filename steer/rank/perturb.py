"""Smooth perturbations of a chunk, for policies that cannot draw different ones.

A perturbation is a sum of broad Gaussian bumps over time, so the robot leans a little to one side
for a part of the chunk instead of trembling.

Shapes: `N` perturbations, `H` horizon, `A` action, `C` bumps.
"""

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import ActionDim, Embodiment

__all__ = ["perturb_smoothly"]

_NUM_BUMPS = 3
_WIDTH = 0.25
"""Standard deviation of a bump, as a part of the horizon."""


def perturb_smoothly(
    chunk_HA: NDArray[np.float32],
    embodiment: Embodiment,
    *,
    num_perturbations: int,
    seed: int,
    strength: float = 0.03,
) -> NDArray[np.float32]:
    """Return variations of one chunk that differ from it slowly over time.

    The gripper is left as it is: half a grip is not a variation of a grip. A dimension whose range
    the embodiment leaves unknown is varied by what the chunk itself spans in it.

    Args:
        chunk_HA: The policy's own chunk, in robot units; not written.
        embodiment: Ranges of the actions, and which of them is the gripper.
        num_perturbations: How many, >= 0.
        seed: The n-th perturbation is a function of (chunk, embodiment, seed, n) alone.
        strength: Typical size of a bump, as a part of the range, >= 0.

    Returns:
        float32 of shape [N, H, A]. Where the range is known, what is varied stays inside of it.
    """
    horizon = len(chunk_HA)
    ticks_H = np.arange(horizon)
    generator = np.random.default_rng(seed)
    # One block a perturbation, so that more of them do not change the first ones.
    blocks = generator.random((num_perturbations, _NUM_BUMPS, 1 + embodiment.action_dim))
    centres_NC = blocks[..., 0] * max(horizon - 1, 1)
    distances_NCH = (ticks_H - centres_NC[..., None]) / max(_WIDTH * horizon, 1.0)
    bumps_NCH = np.exp(-0.5 * distances_NCH**2)
    heights_NCA = (2.0 * blocks[..., 1:] - 1.0) * strength * _spans(chunk_HA, embodiment)
    deltas_NHA: NDArray[np.float64] = np.einsum("nch,nca->nha", bumps_NCH, heights_NCA)
    perturbed_NHA = (chunk_HA + deltas_NHA).astype(np.float32)
    for index, dim in enumerate(embodiment.actions):
        if _is_gripper(dim):
            perturbed_NHA[..., index] = chunk_HA[:, index]
        elif dim.low < dim.high:
            np.clip(perturbed_NHA[..., index], dim.low, dim.high, out=perturbed_NHA[..., index])
    return perturbed_NHA


def _spans(chunk_HA: NDArray[np.float32], embodiment: Embodiment) -> NDArray[np.float64]:
    """Return the range of each dimension, shape [A]: the embodiment's, else the chunk's own."""
    own_A = np.ptp(chunk_HA.astype(np.float64), axis=0)
    known_A = np.array([dim.high - dim.low for dim in embodiment.actions])
    return np.where(known_A > 0, known_A, own_A)


def _is_gripper(dim: ActionDim) -> bool:
    return "gripper" in dim.name
