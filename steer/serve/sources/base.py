"""What a policy source is: observations in, candidates with provenance out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from steer.embodiment import Embodiment
from steer.types import Candidates, Observation

__all__ = ["PolicySource", "SourceInfo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """What a policy source draws, and what it needs for that.

    Attributes:
        name: How a session asks for it.
        type: LeRobot's name of the architecture, for example `diffusion`.
        embodiment: The body it drives, with the observations that it needs and no others. What
            the checkpoint does not say is left unknown.
        horizon: H of its chunks, in actions.
        num_observations: How many consecutive observations it looks at, one control tick apart.
        is_stochastic: Whether it can draw different chunks for one observation. Where it cannot,
            candidates 1 and up are smooth perturbations of candidate 0.
        digest: Identity of the checkpoint, `sha256:…`.
    """

    name: str
    type: str
    embodiment: Embodiment
    horizon: int
    num_observations: int
    is_stochastic: bool
    digest: str


class PolicySource(Protocol):
    """Draws candidates for one robot at a time; keeps nothing between calls."""

    @property
    def info(self) -> SourceInfo:
        """What it draws."""
        ...

    async def draw(
        self,
        observations: Sequence[Observation],
        *,
        num_candidates: int,
        noise_seed: int,
        frozen: int = 0,
        budget_s: float,
    ) -> Candidates:
        """Draw candidates; calls may overlap and are served in order.

        Args:
            observations: The last `info.num_observations`, oldest first, images decoded. Of more,
                the last are used; of fewer, the first is repeated.
            num_candidates: N >= 1.
            noise_seed: In [0, 2**64). Candidate 0 is a function of (observations, noise_seed), and
                candidate n of (observations, noise_seed, num_candidates); nothing drawn before
                plays a part.
            frozen: Rows of the last observation's `running` that will run before the answer can.
                Sources that guide their chunks by what runs draw chunks that begin with nearly
                those; they, and no others, are functions of `running` and of this, too.
            budget_s: Time until the answer must be there, in seconds.

        Returns:
            `num_candidates` chunks in robot units; fewer, but at least candidate 0, where the
            budget ended on the way.

        Raises:
            InvalidInputError: The observations are not what `info.embodiment` needs.
            LateError: There was no time for candidate 0.
            PolicyError: The policy failed, is being restarted, or drew an unusable chunk.
        """
        ...
