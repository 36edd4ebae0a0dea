"""RAVL: bootstrapping from the least of members that are kept from agreeing.

Shape legend: B batch, K members, J numbers of a chunk.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from steer.critics.critic import Critic
from steer.errors import ConfigError
from steer.train.algorithms.base import Batch, Learner, check_monte_carlo_weight

__all__ = ["Ravl", "RavlConfig", "gradient_agreement"]


@dataclass(frozen=True, kw_only=True)
class RavlConfig:
    """Options of RAVL."""

    diversity: float = 0.03
    """Weight of the members' agreement, which is made smaller."""
    monte_carlo_weight: float = 0.5
    """Share of the return that really came in the target; the rest is bootstrapped."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.diversity) and self.diversity >= 0):
            got = self.diversity
            raise ConfigError(f"--ravl.diversity: expected a finite number >= 0, got {got}")
        check_monte_carlo_weight("ravl", self.monte_carlo_weight)


class Ravl(Learner):
    """Chunk critics with a pessimistic target and diverse members.

    All members are regressed to (1 - w) (R + discount^H min_k Q_k(s', c')) + w G with the chunk c'
    that followed, while the cosine between their gradients by the chunk is made small: so that they
    disagree where the data do not bind them.

    References:
        Sims et al., The Edge-of-Reach Problem, 2024, equation 3; the diversity is EDAC's (An et
        al., 2021, equation 5). Differs: the chunk that followed in the place of an actor's, and the
        share w of Monte-Carlo return.
    """

    def __init__(self, critic: Critic, config: RavlConfig, *, target_rate: float) -> None:
        super().__init__(critic, target_rate=target_rate)
        if critic.card.num_members < 2:
            raise ConfigError("--num-members: expected >= 2 for ravl, got 1")
        self._config = config

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the sum of regression and agreement, and each."""
        weight, members = self._config.monte_carlo_weight, self.critic.card.num_members
        with torch.no_grad():
            context_BD = self.target.embed(batch.next_observations)
            next_KB = self.target.score(context_BD, batch.next_chunks_BHA.unsqueeze(1)).squeeze(2)
            least_KB = next_KB.amin(0).expand(members, -1)
            target_KB = self.target_of(batch, least_KB, monte_carlo_weight=weight)
        regression = self.regress(batch, target_KB)
        agreement = gradient_agreement(self.critic, batch)
        shown = {"critic": regression / members, "agreement": agreement}
        return regression + self._config.diversity * agreement, shown


def gradient_agreement(critic: Critic, batch: Batch) -> Float[Tensor, ""]:
    """Return K times the mean cosine between two members' gradients by the chunk.

    As EDAC weighs it: the sum of the cosines over ordered pairs i != j, of which there are
    K (K - 1), divided by K - 1.
    """
    chunks_BHA = batch.chunks_BHA.detach().requires_grad_()
    context_BD = critic.embed(batch.observations).detach()
    value_KB = critic.score(context_BD, chunks_BHA.unsqueeze(1)).squeeze(2)
    # One member's values depend on its own weights alone, so K backward passes give K gradients.
    gradients = [
        torch.autograd.grad(value_B.sum(), chunks_BHA, create_graph=True)[0].flatten(1)
        for value_B in value_KB
    ]
    unit_KBJ = torch.nn.functional.normalize(torch.stack(gradients), dim=-1, eps=1e-8)
    total_B = unit_KBJ.sum(0).square().sum(-1) - unit_KBJ.square().sum((0, 2))
    return total_B.mean() / (len(gradients) - 1)
