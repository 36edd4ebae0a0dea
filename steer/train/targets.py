"""From episodes to chunks with their returns: what a critic is asked to predict.

The reward is the same negative number at every control tick until success, and 0 from the action
that reaches it: -1, or that which makes -1 a chunk. No chunk
crosses the end of an episode; a success inside a chunk stops the bootstrap; a time-out is not a
terminal of the bootstrapped target. The Monte-Carlo return has no such way out: there an episode
that timed out is taken to fail for ever.

Shape legend: M chunks, H horizon, T rows of all episodes.
"""

import logging
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from steer.errors import DatasetError
from steer.train.datasets import Episodes

__all__ = ["Chunks", "build_chunks", "row_returns", "row_windows"]

logger = logging.getLogger(__name__)

_MAX_NAMED = 8


@dataclass(frozen=True, slots=True, eq=False)
class Chunks:
    """All chunks that the data can teach from.

    Attributes:
        row: int64 [M], row of the observation.
        action_rows: int64 [M, H], rows of the actions. Where success ends the episode inside the
            chunk, the successful action is repeated: the robot would have stopped there.
        reward: float32 [M], discounted reward within the chunk.
        bootstrap: float32 [M], discount**H where the value of the next observation counts, else 0.
        next_row: int64 [M], row of that observation; the chunk's own row where it does not count.
        next_action_rows: int64 [M, H], rows of the actions that followed, padded in the same way.
        has_next_chunk: bool [M], whether those are a whole chunk or end in success.
        monte_carlo: float32 [M], the return that really came. An episode that timed out is taken to
            fail for ever.
    """

    row: NDArray[np.int64]
    action_rows: NDArray[np.int64]
    reward: NDArray[np.float32]
    bootstrap: NDArray[np.float32]
    next_row: NDArray[np.int64]
    next_action_rows: NDArray[np.int64]
    has_next_chunk: NDArray[np.bool_]
    monte_carlo: NDArray[np.float32]

    def __len__(self) -> int:
        """Return M."""
        return len(self.row)

    def select(self, which: NDArray[np.bool_]) -> "Chunks":
        """Return those of which `which`, bool [M], is true."""
        return Chunks(*(getattr(self, item.name)[which] for item in fields(self)))


def build_chunks(
    episodes: Episodes, *, horizon: int, discount: float, worst: float | None = None
) -> Chunks:
    """Return the chunks of all episodes.

    A chunk that begins at row t teaches if success comes within it, or if the observation after its
    last action was recorded: so an unsuccessful episode needs more than `horizon` rows.

    Args:
        episodes: Each ends with its first success, or timed out.
        horizon: H.
        discount: Per control tick.
        worst: Return of failing for ever, which sets the reward of a tick; None for that of -1.

    Raises:
        DatasetError: No episode is long enough.

    References:
        Li et al., Q-chunking, 2025, equation 4. Differs: success inside a chunk keeps the chunk.
    """
    lengths = episodes.end - episodes.start
    _warn_of_short(episodes, lengths, horizon)
    row: NDArray[np.int64] = np.arange(len(episodes.actions), dtype=np.int64)
    end = np.repeat(episodes.end, lengths)
    succeeds = np.repeat(episodes.success, lengths)
    ticks_left = (
        end - 1 - row
    )  # until the last recorded row, which is the success where there is one
    within = succeeds & (ticks_left < horizon)
    kept = within | (ticks_left >= horizon)
    if not kept.any():
        raise DatasetError(
            f"dataset: expected an episode that succeeds or has more than {horizon} rows, which is "
            "the horizon, got none"
        )
    row, end, ticks_left = row[kept], end[kept], ticks_left[kept]
    succeeds, within = succeeds[kept], within[kept]
    next_row = np.where(within, row, row + horizon)
    next_left = end - 1 - next_row
    scale = _Scale(discount, worst)
    return Chunks(
        row=row,
        action_rows=_window(row, end, horizon),
        reward=scale.cost(np.minimum(ticks_left, horizon)),
        bootstrap=np.where(within, 0.0, discount**horizon).astype(np.float32),
        next_row=next_row,
        next_action_rows=_window(next_row, end, horizon),
        has_next_chunk=within | succeeds | (next_left >= horizon - 1),
        monte_carlo=np.where(succeeds, scale.cost(ticks_left), scale.worst).astype(np.float32),
    )


def row_returns(
    episodes: Episodes, *, discount: float, worst: float | None = None
) -> NDArray[np.float32]:
    """Return what came after each row, float32 [T]; see `Chunks.monte_carlo`."""
    lengths = episodes.end - episodes.start
    left = np.repeat(episodes.end, lengths) - 1 - np.arange(len(episodes.actions))
    is_success = np.repeat(episodes.success, lengths)
    scale = _Scale(discount, worst)
    return np.where(is_success, scale.cost(left), scale.worst).astype(np.float32)


def row_windows(episodes: Episodes, *, horizon: int) -> NDArray[np.int64]:
    """Return the rows of the actions from each row on, int64 [T, H], the last one repeated."""
    lengths = episodes.end - episodes.start
    rows: NDArray[np.int64] = np.arange(len(episodes.actions), dtype=np.int64)
    return _window(rows, np.repeat(episodes.end, lengths), horizon)


def _window(row: NDArray[np.int64], end: NDArray[np.int64], horizon: int) -> NDArray[np.int64]:
    """Return the rows of `horizon` actions, the last of the episode repeated."""
    return np.minimum(row[:, None] + np.arange(horizon), end[:, None] - 1)


@dataclass(frozen=True, slots=True)
class _Scale:
    """What ticks without success cost: `worst` for ever, and for some of them their share."""

    discount: float
    _worst: float | None

    @property
    def worst(self) -> np.float32:
        return np.float32(-1 / (1 - self.discount) if self._worst is None else self._worst)

    def cost(self, ticks: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the discounted sum of the reward over so many ticks."""
        return (self.worst * (1 - self.discount**ticks)).astype(np.float32)


def _warn_of_short(episodes: Episodes, lengths: NDArray[np.int64], horizon: int) -> None:
    short = ~episodes.success & (lengths <= horizon)
    if short.any():
        numbers = episodes.episode[short]
        named = ", ".join(map(str, numbers[:_MAX_NAMED])) + (
            ", …" if len(numbers) > _MAX_NAMED else ""
        )
        logger.warning(
            "left out %d unsuccessful episodes: expected more than %d rows, which is the horizon, "
            "got fewer in: %s",
            len(numbers),
            horizon,
            named,
        )
