"""What every algorithm is: networks with a loss, and target networks that follow.

Shape legend: B batch, H horizon, A action, K members.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steer.critics.critic import Critic

__all__ = ["Batch", "Learner"]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A batch of chunks; `steer.train.targets.Chunks` defines each field.

    Attributes:
        observations: By name, float32 of shape [B, S].
        chunks_BHA: The actions.
        reward_B: Discounted reward within the chunk.
        bootstrap_B: Weight of the next observation's value.
        next_observations: By name.
        next_chunks_BHA: The actions that followed.
        monte_carlo_B: The return that really came.
    """

    observations: Mapping[str, Tensor]
    chunks_BHA: Float[Tensor, "B H A"]
    reward_B: Float[Tensor, " B"]
    bootstrap_B: Float[Tensor, " B"]
    next_observations: Mapping[str, Tensor]
    next_chunks_BHA: Float[Tensor, "B H A"]
    monte_carlo_B: Float[Tensor, " B"]


class Learner(nn.Module):
    """A critic in training, and the slowly following copy that targets are made from.

    Args:
        critic: With its normalisation fitted.
        target_rate: How fast the copy follows, a step.
    """

    def __init__(self, critic: Critic, *, target_rate: float) -> None:
        super().__init__()
        self.critic = critic
        self.target = copy.deepcopy(critic).requires_grad_(requires_grad=False)
        self._target_rate = target_rate

    @property
    def needs_next_chunk(self) -> bool:
        """Whether chunks without a successor cannot be learnt from."""
        return False

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, and what to show of it, by name."""
        raise NotImplementedError

    def follow(self) -> None:
        """Move the target networks a step."""
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self.critic.parameters(), strict=True):
                slow.lerp_(fast, self._target_rate)

    def regress(self, batch: Batch, target_KB: Float[Tensor, "K B"]) -> Float[Tensor, ""]:
        """Return the HL-Gauss cross-entropy of the chunks' values to their targets, a member."""
        critic = self.critic
        context_BD = critic.embed(batch.observations)
        logits = critic.members(context_BD, critic.flatten(batch.chunks_BHA.unsqueeze(1)))
        loss_KB = critic.head.loss(logits.squeeze(2), critic.head.target(target_KB))
        return loss_KB.mean(1).sum()
