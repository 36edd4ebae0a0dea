"""What an audit asks a critic: values of chunks that were run, and of chunks that compete.

Shape legend: T rows of all episodes, R some of them, S states, N candidates, H horizon, A action,
D context, K members.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steer.critics.card import CriticCard
from steer.critics.critic import Critic
from steer.critics.encoding import INSTRUCTION, kind_of
from steer.embodiment import ObservationField
from steer.errors import DatasetError, PolicyError
from steer.rank.score import advantage
from steer.train.datasets import Episodes
from steer.train.deviations import deviations
from steer.train.targets import Chunks
from steer.train.tasks import check_instructions, vectors_for

__all__ = [
    "Draw",
    "Questions",
    "candidate_values",
    "check_senses",
    "contexts",
    "draw_at",
    "executed_values",
    "neighbour_chunks",
    "score_candidates",
]

Draw = Callable[[dict[str, NDArray[np.float32]], int, int], NDArray[np.float32]]
"""(history by name [n, S], how many candidates, seed) -> chunks [N, H, A] of a policy."""

_BATCH, _BATCH_SEEN = 1024, 64
"""Observations at a time: vectors, and images or points, which are a thousand times larger."""


def draw_at(
    draw: Draw,
    episodes: Episodes,
    row: int,
    *,
    num_candidates: int,
    horizon: int | None,
    seed: int,
) -> NDArray[np.float32]:
    """Return what a policy would have done in a recorded state, from all that it had seen by then.

    Args:
        draw: Of the policy.
        episodes: What was recorded.
        row: Of the state.
        num_candidates: N.
        horizon: H, to which longer chunks are cut; None for the policy's own.
        seed: Of the draw.

    Returns:
        float32 [N, H, A].

    Raises:
        PolicyError: It gave fewer candidates, as a slow one does, or shorter or narrower ones.
    """
    first = int(episodes.start[np.searchsorted(episodes.end, row, side="right")])
    history = {key: value[first : row + 1] for key, value in episodes.observations.items()}
    chunks = draw(history, num_candidates, seed)
    action_dim, shape = episodes.actions.shape[1], list(chunks.shape)
    least = horizon or 1
    fits = len(shape) == 3 and shape[0] >= num_candidates and shape[1] >= least
    if not fits or shape[2] != action_dim:
        wanted = f"{num_candidates} candidates in time, of {least} or more actions"
        raise PolicyError(f"policy: expected {wanted} of {action_dim} numbers, got shape {shape}")
    return chunks[:num_candidates, :horizon]


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """A critic and the episodes that it is judged on.

    Attributes:
        critic: In evaluation mode.
        episodes: Held-out ones, with what the critic sees; more observations do no harm.
        chunks: Of those episodes.
    """

    critic: Critic
    episodes: Episodes
    chunks: Chunks


def check_senses(card: CriticCard, episodes: Episodes) -> None:
    """Refuse data that lack what a critic sees, or are of other actions.

    Raises:
        DatasetError: An observation is missing or of another shape, there is no instruction for a
            critic that reads it, or one too long to be sent, or the actions have another number of
            dimensions.
    """
    have = {key: value.shape[1:] for key, value in episodes.observations.items()}
    looked = [episodes.embodiment.observation(key) for key in episodes.frames]
    have |= {item.name: tuple(item.shape) for item in looked if item is not None}
    for item in card.embodiment.observations:
        got = "nothing" if item.name not in have else f"shape {list(have[item.name])}"
        if got == "nothing" or not _fits(item, have[item.name]):
            raise DatasetError(
                f"dataset: expected {item.name!r}, {item.dtype} of shape {list(item.shape)}, which "
                f"the critic sees, got {got}"
            )
    if card.network.language_dim:
        check_instructions(episodes.told())
    if episodes.actions.shape[1] != card.embodiment.action_dim:
        raise DatasetError(
            f"dataset: expected actions of {card.embodiment.action_dim} dimensions, as the critic "
            f"scores, got {episodes.actions.shape[1]}"
        )


def _fits(field: ObservationField, shape: tuple[int, ...]) -> bool:
    """Say whether an encoder reads it: vectors as they are, images and clouds of any extent."""
    if kind_of(field) == "vector":
        return shape == tuple(field.shape)
    return len(shape) == len(field.shape) and shape[-1] == field.shape[-1]


def executed_values(questions: Questions) -> NDArray[np.float64]:
    """Return the mean value over members of every chunk that was run, shape [M]."""
    chunks = questions.chunks
    actions = questions.episodes.actions
    executed = actions[chunks.action_rows][:, None]
    values_KM1 = candidate_values(questions, chunks.row, executed)
    values: NDArray[np.float64] = values_KM1.mean(axis=0)[:, 0]
    return values


def score_candidates(value_KSN: NDArray[np.float64], *, beta: float) -> NDArray[np.float64]:
    """Return scores as deployment makes them: paired with candidate 0, pessimistic; [S, N].

    Pessimism is against whatever would take the place of candidate 0. It says what a robot would
    do, not what the critic knows: of that the mean over members says more.
    """
    return np.asarray(advantage(torch.from_numpy(value_KSN), beta=beta).numpy(), np.float64)


def candidate_values(
    questions: Questions, rows: NDArray[np.int64], candidates_SNHA: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return each member's value of each candidate, [K, S, N]."""
    found = []
    for part in _batches(questions, len(rows)):
        with torch.inference_mode():
            context_SD = _context(questions, rows[part])
            value_KSN = questions.critic.score(context_SD, torch.from_numpy(candidates_SNHA[part]))
        found.append(np.asarray(value_KSN.numpy(), np.float64))
    return np.concatenate(found, axis=1)


