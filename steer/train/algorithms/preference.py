"""Preferences: of two chunks in like states, the one that came to the better end is better.

Or the one that somebody labelled so, such as what a human did in place of the policy.

Shape legend: B batch, N candidates, K members.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from steer.critics.critic import Critic
from steer.errors import ConfigError
from steer.train.algorithms.base import Batch, LabelledPairs, Learner

__all__ = ["Preference", "PreferenceConfig"]


@dataclass(frozen=True, kw_only=True)
class PreferenceConfig:
    """Options of learning from preferences."""

    num_rivals: int = 4
    """Chunks that each recorded one is compared with."""
    scale: float = 1.0
    """Difference of value that makes one chunk preferred e times as often, in discounted return."""
    anchor: float = 0.05
    """Weight of the regression to the return that came, which keeps values in their range."""
    smoothing: float = 0.02
    """Share of the pairs that are taken to be the wrong way round."""
    labelled: float = 1.0
    """Weight of the pairs that were labelled (`steer label --kinds interventions`), where there are
    any, against those of outcomes; 0 leaves them out."""

    def __post_init__(self) -> None:
        if self.num_rivals < 1:
            raise ConfigError(f"--preference.num-rivals: expected >= 1, got {self.num_rivals}")
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise ConfigError(f"--preference.scale: expected a finite number > 0, got {self.scale}")
        if not (math.isfinite(self.anchor) and self.anchor >= 0):
            got = self.anchor
            raise ConfigError(f"--preference.anchor: expected a finite number >= 0, got {got}")
        if not (math.isfinite(self.labelled) and self.labelled >= 0):
            got = self.labelled
            raise ConfigError(f"--preference.labelled: expected a finite number >= 0, got {got}")
        if not 0 <= self.smoothing < 0.5:
            got = self.smoothing
            raise ConfigError(f"--preference.smoothing: expected in [0, 0.5), got {got}")


class Preference(Learner):
    """Critics whose differences say which of two chunks is preferred.

    Each recorded chunk is compared with those that were run in the states most like its own:
    -log sigmoid(+-(Q_k(s, c) - Q_k(s, c_n)) / scale), the sign by which of both came to the better
    return; equal returns say nothing. Labelled pairs count in the same way, whatever came of them.

    References:
        Bradley and Terry, 1952; RoboMonkey, 2025, and NORA-1.5, 2025, prefer by distance from the
        expert. Differs: by what came of it, for near misses are recorded, and not assumed.
    """

    def __init__(self, critic: Critic, config: PreferenceConfig, *, target_rate: float) -> None:
        super().__init__(critic, target_rate=target_rate)
        self._config = config

    @property
    def num_candidates(self) -> int:
        """The recorded chunk and those that it is compared with."""
        return 1 + self._config.num_rivals

    @property
    def needs_returns(self) -> bool:
        """Whether what came of each candidate must be known."""
        return True

    @property
    def asks_for_pairs(self) -> bool:
        """Unless they have no weight."""
        return self._config.labelled > 0

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the sum of preference and regression, and each."""
        config, critic = self._config, self.critic
        members = critic.card.num_members
        value_KBN = critic.score(critic.embed(batch.observations), batch.candidates_BNHA)
        gap_BN = batch.candidate_return_BN[:, :1] - batch.candidate_return_BN[:, 1:]
        lead_KBN = (value_KBN[:, :, :1] - value_KBN[:, :, 1:]) / config.scale * gap_BN.sign()
        says_BN = (gap_BN != 0).float()
        surprise_KBN = self._surprise(lead_KBN)
        preferred = (surprise_KBN * says_BN).sum((1, 2)).sum() / says_BN.sum().clamp(min=1.0)
        anchor = self.regress(batch, batch.monte_carlo_B.expand(members, -1))
        right = ((lead_KBN > 0).float() * says_BN).sum() / (members * says_BN.sum().clamp(min=1.0))
        shown = {"preference": preferred / members, "right": right, "critic": anchor / members}
        total = preferred + config.anchor * anchor
        if batch.pairs is None:
            return total, shown
        lead_KB = self._lead(batch.pairs)
        labelled = self._surprise(lead_KB).mean(1).sum()
        shown |= {"labelled": labelled / members, "labelled_right": (lead_KB > 0).float().mean()}
        return total + config.labelled * labelled, shown

    def _lead(self, pairs: LabelledPairs) -> Float[Tensor, "K B"]:
        """Return by how much each member values what was preferred above what was rejected."""
        both_BNHA = torch.stack([pairs.preferred_BHA, pairs.rejected_BHA], dim=1)
        value_KBN = self.critic.score(self.critic.embed(pairs.observations), both_BNHA)
        lead_KB: Tensor = (value_KBN[:, :, 0] - value_KBN[:, :, 1]) / self._config.scale
        return lead_KB

    def _surprise(self, lead: Tensor) -> Tensor:
        """Return how far a lead is from what it should be, of any shape."""
        right = torch.nn.functional.logsigmoid(lead)
        wrong = torch.nn.functional.logsigmoid(-lead)
        return -(1 - self._config.smoothing) * right - self._config.smoothing * wrong
