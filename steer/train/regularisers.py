"""What can be added to any algorithm's loss.

Shape legend: K members, B states, H horizon, A action.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from steer.critics.critic import Critic
from steer.train.algorithms.base import Batch

__all__ = ["steepness"]

_STATES = 64
"""Of a batch; enough for a mean, and a quarter of the cost."""
_DISTANCE = 0.3
"""Between the two chunks that are compared, in deviations of the data's actions."""


def steepness(critic: Critic, batch: Batch, *, seed: int) -> Float[Tensor, ""]:
    """Return how steep the values are over chunks: the mean square slope.

    The slope between a chunk of the data and one beside it: the difference of their values, in
    parts of the head's range, by the root mean square of the difference of their actions, in
    deviations of the data's. A critic that is not steep cannot rate a chunk far above the others
    that nobody ever tried.

    Args:
        critic: In training.
        batch: Of chunks.
        seed: Of the chunks beside those of the data.

    Returns:
        A number >= 0, summed over members, as the losses are.

    References:
        Ball et al., RLPD, 2023, keep values from exploding by layer norm; Gulrajani et al., 2017,
        penalise the gradient itself. Differs: finite differences over whole chunks, towards 0, so
        that no second derivative is needed.
    """
    chunks_BHA = batch.chunks_BHA[:_STATES]
    observations = {key: value[:_STATES] for key, value in batch.observations.items()}
    generator = torch.Generator(chunks_BHA.device).manual_seed(seed)
    step_BHA = torch.randn(
        chunks_BHA.shape, generator=generator, device=chunks_BHA.device, dtype=chunks_BHA.dtype
    )
    step_BHA = step_BHA * (_DISTANCE * critic.action_std_A)
    pair_B2HA = torch.stack([chunks_BHA, chunks_BHA + step_BHA], dim=1)
    value_KB2 = critic.score(critic.embed(observations), pair_B2HA)
    prefix_B2hA = critic.prefix(pair_B2HA)
    # What the robot clips is no step at all.
    moved_B = (prefix_B2hA[:, 1] - prefix_B2hA[:, 0]).square().mean((1, 2)).sqrt()
    moved_B = moved_B.clamp_min(_DISTANCE / 10)
    span = critic.card.head.v_max - critic.card.head.v_min
    slope_KB = (value_KB2[..., 1] - value_KB2[..., 0]) / span / moved_B
    return slope_KB.square().mean(1).sum()
