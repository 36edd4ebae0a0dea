"""Implicit Q-learning over chunks: no policy is ever asked for an action.

Shape legend: B batch, K members.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from steer.critics.critic import Critic
from steer.errors import ConfigError
from steer.train.algorithms.base import Batch, Learner, check_monte_carlo_weight
from steer.train.algorithms.values import StateValues

__all__ = ["Iql", "IqlConfig"]


@dataclass(frozen=True, kw_only=True)
class IqlConfig:
    """Options of implicit Q-learning."""

    expectile: float = 0.7
    """Of the value over the data's chunks: 0.5 is their mean, near 1 their best."""
    monte_carlo_weight: float = 0.5
    """Share of the return that really came in the target; the rest is bootstrapped."""

    def __post_init__(self) -> None:
        if not 0 < self.expectile < 1:
            raise ConfigError(f"--iql.expectile: expected in (0, 1), got {self.expectile}")
        check_monte_carlo_weight("iql", self.monte_carlo_weight)


class Iql(Learner):
    """Expectile values and chunk critics, member by member.

    V_k is the expectile of member k's target over the chunks of the data; Q_k is regressed to
    (1 - w) (R + discount^H V_k(s')) + w G, with G the return that really came.

    References:
        Kostrikov et al., Offline RL with Implicit Q-Learning, 2021, equations 5 and 6. Differs:
        chunks for actions, one V a member, and the share w of Monte-Carlo return, which keeps
        bootstrapped values from over-rating rare chunks.
    """

    def __init__(self, critic: Critic, config: IqlConfig, *, target_rate: float) -> None:
        super().__init__(critic, target_rate=target_rate)
        self._config = config
        self.values = StateValues(critic)

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the sum of both losses, and each."""
        config = self._config
        with torch.no_grad():
            context_BD = self.target.embed(batch.observations)
            taken_KB = self.target.score(context_BD, batch.chunks_BHA.unsqueeze(1)).squeeze(2)
            next_KB = self.values.bounded(batch.next_observations)
            target_KB = self.target_of(batch, next_KB, monte_carlo_weight=config.monte_carlo_weight)
        critic_loss = self.regress(batch, target_KB)
        value_loss = self.values.expectile_loss(
            batch.observations, taken_KB, expectile=config.expectile
        )
        shown = {"critic": critic_loss / len(target_KB), "value": value_loss / len(target_KB)}
        return critic_loss + value_loss, shown
