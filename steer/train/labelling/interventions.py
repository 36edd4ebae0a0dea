"""Interventions as preferences: what a human did is better than what the policy does in its place.

Shape legend: T frames of all episodes, P pairs, H horizon.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from steer.errors import DatasetError
from steer.train.audit_metrics import Figure, mean_over_episodes
from steer.train.deviations import deviations
from steer.train.label_config import InterventionsConfig
from steer.train.labelling.label import Label, Number
from steer.train.labelling.recording import Recording
from steer.train.lerobot_v3 import vector_keys
from steer.train.pairs import Pairs

__all__ = ["label_interventions"]


@dataclass(frozen=True, slots=True, eq=False)
class _Matches:
    """For each frame of a human, the frame of the policy that is most like it.

    Attributes:
        human: int64 [P].
        policy: int64 [P].
        distance: float64 [P], between the two states, in deviations.
    """

    human: NDArray[np.int64]
    policy: NDArray[np.int64]
    distance: NDArray[np.float64]


def label_interventions(recording: Recording, config: InterventionsConfig) -> Label:
    """Turn every chunk that a human ran into a pair.

    The preferred chunk is what the human ran from a frame on, the rejected one what the policy ran
    in the most similar state of the data, often that just before the human took over. Chunks that
    are partly the human's, or cross the end of an episode, are neither.

    Args:
        recording: What to label.
        config: Column, horizon, and how far states may be apart.

    Returns:
        Pairs, with how many were left out because no state of the policy was near, how far the
        states are apart on average, and how far the chunks are.

    Raises:
        DatasetError: There is no such column, nobody took over, or no pair is left.
    """
    flag = recording.column(config.column).astype(np.bool_)
    if flag.ndim != 1:
        raise DatasetError(
            f"{recording.root}: {config.column}: expected one boolean a frame, got {flag.shape[1]}"
        )
    asked = recording.asked_frames
    if not (flag & asked).any():
        raise DatasetError(
            f"{recording.root}: {config.column}: expected frames that a human ran, got none"
        )
    matches, lonely = _match(recording, flag, config)
    ahead = np.arange(config.horizon)
    actions = recording.column("action").astype(np.float32)
    actions = actions.reshape(len(flag), -1)
    pairs = Pairs(
        episode=recording.episode[recording.owner[matches.human]],
        frame=matches.human - recording.start[recording.owner[matches.human]],
        preferred=actions[matches.human[:, None] + ahead],
        rejected=actions[matches.policy[:, None] + ahead],
        rejected_episode=recording.episode[recording.owner[matches.policy]],
    )
    unit = deviations(actions[asked])
    apart = ((pairs.preferred - pairs.rejected) / unit).astype(np.float64)
    gap = np.sqrt(np.square(apart).mean(axis=(1, 2)))
    widest = float(np.sqrt(np.square(np.ptp(actions[asked], axis=0) / unit).mean()))
    begins = flag & asked & ~np.r_[False, flag[:-1]]
    begins[recording.start] |= (flag & asked)[recording.start]
    numbers: dict[str, Number] = {
        "interventions": int(begins.sum()),
        "frames": int((flag & asked).sum()),
        "pairs": len(pairs),
        "left_out_no_state_near": lonely,
        "state_distance": _over_episodes(matches.distance, pairs.episode, most=config.max_distance),
        "chunk_distance": _over_episodes(gap, pairs.episode, most=widest),
    }
    source = f"the column {config.column}, chunks of {config.horizon} actions"
    return Label(kind="interventions", source=source, pairs=pairs, numbers=numbers)


def _match(
    recording: Recording, flag: NDArray[np.bool_], config: InterventionsConfig
) -> tuple[_Matches, int]:
    """Return the pairs of frames, and how many frames of the human have none that is near."""
    human = _whole_windows(recording, flag, config.horizon)
    policy = _whole_windows(recording, ~flag, config.horizon)
    for who, rows in (("the human", human), ("the policy", policy)):
        if not len(rows):
            raise DatasetError(
                f"{recording.root}: {config.column}: expected {config.horizon} actions of {who} in "
                "a row, got fewer; shorten them with --interventions.horizon"
            )
    keys = vector_keys(recording.root, recording.features, ())
    joined = np.concatenate(
        [recording.column(key).reshape(len(flag), -1) for key in keys], axis=1
    ).astype(np.float64)
    if not np.isfinite(joined).all():
        raise DatasetError(f"{recording.root}: expected finite observations, got NaN or Inf")
    states = joined / deviations(joined[recording.asked_frames])
    distance, nearest = KDTree(states[policy]).query(states[human])
    distance = np.asarray(distance, np.float64) / np.sqrt(states.shape[1])
    near = distance <= config.max_distance
    if not near.any():
        raise DatasetError(
            f"{recording.root}: expected states of the policy within "
            f"{config.max_distance:g} deviations of those of the human, got none nearer than "
            f"{distance.min():.2f}; allow more with --interventions.max-distance"
        )
    chosen = policy[np.asarray(nearest, np.int64)]
    return _Matches(human[near], chosen[near], distance[near]), int((~near).sum())


def _whole_windows(
    recording: Recording, flag: NDArray[np.bool_], horizon: int
) -> NDArray[np.int64]:
    """Return the asked-for frames from which on so many frames of the episode are flagged."""
    last = recording.end[recording.owner] - 1
    row = np.arange(len(flag))
    window = np.minimum(row[:, None] + np.arange(horizon), last[:, None])
    whole = flag[window].all(axis=1) & (row + horizon - 1 <= last) & recording.asked_frames
    return np.flatnonzero(whole)


def _over_episodes(
    values: NDArray[np.float64], episode: NDArray[np.int64], *, most: float
) -> Figure:
    """Return the mean of the episodes' means, of distances that are no larger than `most`."""
    means = [float(values[episode == number].mean()) for number in np.unique(episode)]
    return mean_over_episodes(means, bounds=(0.0, most), seed=0)
