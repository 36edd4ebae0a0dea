"""More candidates from those that were drawn, for policies that are slow to draw.

Shapes: `N` drawn chunks, `M` perturbations, `H` horizon, `A` action, `C` cosines.
"""

import math

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import ActionDim, Embodiment
from steer.errors import InvalidInputError
from steer.ranges import clip_to_range

__all__ = ["fitted_perturbations"]

_NUM_COSINES = 4
"""The fastest of them turns three times within a chunk."""


def fitted_perturbations(
    chunks_NHA: NDArray[np.float32],
    embodiment: Embodiment,
    *,
    num_perturbations: int,
    seed: int,
) -> NDArray[np.float32]:
    """Return the mean of a Gaussian over chunks, fitted on what the policy drew, and draws of it.

    The mean is that of the drawn chunks, tick by tick. The covariance is that of their slow
    deviations from it (the first cosines over the horizon), of rank N - 1 at most: so ticks and
    actions vary together as the policy varies them, and nothing trembles.

    The gripper is not drawn: at each tick the majority of the drawn chunks says whether its
    command is high or low, candidate 0 where they are even, and the median command of those who
    agree is taken. For a grip that closes once, that is the median tick of closing.

    A mean lies between two ways around an obstacle. Nothing here knows; the critic has to.

    Args:
        chunks_NHA: N >= 2, in robot units; row 0 is the policy's own.
        embodiment: Ranges of the actions, and which of them is the gripper.
        num_perturbations: M, >= 0; the first is the mean itself.
        seed: The n-th perturbation is a function of (chunks, embodiment, seed, n) alone.

    Returns:
        float32 of shape [M, H, A], inside of the ranges that are known.

    Raises:
        InvalidInputError: Fewer than two chunks; see `steer.rank.perturb` for one.

    References:
        Kwok et al., RoboMonkey, 2025, fits a Gaussian on single actions and votes the gripper.
        Differs: whole chunks, slow over time, every action but the gripper; the vote is on when.
    """
    num_drawn = len(chunks_NHA)
    if num_drawn < 2:
        raise InvalidInputError.expected("chunks", "at least 2 to fit a Gaussian", num_drawn)
    wide_NHA = chunks_NHA.astype(np.float64)
    mean_HA = wide_NHA.mean(axis=0)
    slow_NHA = _slow(wide_NHA - mean_HA) / math.sqrt(num_drawn - 1)
    # One row a perturbation, so that more of them do not change the first ones.
    draw_MN = np.random.default_rng(seed).standard_normal((num_perturbations, num_drawn))
    draw_MN[:1] = 0.0
    perturbed_MHA = np.empty((num_perturbations, *mean_HA.shape), np.float32)
    for index, draw_N in enumerate(draw_MN):
        perturbed_MHA[index] = mean_HA + np.tensordot(draw_N, slow_NHA, axes=1)
    for index, dim in enumerate(embodiment.actions):
        if "gripper" in dim.name:
            perturbed_MHA[..., index] = _voted(chunks_NHA[..., index], dim)
    return clip_to_range(perturbed_MHA, embodiment)


def _slow(deviation_NHA: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the part of each deviation that the first cosines over the horizon make up."""
    horizon = deviation_NHA.shape[1]
    tick_H = np.arange(horizon) + 0.5
    wave_C = np.arange(min(_NUM_COSINES, horizon))
    cosine_CH = np.cos(np.pi * wave_C[:, None] * tick_H / horizon)
    cosine_CH /= np.linalg.norm(cosine_CH, axis=1, keepdims=True)
    slow: NDArray[np.float64] = np.einsum(
        "ch,cg,nga->nha", cosine_CH, cosine_CH, deviation_NHA, optimize=True
    )
    return slow


def _voted(command_NH: NDArray[np.float32], dim: ActionDim) -> NDArray[np.float32]:
    """Return the gripper's commands that the majority gives, shape [H]."""
    ends = (dim.low, dim.high) if dim.low < dim.high else (command_NH.min(), command_NH.max())
    is_high_NH = command_NH > (ends[0] + ends[1]) / 2
    lead_H = 2 * is_high_NH.sum(axis=0) - len(command_NH)
    is_high_H = np.where(lead_H == 0, is_high_NH[0], lead_H > 0)
    voted_H = np.empty(command_NH.shape[1], np.float32)
    for tick, is_high in enumerate(is_high_H):
        agreeing = np.sort(command_NH[is_high_NH[:, tick] == is_high, tick])
        voted_H[tick] = agreeing[(len(agreeing) - 1) // 2]
    return voted_H
