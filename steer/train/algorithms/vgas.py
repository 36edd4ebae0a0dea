"""VGAS: values near the recorded chunk fall with the distance from it.

Shape legend: B batch, N candidates, M = 1 + N, K members, J numbers of a chunk.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from steer.critics.critic import Critic
from steer.errors import ConfigError
from steer.train.algorithms.base import Batch, Learner

__all__ = ["Vgas", "VgasConfig"]


@dataclass(frozen=True, kw_only=True)
class VgasConfig:
    """Options of VGAS."""

    num_candidates: int = 4
    """N that are ranked against the recorded chunk."""
    slope: float = 2.0
    """By how much value falls with the mean squared distance from the recorded chunk, in units of
    the actions' deviations; in discounted return."""
    anchor: float = 0.02
    """Weight of the candidates' own values."""
    rank: float = 0.1
    """Weight of the differences between their values."""
    noise: float = 0.1
    """Candidates are mixed with the recorded chunk, and this much noise is added, in deviations."""

    def __post_init__(self) -> None:
        if self.num_candidates < 1:
            raise ConfigError(f"--vgas.num-candidates: expected >= 1, got {self.num_candidates}")
        for name in ("slope", "anchor", "rank", "noise"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"--vgas.{name}: expected a finite number >= 0, got {value}")


class Vgas(Learner):
    """Regression to the return that came, and a slope away from what was done.

    The slope is only taught around chunks of episodes that succeeded: what a failed episode did is
    no better than what is near it.

    References:
        VGAS, 2026 (arXiv 2602.07399), losses L_anchor and L_rank. Differs: the return that really
        came in the place of a TD target, deviations in the place of hand-set weights, failed
        episodes.
    """

    def __init__(self, critic: Critic, config: VgasConfig, *, target_rate: float) -> None:
        super().__init__(critic, target_rate=target_rate)
        self._config = config

    @property
    def num_candidates(self) -> int:
        """N of the state."""
        return self._config.num_candidates

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the sum of the three losses, and each."""
        config, critic = self._config, self.critic
        members = critic.card.num_members
        regression = self.regress(batch, batch.monte_carlo_B.expand(members, -1))
        all_BMHA = self._around(batch)
        gap_BM = self._distance(all_BMHA)
        value_KBM = critic.score(critic.embed(batch.observations), all_BMHA)
        target_BM = batch.monte_carlo_B[:, None] - config.slope * gap_BM
        is_taught_B = batch.monte_carlo_B > critic.card.head.v_min
        anchor_KB = torch.nn.functional.huber_loss(
            value_KBM, target_BM.expand_as(value_KBM), reduction="none"
        ).mean(2)
        # The mean over pairs of squared differences is twice the variance over candidates.
        rank_KB = 2 * (value_KBM - target_BM).var(dim=2, unbiased=False)
        weights_B = is_taught_B.float() / is_taught_B.float().mean().clamp(min=1e-6)
        anchor, rank = ((item * weights_B).mean(1).sum() for item in (anchor_KB, rank_KB))
        shown = {"critic": regression / members, "anchor": anchor / members, "rank": rank / members}
        return regression + config.anchor * anchor + config.rank * rank, shown

    def _around(self, batch: Batch) -> Float[Tensor, "B M H A"]:
        """Return the recorded chunk and mixes of it with the candidates, with noise."""
        own_B1HA, generator = batch.chunks_BHA.unsqueeze(1), batch.generator()
        drawn_BNHA, device = batch.candidates_BNHA, own_B1HA.device
        share_BN11 = torch.rand((*drawn_BNHA.shape[:2], 1, 1), generator=generator, device=device)
        mixed_BNHA = torch.lerp(own_B1HA, drawn_BNHA, share_BN11)
        noise_BNHA = torch.randn(mixed_BNHA.shape, generator=generator, device=device)
        noise_BNHA = noise_BNHA * self.critic.action_std_A * self._config.noise
        return torch.cat([own_B1HA, mixed_BNHA + noise_BNHA], dim=1)

    def _distance(self, all_BMHA: Float[Tensor, "B M H A"]) -> Float[Tensor, "B M"]:
        """Return the mean squared distance from the recorded chunk, in deviations, 10 at most."""
        flat_BMJ = self.critic.flatten(all_BMHA)
        return (flat_BMJ - flat_BMJ[:, :1]).square().mean(2).clamp(max=10.0)
