"""Implicit Q-learning over chunks: no policy is ever asked for an action.

Shape legend: B batch, K members.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from steer.critics.critic import Critic
from steer.critics.encoders.state import StateEncoder
from steer.critics.ensemble import EnsembleMlp
from steer.errors import ConfigError
from steer.train.algorithms.base import Batch, Learner

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
        if not 0 <= self.monte_carlo_weight <= 1:
            got = self.monte_carlo_weight
            raise ConfigError(f"--iql.monte-carlo-weight: expected in [0, 1], got {got}")


class Iql(Learner):
    """Expectile values and HL-Gauss chunk critics, member by member.

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
        card = critic.card
        self.encoder = StateEncoder(
            card.embodiment.observations,
            hidden=card.network.encoder_hidden,
            context_dim=card.network.context_dim,
        )
        self.encoder.mean_S.copy_(critic.encoder.mean_S)
        self.encoder.std_S.copy_(critic.encoder.std_S)
        self.values = EnsembleMlp(
            card.num_members, card.network.context_dim, card.network.member_hidden, 1
        )
        self._middle = (card.head.v_max + card.head.v_min) / 2
        self._half = (card.head.v_max - card.head.v_min) / 2

    def value(self, batch_observations: dict[str, Tensor]) -> Float[Tensor, "K B"]:
        """Return V of each member, in discounted return."""
        x_BS = self.encoder.normalise(self.encoder.concatenate(batch_observations))
        scaled_KB1: Tensor = self.values(torch.relu(self.encoder(x_BS)))
        return scaled_KB1.squeeze(-1) * self._half + self._middle

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the sum of both losses, and each."""
        weight = self._config.monte_carlo_weight
        head = self.critic.card.head
        with torch.no_grad():
            context_BD = self.target.embed(batch.observations)
            taken_KB = self.target.score(context_BD, batch.chunks_BHA.unsqueeze(1)).squeeze(2)
            next_KB = self.value(dict(batch.next_observations)).clamp(head.v_min, head.v_max)
            bootstrapped_KB = batch.reward_B + batch.bootstrap_B * next_KB
            target_KB = (1 - weight) * bootstrapped_KB + weight * batch.monte_carlo_B
        critic_loss = self.regress(batch, target_KB)
        gap_KB = (taken_KB - self.value(dict(batch.observations))) / self._half
        expectile = self._config.expectile
        slope_KB = torch.where(gap_KB > 0, expectile, 1 - expectile)
        value_loss = (slope_KB * gap_KB.square()).mean(1).sum()
        shown = {"critic": critic_loss / len(target_KB), "value": value_loss / len(target_KB)}
        return critic_loss + value_loss, shown
