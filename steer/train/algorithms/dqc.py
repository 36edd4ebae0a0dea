"""Decoupled Q-chunking: a critic of long chunks teaches the critic of what is run of them.

Shape legend: B batch, K members, P prefixes of the run chunk that have a value.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from steer.critics.critic import Critic
from steer.critics.encoding import copy_normalisation
from steer.errors import ConfigError
from steer.train.algorithms.base import Batch, Learner, check_monte_carlo_weight
from steer.train.algorithms.values import StateValues

__all__ = ["Dqc", "DqcConfig"]


@dataclass(frozen=True, kw_only=True)
class DqcConfig:
    """Options of decoupled Q-chunking."""

    long_horizon: int = 16
    """Length of the chunks that values are backed up over, in actions; --horizon is what is run."""
    optimism: float = 0.5
    """Expectile over the ways in which a run prefix was completed."""
    expectile: float = 0.7
    """Of the value over the data's prefixes."""
    monte_carlo_weight: float = 0.5
    """Share of the return that really came in the target; the rest is bootstrapped."""

    def __post_init__(self) -> None:
        if self.long_horizon < 1:
            raise ConfigError(f"--dqc.long-horizon: expected >= 1, got {self.long_horizon}")
        for name in ("optimism", "expectile"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"--dqc.{name}: expected in (0, 1), got {getattr(self, name)}")
        check_monte_carlo_weight("dqc", self.monte_carlo_weight)


class Dqc(Learner):
    """Critics of prefixes, distilled from critics of long chunks that are then dropped.

    The long critic is regressed to (1 - w) (R + discount^L V_k(s_L)) + w G, the critic to an
    expectile of the long one over the completions in the data, V_k to an expectile of the critic.

    References:
        Li, Park and Levine, Decoupled Q-Chunking, 2025 (arXiv 2512.10926). Differs: the
        loss of `--head` in the place of binary cross-entropy, an expectile in the place of a
        quantile for V, and the share w of Monte-Carlo return.
    """

    def __init__(self, critic: Critic, config: DqcConfig, *, target_rate: float) -> None:
        super().__init__(critic, target_rate=target_rate)
        if config.long_horizon < critic.card.horizon:
            raise ConfigError(
                f"--dqc.long-horizon: expected at least --horizon, {critic.card.horizon}, got "
                f"{config.long_horizon}"
            )
        self._config = config
        self.values = StateValues(critic)
        self.long = Critic(replace(critic.card, horizon=config.long_horizon))
        copy_normalisation(critic.encoder, self.long.encoder)
        self.long.action_mean_A.copy_(critic.action_mean_A)
        self.long.action_std_A.copy_(critic.action_std_A)

    @property
    def horizon(self) -> int:
        """Chunks of the batches are long."""
        return self._config.long_horizon

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the sum of the three losses, and each."""
        config, chunks_B1HA = self._config, batch.chunks_BHA.unsqueeze(1)
        with torch.no_grad():
            next_KB = self.values.bounded(batch.next_observations)
            target_KB = self.target_of(batch, next_KB, monte_carlo_weight=config.monte_carlo_weight)
            long_KB = self.long.score(self.long.embed(batch.observations), chunks_B1HA).squeeze(2)
            context_BD = self.target.embed(batch.observations)
            prefix_KBP = self.target.score_prefixes(context_BD, chunks_B1HA).squeeze(2)
        long_loss = self.regress(batch, target_KB, critic=self.long)
        is_above_KBP = long_KB.unsqueeze(2) > prefix_KBP
        slope_KBP = torch.where(is_above_KBP, config.optimism, 1 - config.optimism)
        critic_loss = self.regress(batch, long_KB, weight_KBP=2 * slope_KBP)
        value_loss = self.values.expectile_loss(
            batch.observations, prefix_KBP[..., -1], expectile=config.expectile
        )
        losses = {"long": long_loss, "critic": critic_loss, "value": value_loss}
        shown = {name: loss / len(target_KB) for name, loss in losses.items()}
        return long_loss + critic_loss + value_loss, shown
