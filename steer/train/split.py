"""Which episodes are learnt from, and which are kept for the audit.

Shape legend: E episodes, G groups of them.
"""

import numpy as np
from numpy.typing import NDArray

from steer.errors import ConfigError, DatasetError
from steer.train.config import TrainConfig
from steer.train.episodes import Episodes

__all__ = ["learnt_and_held", "split_episodes"]

_HOLDOUT_SEED = 20_241


def split_episodes(
    seed_E: NDArray[np.int64], holdout: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions to learn from and those kept for the audit.

    Episodes of one seed began alike, whatever drove the robot then: they are kept back together, or
    the audit would see what was learnt. The same for every run on the same seeds, so that critics
    are audited on the same episodes.

    Args:
        seed_E: int64, of each episode; below 0 where it is not known, and then each is its own.
        holdout: Share to keep back; rounded down, and 0 where it would leave none.
    """
    own_E = -1 - np.arange(len(seed_E))
    known_E = np.where(seed_E >= 0, seed_E, own_E)
    _, first_G, group_E = np.unique(known_E, return_index=True, return_inverse=True)
    group_E = np.argsort(np.argsort(first_G))[group_E]  # in order of their first episodes
    order_G = np.random.default_rng(_HOLDOUT_SEED).permutation(len(first_G))
    count = int(holdout * len(first_G))
    is_held_E = np.isin(group_E, order_G[:count])
    return np.flatnonzero(~is_held_E), np.flatnonzero(is_held_E)


def learnt_and_held(episodes: Episodes, config: TrainConfig) -> tuple[Episodes, NDArray[np.int64]]:
    """Return the episodes to learn from, and which are held out.

    Raises:
        ConfigError: None is held out, and they are to say when to stop.
        DatasetError: None of the others succeeds.
    """
    kept, held_out = split_episodes(episodes.seed, config.holdout)
    if config.patience and not len(held_out):
        contract = "episodes to be held out, which say when to stop"
        got = f"none of {len(episodes)}; give a larger --holdout than {config.holdout:g}"
        raise ConfigError(f"--patience: expected {contract}, got {got}")
    learnt = episodes.select(kept)
    if not learnt.success.any():
        raise DatasetError(
            f"dataset: expected an episode that succeeds among the {len(learnt)} that are left to "
            f"learn from, got none: all are held out; record more, or use --holdout 0"
        )
    return learnt, held_out
