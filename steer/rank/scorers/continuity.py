"""Continuity: how smoothly a candidate takes over from the chunk that runs.

Shapes: `N` candidates, `H` horizon, `A` action, `R` rest of the running chunk, `L` overlap.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import Embodiment
from steer.errors import ConfigError
from steer.rank.scorers.base import Situation
from steer.rank.scorers.ranges import as_run, spans

__all__ = ["Continuity", "overlap_distance"]


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


def overlap_distance(
    chunks_NHA: NDArray[np.float32],
    rest_RA: NDArray[np.float32],
    embodiment: Embodiment,
    *,
    decay: float,
) -> NDArray[np.float64]:
    """Return how far each chunk's beginning is from the running one, shape [N].

    The root mean square over the actions, averaged over the ticks that both have.

    Args:
        chunks_NHA: In robot units.
        rest_RA: In robot units, R >= 1; row 0 is for the tick of a chunk's row 0.
        embodiment: Clips, and gives the ranges.
        decay: As in `Continuity`.
    """
    length = min(len(rest_RA), chunks_NHA.shape[1])
    ours_NLA = as_run(chunks_NHA[:, :length], embodiment)
    theirs_LA = as_run(rest_RA[:length], embodiment)
    parts_NLA = (ours_NLA - theirs_LA) / spans(embodiment, ours_NLA, theirs_LA)
    distance_NL = np.sqrt((parts_NLA**2).mean(axis=2))
    weight_L = decay ** np.arange(length)
    result: NDArray[np.float64] = (distance_NL * weight_L).sum(axis=1) / weight_L.sum()
    return result
