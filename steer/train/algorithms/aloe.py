"""ALOE: the value of going on as the policy alone would.

Shape legend: B batch, N candidates, K members.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from steer.critics.critic import Critic
from steer.errors import ConfigError
from steer.train.algorithms.base import Batch, Learner, check_monte_carlo_weight

__all__ = ["Aloe", "AloeConfig", "above_mean"]


@dataclass(frozen=True, kw_only=True)
class AloeConfig:
    """Options of ALOE."""

    num_candidates: int = 8
    """Draws of the policy in each next state that its value is the mean of."""
    monte_carlo_weight: float = 0.0
    """Share of the return that really came in the target; the rest is bootstrapped."""
    filtered: bool = False
    """Whether draws that are worse than their mean are left out of it: the value of a policy that
    does not do those (A2PR)."""

    def __post_init__(self) -> None:
        if self.num_candidates < 1:
            raise ConfigError(f"--aloe.num-candidates: expected >= 1, got {self.num_candidates}")
        check_monte_carlo_weight("aloe", self.monte_carlo_weight)


class Aloe(Learner):
    """Chunk critics of the policy that the candidates were drawn from.

    Q_k is regressed to (1 - w) (R + discount^H mean_n Q_k(s', c_n)) + w G. No maximum: pessimism
    comes in where robots choose.

    References:
        ALOE, 2026 (arXiv 2602.12691), equation of y_t. Differs: the mean over several draws in the
        place of one, from a policy without weights; candidates that were logged where none were
        drawn; the share w of Monte-Carlo return. Liu et al., A2PR, 2024, learn from what has an
        advantage alone; `filtered` does so with the draws of the next state.
    """

    def __init__(self, critic: Critic, config: AloeConfig, *, target_rate: float) -> None:
        super().__init__(critic, target_rate=target_rate)
        self._config = config

    @property
    def num_candidates(self) -> int:
        """N of the next states."""
        return self._config.num_candidates

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss."""
        weight = self._config.monte_carlo_weight
        with torch.no_grad():
            context_BD = self.target.embed(batch.next_observations)
            value_KBN = self.target.score(context_BD, batch.next_candidates_BNHA)
            next_KB = above_mean(value_KBN) if self._config.filtered else value_KBN.mean(2)
            target_KB = self.target_of(batch, next_KB, monte_carlo_weight=weight)
        loss = self.regress(batch, target_KB)
        return loss, {"critic": loss / len(target_KB)}


def above_mean(value_KBN: Float[Tensor, "K B N"]) -> Float[Tensor, "K B"]:
    """Return each member's mean over the candidates that the members' mean finds no worse than all.

    Which those are is one choice for all members, as what a policy leaves out is.
    """
    shared_BN = value_KBN.mean(0)
    least_B1 = torch.minimum(shared_BN.mean(1), shared_BN.amax(1)).unsqueeze(1)
    keeps_BN = (shared_BN >= least_B1).float()  # a mean of equal values may round above them all
    return (value_KBN * keeps_BN).sum(2) / keeps_BN.sum(1)
