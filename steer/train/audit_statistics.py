"""Numbers of an audit as functions of which episodes are looked at: to draw episodes again.

For one critic's interval, and for that of the difference of two on the same episodes.

Shape legend: M chunks, E episodes.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from steer.train.audit_data import Questions
from steer.train.audit_metrics import auc

__all__ = ["Statistic", "discriminating", "episode_parts", "over_rows"]

Statistic: TypeAlias = Callable[[NDArray[np.int64]], float]
"""Of positions of episodes, some of them several times."""


def episode_parts(questions: Questions, *, is_success: bool) -> list[NDArray[np.int64]]:
    """Return the positions of each episode's chunks, in order of time."""
    episodes, row = questions.episodes, questions.chunks.row
    bounds = zip(episodes.start, episodes.end, episodes.success, strict=True)
    return [
        np.flatnonzero((row >= start) & (row < end))
        for start, end, success in bounds
        if bool(success) == is_success and ((row >= start) & (row < end)).any()
    ]


def over_rows(
    questions: Questions,
    values: NDArray[np.float64],
    measure: Callable[[NDArray[np.float64], NDArray[np.float64]], float],
) -> tuple[Statistic, int]:
    """Return a measure of predicted and realised returns over all rows of the episodes picked.

    Args:
        questions: The critic and its episodes.
        values: Of every chunk that was run, [M].
        measure: (predicted, realised) -> a number.

    Returns:
        The statistic, and of how many episodes it is.
    """
    returns = questions.chunks.monte_carlo.astype(np.float64)
    parts = episode_parts(questions, is_success=True) + episode_parts(questions, is_success=False)

    def statistic(picks: NDArray[np.int64]) -> float:
        rows = np.concatenate([parts[pick] for pick in picks])
        return measure(values[rows], returns[rows])

    return statistic, len(parts)


def discriminating(
    questions: Questions, values: NDArray[np.float64], *, share: float = 0.5
) -> tuple[Statistic, int]:
    """Return the AUC of success against failure where a share of each episode is gone.

    Args:
        questions: The critic and its episodes.
        values: Of every chunk that was run, [M].
        share: Of the episode, 0..1.

    Returns:
        The statistic, and of how many episodes it is: those longer than a chunk.
    """
    at, success = _where_gone(questions, values, share=share)
    return lambda picks: auc(at[picks][success[picks]], at[picks][~success[picks]]), len(at)


def _where_gone(
    questions: Questions, values: NDArray[np.float64], *, share: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the value of each long enough episode where a share of it is gone, and its outcome.

    Failures have no chunk in their last `horizon` ticks, successes have. So the share is of the
    ticks before those, for both: else the tick itself, later for successes, would tell them apart.
    """
    episodes, horizon = questions.episodes, questions.critic.card.horizon
    lengths = episodes.end - episodes.start
    long = np.flatnonzero(lengths > horizon)
    tick = (share * (lengths[long] - 1 - horizon)).astype(np.int64)
    wanted = episodes.start[long] + tick  # or the last one before it: not every row has a frame
    at = values[np.searchsorted(questions.chunks.row, wanted, side="right") - 1]
    return at, episodes.success[long]
