"""Batches of chunks, gathered on the device: which one a step sees follows from seed and step.

Shape legend: T rows of all episodes, N candidates, H horizon, A action.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steer.errors import ConfigError, DatasetError
from steer.train.algorithms.base import Batch, LabelledPairs, Learner
from steer.train.candidates import load_candidates, logged_rows
from steer.train.config import TrainConfig
from steer.train.datasets import Episodes
from steer.train.targets import Chunks, row_returns, row_windows
from steer.train.told import Told

__all__ = ["Batches", "usable_chunks"]

_PAIRS, _LOSS = 1, 2
"""Tell the draws of pairs, and those within the loss, from those of chunks."""


class Batches:
    """Everything as tensors on the device.

    Args:
        chunks: To learn from, all of use to it.
        episodes: That the chunks point into.
        config: Of the run.
        learner: Says what it needs beside chunks.

    Raises:
        ConfigError: It needs what came of each candidate, and was given drawn ones.
        DatasetError: Candidates that were drawn are fewer than asked for, or
            of other data; labelled chunks are shorter than the horizon; or an instruction that the
            critic reads is empty or too long.
    """

    def __init__(
        self, chunks: Chunks, episodes: Episodes, config: TrainConfig, learner: Learner
    ) -> None:
        def move(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Tensor:
            return torch.from_numpy(array).to(config.device)

        self._config = config
        self._observations = {key: move(value) for key, value in episodes.observations.items()}
        self._episodes, self._chunks = episodes, chunks
        self._actions = move(episodes.actions)
        self._row, self._next_row = move(chunks.row), move(chunks.next_row)
        self._action_rows = move(chunks.action_rows)
        self._next_action_rows = move(chunks.next_action_rows)
        self._reward, self._bootstrap = move(chunks.reward), move(chunks.bootstrap)
        self._monte_carlo = move(chunks.monte_carlo)
        candidates, returns = _candidates(episodes, config, learner)
        self._candidates, self._candidate_return = move(candidates), move(returns)
        self._told = Told(episodes, config)
        self._pairs = _PairBatches(episodes, config) if learner.asks_for_pairs else None

    def of(self, step: int) -> Batch:
        """Return the batch of a step."""
        generator = np.random.default_rng((self._config.seed, step))
        picked = generator.integers(len(self._chunks), size=self._config.batch_size)
        index = torch.from_numpy(picked).to(self._config.device)
        row, next_row = self._row[index], self._next_row[index]
        batch = Batch(
            observations=self._seen(row, self._chunks.row[picked], has_frames=True),
            chunks_BHA=self._actions[self._action_rows[index]],
            reward_B=self._reward[index],
            bootstrap_B=self._bootstrap[index],
            next_observations=self._seen(
                next_row, self._chunks.next_row[picked], has_frames=self._config.looks_ahead
            ),
            next_chunks_BHA=self._actions[self._next_action_rows[index]],
            monte_carlo_B=self._monte_carlo[index],
            candidates_BNHA=self._candidates[row],
            candidate_return_BN=self._candidate_return[row],
            next_candidates_BNHA=self._candidates[next_row],
            seed=int(np.random.default_rng((self._config.seed, step, _LOSS)).integers(2**63)),
            pairs=self._pairs.of(step, self._seen) if self._pairs else None,
        )
        return self._told.with_others(batch, self._chunks.row[picked], step)

    def _seen(
        self, index: Tensor, rows: NDArray[np.int64], *, has_frames: bool
    ) -> dict[str, Tensor]:
        """Return what is observed in rows, and told; frames are read from disk, where they are."""
        found = {key: value[index] for key, value in self._observations.items()}
        found |= self._told.of(rows)
        for key, value in self._episodes.frames.items() if has_frames else ():
            found[key] = torch.from_numpy(value.take(rows)).to(self._config.device)
        return found


def usable_chunks(chunks: Chunks, config: TrainConfig) -> Chunks:
    """Return the chunks that an algorithm can learn from.

    Raises:
        DatasetError: There is none.
    """
    if not config.needs_next_chunk:
        return chunks
    found = chunks.select(chunks.has_next_chunk)
    if not len(found):
        raise DatasetError(
            f"dataset: expected a chunk that leads to success or to {config.chunk_horizon} more "
            f"actions, which {config.algorithm} learns from, got none of {len(chunks)}"
        )
    return found


class _PairBatches:
    """The labelled pairs of the episodes, on the device.

    Those after a first success are left out, and those of rows that a critic that looks has no
    frames of.

    Raises:
        DatasetError: Their chunks are shorter than the horizon.
    """

    def __init__(self, episodes: Episodes, config: TrainConfig) -> None:
        self._config = config
        pairs, horizon = episodes.pairs, config.chunk_horizon
        self._rows: NDArray[np.int64] = np.zeros(0, np.int64)
        if pairs is None or not len(pairs):
            return
        if pairs.preferred.shape[1] < horizon:
            raise DatasetError(
                f"meta/preferences.parquet: expected chunks of at least the horizon, {horizon} "
                f"actions, got {pairs.preferred.shape[1]}; label again with a longer "
                "--interventions.horizon"
            )
        place = {int(number): index for index, number in enumerate(episodes.episode)}
        at = np.array([place[int(number)] for number in pairs.episode], np.int64)
        pairs_row = episodes.start[at] + pairs.frame
        kept = (pairs_row < episodes.end[at]) & episodes.has_frames(pairs_row)
        self._rows = pairs_row[kept]
        chosen = pairs.at(kept)
        self._preferred = torch.from_numpy(chosen.preferred[:, :horizon]).to(config.device)
        self._rejected = torch.from_numpy(chosen.rejected[:, :horizon]).to(config.device)

    def of(self, step: int, seen: Callable[..., dict[str, Tensor]]) -> LabelledPairs | None:
        """Return the pairs of a step; None where there are none."""
        if not len(self._rows):
            return None
        generator = np.random.default_rng((self._config.seed, step, _PAIRS))
        picked = generator.integers(len(self._rows), size=self._config.batch_size)
        index = torch.from_numpy(picked).to(self._config.device)
        rows = self._rows[picked]
        return LabelledPairs(
            observations=seen(torch.from_numpy(rows).to(index.device), rows, has_frames=True),
            preferred_BHA=self._preferred[index],
            rejected_BHA=self._rejected[index],
        )


def _candidates(
    episodes: Episodes, config: TrainConfig, learner: Learner
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the candidates of every row, [T, N, H, A], and what came of each, [T, N]."""
    horizon, count = config.chunk_horizon, learner.num_candidates
    num_rows, action_dim = episodes.actions.shape
    if count == 0:
        if config.candidates is not None:
            contract = f"none for {config.algorithm}, which chooses among none"
            raise ConfigError(f"--candidates: expected {contract}, got {config.candidates}")
        return np.zeros((num_rows, 0, horizon, action_dim), np.float32), np.zeros(
            (num_rows, 0), np.float32
        )
    if config.candidates is None:
        rows = logged_rows(episodes, num_candidates=count, horizon=horizon)
        windows = row_windows(episodes, horizon=horizon)
        returns = row_returns(
            episodes, discount=config.tick_discount, worst=config.head_config.v_min
        )
        return episodes.actions[windows[rows]], returns[rows]
    if learner.needs_returns:
        raise ConfigError(
            f"--candidates: expected none for {config.algorithm}, which must know what came of "
            f"each, got {config.candidates}"
        )
    drawn = load_candidates(config.candidates, episodes, horizon=horizon)
    if drawn.shape[1] < count:
        raise DatasetError(
            f"{config.candidates}: expected at least {count} candidates a row, got {drawn.shape[1]}"
        )
    return drawn[:, :count], np.full((num_rows, count), np.nan, np.float32)
