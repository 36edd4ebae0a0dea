"""What a critic is told in training: the instruction of each row, and now and then another.

Shape legend: T rows of all episodes, B batch, I instructions, L length of a language vector.
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steer.critics.encoding import INSTRUCTION
from steer.train.algorithms.base import Batch
from steer.train.config import TrainConfig
from steer.train.episodes import Episodes
from steer.train.tasks import vectors_for

__all__ = ["Told"]

_SHARE = 0.5
"""Where none is given; on tune seeds of `benchmarks.language` better than a quarter, and none."""
_OTHERS = 2
"""Tells the draws of other instructions from those of chunks and pairs."""


class Told:
    """Instructions of rows, as vectors on the device; nothing for a critic that reads none.

    A share of each batch is shown with the instruction of another task, and then has failed for
    ever: what serves one instruction is not what serves another. Without that, a critic of two
    tasks in one scene may read the state alone, in which each chunk did well at its own task.

    Args:
        episodes: Of one task or several.
        config: Of the run, its `network.language_dim` settled.

    Raises:
        DatasetError: An instruction is empty, or longer than robots can send.

    References:
        Andrychowicz et al., Hindsight Experience Replay, 2017: an episode is shown with a goal
        that it reached; Nair et al., LOReL, 2021: instructions of other episodes as negatives of a
        classifier. Differs: the other way round from the first, as a failure; and of a value over
        chunks, not of a reward over states. What an episode did is not looked at: where it serves
        another task's instruction too, that is taken for a failure all the same.
    """

    def __init__(self, episodes: Episodes, config: TrainConfig) -> None:
        self._config = config
        self._worst = config.head_config.v_min
        self._vectors: Tensor | None = None
        size, tasks = config.network.language_dim, episodes.told()
        if not size:
            return
        vectors_IL = vectors_for(tasks, size=size, encoder=tasks.encoder)
        self._vectors = torch.from_numpy(vectors_IL.copy()).to(config.device)
        self._of: NDArray[np.int64] = np.repeat(tasks.of, episodes.end - episodes.start)
        others = [
            [place for place, name in enumerate(tasks.names) if name != own] for own in tasks.names
        ]
        has_others = len(tasks.distinct) > 1
        share = config.other_instructions
        share = _SHARE if share is None else share
        self._num_others = round(share * config.batch_size) if has_others else 0
        self._others = [np.array(places, np.int64) for places in others]

    def of(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return the vectors of rows by the name of such an observation, float32 [B, L]."""
        if self._vectors is None:
            return {}
        return self._taken(self._of[rows])

    def with_others(self, batch: Batch, rows: NDArray[np.int64], step: int) -> Batch:
        """Return a batch whose first rows are shown with the instruction of another task.

        Args:
            batch: In which every row has its own instruction.
            rows: int64 [B], row of each observation.
            step: Draws which instruction.
        """
        if self._vectors is None or not self._num_others:
            return batch
        draws = np.random.default_rng((self._config.seed, step, _OTHERS)).random(self._num_others)
        told = self._of[rows]
        for index, draw in enumerate(draws):
            others = self._others[told[index]]
            told[index] = others[int(draw * len(others))]
        failed = torch.arange(len(rows), device=batch.reward_B.device) < self._num_others
        returns_BN = batch.candidate_return_BN
        drawn_BN = returns_BN.isnan() | ~failed[:, None]
        taken = self._taken(told)
        return replace(
            batch,
            observations={**batch.observations, **taken},
            next_observations={**batch.next_observations, **taken},
            reward_B=batch.reward_B.masked_fill(failed, self._worst),
            bootstrap_B=batch.bootstrap_B.masked_fill(failed, 0.0),
            monte_carlo_B=batch.monte_carlo_B.masked_fill(failed, self._worst),
            candidate_return_BN=returns_BN.masked_fill(~drawn_BN, self._worst),
        )

    def _taken(self, told: NDArray[np.int64]) -> dict[str, Tensor]:
        assert self._vectors is not None  # else nobody asks
        return {INSTRUCTION: self._vectors[torch.from_numpy(told).to(self._vectors.device)]}
