"""Continuity: how smoothly a candidate takes over from the chunk that runs.

Shapes: `N` candidates, `H` horizon, `A` action, `R` rest of the running chunk, `L` overlap.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steer.errors import ConfigError
from steer.ranges import overlap_distance
from steer.rank.scorers.base import Situation

__all__ = ["Continuity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuity:
    """Score by the distance from the rest of the running chunk, in parts of the actions' ranges.

    From -1 to 0 where all ranges are known and kept; 0 for every candidate where nothing runs. The
    gripper counts as any other action: to let go halfway is the worst break of a plan.

    Attributes:
        decay: Weight of each tick of the overlap against the one before it, in (0, 1]. Near 0 only
            the seam counts; 1 weighs the whole overlap alike. The preset is that of BID's released
            evaluation; it was not tuned here.

    Raises:
        ConfigError: `decay` is out of range.

    References:
        Agia et al., Unpacking Failure Modes of Generative Policies, 2024 (STAC), compares
        overlapping chunks; Liu et al., Bidirectional Decoding, 2024, with decay. Differs: it ranks,
        and is no monitor; parts of the range in the place of raw units; one running chunk, whose
        gripper is not dropped.
    """

    decay: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.decay <= 1:
            raise ConfigError(f"continuity.decay: expected a number in (0, 1], got {self.decay}")

    def __call__(self, situation: Situation) -> NDArray[np.float32]:
        """Return the score of each candidate, shape [N]."""
        rest_RA = situation.rest_RA
        if rest_RA is None or not len(rest_RA):
            return np.zeros(len(situation), np.float32)
        distance_N = overlap_distance(
            situation.chunks_NHA, rest_RA, situation.embodiment, decay=self.decay
        )
        return (-distance_N).astype(np.float32)
