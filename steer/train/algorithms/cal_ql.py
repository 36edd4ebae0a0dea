"""Calibrated conservative Q-learning over chunks: what was not done is held to be worse.

Shape legend: B batch, N candidates, U uniform chunks, M = N + U, K members.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from steer.critics.critic import Critic
from steer.errors import ConfigError
from steer.train.algorithms.base import Batch, Learner, check_monte_carlo_weight

__all__ = ["CalQl", "CalQlConfig"]


@dataclass(frozen=True, kw_only=True)
class CalQlConfig:
    """Options of calibrated conservative Q-learning."""

    num_candidates: int = 4
    """N of the state, which are held down, and of the next one, whose best is bootstrapped from."""
    num_uniform: int = 4
    """Chunks drawn from the whole range of the actions, which are held down too."""
    alpha: float = 0.1
    """Weight of the conservative term."""
    monte_carlo_weight: float = 0.0
    """Share of the return that really came in the target; the rest is bootstrapped."""

    def __post_init__(self) -> None:
        for name in ("num_candidates", "num_uniform"):
            if getattr(self, name) < 1:
                got = getattr(self, name)
                raise ConfigError(f"--cal-ql.{name.replace('_', '-')}: expected >= 1, got {got}")
        if not (math.isfinite(self.alpha) and self.alpha >= 0):
            raise ConfigError(f"--cal-ql.alpha: expected a finite number >= 0, got {self.alpha}")
        check_monte_carlo_weight("cal-ql", self.monte_carlo_weight)


class CalQl(Learner):
    """Chunk critics that are pushed down where the data have nothing to say.

    To the regression to R + discount^H max_n Q_k(s', c_n) comes
    alpha (logsumexp_m Q_k(s, c_m) - Q_k(s, c)), over candidates and uniform chunks c_m. A
    candidate's value is not pushed below the return that really came: the calibration.

    References:
        Nakamoto et al., Cal-QL, 2023, equation 5.1; V-GPS, 2024, uses it for ranking. Differs:
        chunks, candidates in the place of an actor's samples, no importance weights, and the loss
        of `--head` in the place of squared error, so that alpha is of another size than theirs
        (5).
    """

    def __init__(self, critic: Critic, config: CalQlConfig, *, target_rate: float) -> None:
        super().__init__(critic, target_rate=target_rate)
        self._config = config

    @property
    def num_candidates(self) -> int:
        """N of each state."""
        return self._config.num_candidates

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the sum of regression and conservative term, and each."""
        config, critic = self._config, self.critic
        with torch.no_grad():
            context_BD = self.target.embed(batch.next_observations)
            next_KB = self.target.score(context_BD, batch.next_candidates_BNHA).amax(2)
            target_KB = self.target_of(batch, next_KB, monte_carlo_weight=config.monte_carlo_weight)
        regression = self.regress(batch, target_KB)
        context_BD = critic.embed(batch.observations)
        taken_KB = critic.score(context_BD, batch.chunks_BHA.unsqueeze(1)).squeeze(2)
        drawn_KBN = critic.score(context_BD, batch.candidates_BNHA)
        calibrated_KBN = drawn_KBN.maximum(batch.monte_carlo_B[:, None])
        uniform_KBU = critic.score(context_BD, self._uniform(batch))
        all_KBM = torch.cat([calibrated_KBN, uniform_KBU], dim=2)
        excess_KB = all_KBM.logsumexp(2) - taken_KB
        conservative = config.alpha * excess_KB.mean(1).sum()
        members = len(target_KB)
        shown = {"critic": regression / members, "excess": excess_KB.mean()}
        return regression + conservative, shown

    def _uniform(self, batch: Batch) -> Float[Tensor, "B U H A"]:
        """Return chunks over the range of the actions; three deviations where it is not known."""
        critic, (B, H, A) = self.critic, batch.chunks_BHA.shape
        low = critic.action_mean_A - 3 * critic.action_std_A
        high = critic.action_mean_A + 3 * critic.action_std_A
        low = torch.where(critic.low_A.isfinite(), critic.low_A, low)
        high = torch.where(critic.high_A.isfinite(), critic.high_A, high)
        noise = torch.rand(
            (B, self._config.num_uniform, H, A), generator=batch.generator(), device=low.device
        )
        return low + noise * (high - low)
