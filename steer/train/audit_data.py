"""What an audit asks a critic: values of chunks that were run, and of chunks that compete.

Shape legend: T rows of all episodes, S states, N candidates, H horizon, A action.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from steer.critics.critic import Critic
from steer.rank.score import advantage
from steer.train.datasets import Episodes
from steer.train.targets import Chunks

__all__ = ["Draw", "Questions", "executed_values", "neighbour_chunks", "score_candidates"]

Draw = Callable[[dict[str, NDArray[np.float32]], int, int], NDArray[np.float32]]
"""(history by name [n, S], how many candidates, seed) -> chunks [N, H, A] of a policy."""

_BATCH = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """A critic and the episodes that it is judged on.

    Attributes:
        critic: In evaluation mode.
        episodes: Held-out ones.
        chunks: Of those episodes.
    """

    critic: Critic
    episodes: Episodes
    chunks: Chunks


def executed_values(questions: Questions) -> NDArray[np.float64]:
    """Return the mean value over members of every chunk that was run, shape [M]."""
    chunks = questions.chunks
    actions = questions.episodes.actions
    found = [
        _values(questions, chunks.row[part], actions[chunks.action_rows[part]][:, None])
        for part in np.array_split(np.arange(len(chunks)), max(1, len(chunks) // _BATCH))
    ]
    values: NDArray[np.float64] = np.concatenate(found, axis=1).mean(axis=0)[:, 0]
    return values


def score_candidates(
    questions: Questions,
    rows: NDArray[np.int64],
    candidates_SNHA: NDArray[np.float32],
    *,
    beta: float,
) -> NDArray[np.float64]:
    """Return scores as deployment makes them: paired with candidate 0, pessimistic; [S, N]."""
    value_KSN = torch.from_numpy(_values(questions, rows, candidates_SNHA))
    return np.asarray(advantage(value_KSN, beta=beta).numpy(), np.float64)


def _values(
    questions: Questions, rows: NDArray[np.int64], candidates_SNHA: NDArray[np.float32]
) -> NDArray[np.float64]:
    observations = {
        key: torch.from_numpy(value[rows]) for key, value in questions.episodes.observations.items()
    }
    with torch.inference_mode():
        context_SD = questions.critic.embed(observations)
        value_KSN = questions.critic.score(context_SD, torch.from_numpy(candidates_SNHA))
    return np.asarray(value_KSN.numpy(), np.float64)


def neighbour_chunks(
    questions: Questions, picked: NDArray[np.int64], num_neighbours: int
) -> NDArray[np.int64]:
    """Return for each picked chunk the chunks run from the most similar states, itself first.

    Similar: nearest by normalised observation, one an episode, never from its own episode.

    Args:
        questions: Critic and episodes.
        picked: Positions in `questions.chunks`, shape [S].
        num_neighbours: How many besides itself; fewer where there are fewer episodes.

    Returns:
        Positions in `questions.chunks`, shape [S, N].
    """
    episodes, chunks = questions.episodes, questions.chunks
    lengths = episodes.end - episodes.start
    episode_of_row = np.repeat(np.arange(len(episodes)), lengths)
    owner = episode_of_row[chunks.row]
    joined = np.concatenate(
        [value.reshape(len(value), -1) for value in episodes.observations.values()], axis=1
    )
    states = (joined / np.maximum(joined.std(axis=0), 1e-2))[chunks.row]
    count = min(num_neighbours, len(np.unique(owner)) - 1)
    found = np.empty((len(picked), count + 1), np.int64)
    for index, position in enumerate(picked):
        distance = np.square(states - states[position]).sum(axis=1)
        distance[owner == owner[position]] = np.inf
        order = np.argsort(distance)
        _, first = np.unique(owner[order], return_index=True)
        nearest = order[np.sort(first)]
        nearest = nearest[owner[nearest] != owner[position]]
        found[index] = np.concatenate([[position], nearest[:count]])
    return found
