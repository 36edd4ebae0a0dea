"""What can be added to any algorithm's loss.

Shape legend: K members, B states, H horizon, A action, F features.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from steer.critics.critic import Critic
from steer.critics.mlp import ChunkMlp
from steer.train.algorithms.base import Batch

__all__ = ["likeness", "steepness"]

_STATES = 64
"""Of a batch; enough for a mean, and a quarter of the cost."""
_DISTANCE = 0.3
"""Between the two chunks that are compared, in deviations of the data's actions."""
_TINY = 1e-8


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


def likeness(critic: Critic, target: Critic, batch: Batch) -> Float[Tensor, ""]:
    """Return by how much chunks that follow each other look more alike than their values allow.

    With values that are linear in the features of the last layer, Bellman's equation bounds the
    cosine of the features of a chunk and of the one after it. Features that are more alike than
    that have lost rank, and with it what tells chunks apart.

    Args:
        critic: In training, with a scalar head and flat members.
        target: Its slow copy.
        batch: Of chunks, with those that followed.

    Returns:
        The mean excess, a number >= 0, summed over members, as the losses are.

    References:
        He et al., Adaptive Regularization of Representation Rank as an Implicit Constraint of
        Bellman Equation (BEER), 2024. Differs: chunks; the head's affine scale is in the bound;
        no gradient goes through the bound.
    """
    counts_B = batch.bootstrap_B > 0
    phi_KBF = _features(critic, batch.observations, batch.chunks_BHA)
    with torch.no_grad():
        next_KBF = _features(target, batch.next_observations, batch.next_chunks_BHA)
        size_KB, next_size_KB = phi_KBF.norm(dim=-1), next_KBF.norm(dim=-1)
        reward_KB = _linear_reward(critic, batch)
        weight_K1 = _members(critic).last.weight_KIO.squeeze(-1).square().sum(1, keepdim=True)
        fading_B = batch.bootstrap_B
        most_KB = size_KB.square() + (fading_B * next_size_KB).square()
        most_KB = most_KB - reward_KB.square() / weight_K1.clamp_min(_TINY)
        most_KB = most_KB / (2 * fading_B * size_KB * next_size_KB).clamp_min(_TINY)
    cosine_KB = torch.cosine_similarity(phi_KBF, next_KBF, dim=-1)
    excess_KB = torch.relu(cosine_KB - most_KB) * counts_B
    return excess_KB.sum() / counts_B.sum().clamp_min(1)


def _linear_reward(critic: Critic, batch: Batch) -> Float[Tensor, "K B"]:
    """Return w (phi - discount phi') as Bellman's equation has it, outputs being w phi + b."""
    low, high = critic.card.head.v_min, critic.card.head.v_max
    middle, scale = (low + high) / 2, (high - low) / 2
    bias = _members(critic).last.bias_K1O
    bias_K1 = torch.zeros(1, 1) if bias is None else bias.squeeze(-1)
    lost_B = batch.bootstrap_B - 1
    return (batch.reward_B + lost_B * middle) / scale + lost_B * bias_K1


def _features(
    critic: Critic, observations: Mapping[str, Tensor], chunks_BHA: Float[Tensor, "B H A"]
) -> Float[Tensor, "K B F"]:
    context_BD = critic.embed(observations)
    return _members(critic).features(context_BD, critic.flatten(chunks_BHA.unsqueeze(1))).squeeze(2)


def _members(critic: Critic) -> ChunkMlp:
    assert isinstance(critic.members, ChunkMlp), "TrainConfig takes no other network"
    return critic.members
