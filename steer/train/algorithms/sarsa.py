"""Chunk SARSA and Monte-Carlo: the value of going on as the data did. The honest baseline."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from steer.critics.critic import Critic
from steer.train.algorithms.base import Batch, Learner

__all__ = ["Sarsa", "SarsaConfig"]


@dataclass(frozen=True, kw_only=True)
class SarsaConfig:
    """Options of chunk SARSA."""

    target: Literal["monte_carlo", "td"] = "monte_carlo"
    """`monte_carlo` regresses to the return that really came; `td` bootstraps from the chunk that
    really followed."""


class Sarsa(Learner):
    """Chunk critics of the policy that recorded the data.

    References:
        Sutton and Barto, Reinforcement Learning, 2018, sections 5.1 and 6.4. Differs: chunks for
        actions.
    """

    def __init__(self, critic: Critic, config: SarsaConfig, *, target_rate: float) -> None:
        super().__init__(critic, target_rate=target_rate)
        self._config = config

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss."""
        members = self.critic.card.num_members
        with torch.no_grad():
            if self._config.target == "monte_carlo":
                target_KB = batch.monte_carlo_B.expand(members, -1)
            else:
                context_BD = self.target.embed(batch.next_observations)
                chunks_BNHA = batch.next_chunks_BHA.unsqueeze(1)
                next_KB = self.target.score(context_BD, chunks_BNHA).squeeze(2)
                target_KB = self.target_of(batch, next_KB, monte_carlo_weight=0.0)
        loss = self.regress(batch, target_KB)
        return loss, {"critic": loss / members}
