"""Q-chunking: the value of going on as the steered robot will.

Shape legend: B batch, N candidates, K members.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from steer.critics.critic import Critic
from steer.errors import ConfigError
from steer.rank.many import choose_many
from steer.train.algorithms.base import Batch, Learner, check_monte_carlo_weight

__all__ = ["Qc", "QcConfig"]


@dataclass(frozen=True, kw_only=True)
class QcConfig:
    """Options of Q-chunking."""

    num_candidates: int = 8
    """N of the choice that the target makes."""
    margin: float = 0.0
    """Of the gate in that choice, in discounted return: 0 is the best of N; the margin of the
    deployed gate makes it an evaluation of the deployed robot."""
    beta: float = 1.0
    """Softness of the minimum over members in that choice, in discounted return."""
    monte_carlo_weight: float = 0.5
    """Share of the return that really came in the target; the rest is bootstrapped."""

    def __post_init__(self) -> None:
        if self.num_candidates < 1:
            raise ConfigError(f"--qc.num-candidates: expected >= 1, got {self.num_candidates}")
        if not (math.isfinite(self.margin) and self.margin >= 0):
            raise ConfigError(f"--qc.margin: expected a finite number >= 0, got {self.margin}")
        if not (math.isfinite(self.beta) and self.beta > 0):
            raise ConfigError(f"--qc.beta: expected a finite number > 0, got {self.beta}")
        check_monte_carlo_weight("qc", self.monte_carlo_weight)


class Qc(Learner):
    """Chunk critics of the policy that a gated choice among candidates makes.

    Q_k is regressed to (1 - w) (R + discount^H Q_k(s', c*)) + w G, with c* the choice of the target
    ensemble among the candidates of s', by the code that chooses on the robot.

    References:
        Li, Zhou and Levine, Reinforcement Learning with Action Chunking, 2025, equation 8.
        Differs: the choice is the deployed one (paired, pessimistic, gated), each member bootstraps
        from its own value of it, and the share w of Monte-Carlo return. With the deployed margin it
        is ALOE's evaluation of the policy that runs (Yang et al., 2026).
    """

    def __init__(self, critic: Critic, config: QcConfig, *, target_rate: float) -> None:
        super().__init__(critic, target_rate=target_rate)
        self._config = config

    @property
    def num_candidates(self) -> int:
        """N of the next states."""
        return self._config.num_candidates

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, and how often the choice is not candidate 0."""
        weight = self._config.monte_carlo_weight
        with torch.no_grad():
            next_KB, chosen_B = self._next_value(batch)
            target_KB = self.target_of(batch, next_KB, monte_carlo_weight=weight)
        loss = self.regress(batch, target_KB)
        shown = {"critic": loss / len(target_KB), "overridden": (chosen_B != 0).float().mean()}
        return loss, shown

    def _next_value(self, batch: Batch) -> tuple[Float[Tensor, "K B"], Tensor]:
        """Return each member's value of the chosen candidate of the next state, and which it is."""
        context_BD = self.target.embed(batch.next_observations)
        value_KBN = self.target.score(context_BD, batch.next_candidates_BNHA)
        config = self._config
        chosen_B = choose_many(value_KBN, margin=config.margin, beta=config.beta)
        index_KB1 = chosen_B.expand(len(value_KBN), -1).unsqueeze(-1)
        return value_KBN.gather(2, index_KB1).squeeze(-1), chosen_B