def contexts(
    questions: Questions,
    rows: NDArray[np.int64],
    *,
    on_batch: Callable[[int], object] | None = None,
) -> NDArray[np.float32]:
    """Return the critic's contexts of rows, float32 [R, D].

    Args:
        questions: Critic and episodes.
        rows: int64 [R], each with frames, where the critic looks at any.
        on_batch: Called with the number of rows of each batch that is done.
    """
    found = np.empty((len(rows), questions.critic.card.network.context_dim), np.float32)
    for part in _batches(questions, len(rows)):
        with torch.inference_mode():
            found[part] = _context(questions, rows[part]).numpy()
        if on_batch is not None:
            on_batch(len(part))
    return found


def _batches(questions: Questions, count: int) -> list[NDArray[np.int64]]:
    size = _BATCH_SEEN if questions.critic.card.sees else _BATCH
    return np.array_split(np.arange(count), max(1, count // size))


def _context(questions: Questions, rows: NDArray[np.int64]) -> Tensor:
    """Return the contexts of rows [R, D], each with its instruction where the critic reads one."""
    card, episodes = questions.critic.card, questions.episodes
    seen = episodes.at(rows)
    names = [item.name for item in card.embodiment.observations]
    observations = {name: torch.from_numpy(seen[name]) for name in names}
    if card.network.language_dim:
        tasks, owner = episodes.told(), np.searchsorted(episodes.end, rows, side="right")
        size, encoder = card.network.language_dim, card.sentence_encoder
        vectors_IL = vectors_for(tasks, size=size, encoder=encoder)
        observations[INSTRUCTION] = torch.from_numpy(vectors_IL[tasks.of[owner]])
    context_RD: Tensor = questions.critic.embed(observations)
    return context_RD


def neighbour_chunks(
    questions: Questions, picked: NDArray[np.int64], num_neighbours: int
) -> NDArray[np.int64]:
    """Return for each picked chunk the chunks run from the most similar states, itself first.

    Similar: nearest by normalised vectors, or by the critic's context where the data have none;
    one an episode, never from its own episode, and of its own task where there are several.

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
    states, tasks = _states(questions), episodes.told()
    task = np.array([tasks.distinct.index(tasks.names[place]) for place in tasks.of])[owner]
    fewest = min(len(np.unique(owner[task == one])) for one in np.unique(task))
    count = min(num_neighbours, fewest - 1)
    found = np.empty((len(picked), count + 1), np.int64)
    for index, position in enumerate(picked):
        distance = np.square(states - states[position]).sum(axis=1)
        distance[owner == owner[position]] = np.inf
        order = np.argsort(distance)
        _, first = np.unique(owner[order], return_index=True)
        nearest = order[np.sort(first)]
        is_rival = (owner[nearest] != owner[position]) & (task[nearest] == task[position])
        nearest = nearest[is_rival]
        found[index] = np.concatenate([[position], nearest[:count]])
    return found


def _states(questions: Questions) -> NDArray[np.float32]:
    """Return what each chunk's state is told apart by, normalised."""
    rows = questions.chunks.row
    vectors = [value for value in questions.episodes.observations.values() if value.ndim == 2]
    if vectors:
        joined = np.concatenate(vectors, axis=1)
        return np.asarray((joined / deviations(joined))[rows])
    context = contexts(questions, rows)
    return np.asarray(context / deviations(context))
