"""Recorded episodes as arrays, read from a LeRobotDataset v3.

A local root is read column by column from its parquet files; a hub id goes through lerobot's own
loader first. Row t holds o_t, a_t and what came after a_t (`next.*`).

Shape legend: T rows of all episodes, E episodes, A action dimensions.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import Embodiment
from steer.errors import DatasetError
from steer.train.labels import read_success
from steer.train.lerobot_v3 import (
    find_root,
    find_task,
    read_columns,
    read_embodiment,
    read_json,
    vector_keys,
)

__all__ = ["Episodes", "load_episodes", "relabel"]

_CODEBASE_VERSION = "v3."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Episodes:
    """All episodes of one task, one after another. An episode ends with its first success.

    Attributes:
        embodiment: The robot that recorded them; its observations are those held here.
        task: Name of the task, or the instruction where the dataset names none.
        instruction: The task in words.
        observations: By key, float32 of shape [T, *shape].
        actions: float32 of shape [T, A], in robot units.
        is_success: bool of shape [T]: the action of this row reached the goal.
        is_timeout: bool of shape [T]: last row of an episode that ended without success.
        start: int64 of shape [E], first row of each episode.
        end: int64 of shape [E], one past its last row.
        episode: int64 of shape [E], its number in the dataset.
        seed: int64 of shape [E], seed of its initial state; -1 means not known.
        noise: float32 of shape [E], noise of the expert that recorded it; NaN means not known.
    """

    embodiment: Embodiment
    task: str
    instruction: str
    observations: Mapping[str, NDArray[np.float32]]
    actions: NDArray[np.float32]
    is_success: NDArray[np.bool_]
    is_timeout: NDArray[np.bool_]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    episode: NDArray[np.int64]
    seed: NDArray[np.int64]
    noise: NDArray[np.float32]

    def __len__(self) -> int:
        """Return E."""
        return len(self.start)

    @property
    def success(self) -> NDArray[np.bool_]:
        """Whether each episode ended in success, bool of shape [E]."""
        return self.is_success[self.end - 1]

    def select(self, which: Sequence[int] | NDArray[np.int64]) -> "Episodes":
        """Return the episodes at these positions (not dataset numbers), in this order."""
        index = np.asarray(which, np.int64)
        lengths = (self.end - self.start)[index]
        rows = np.concatenate(
            [np.arange(self.start[i], self.end[i]) for i in index] or [np.zeros(0, np.int64)]
        )
        end = np.cumsum(lengths)
        return replace(
            self,
            observations={key: value[rows] for key, value in self.observations.items()},
            actions=self.actions[rows],
            is_success=self.is_success[rows],
            is_timeout=self.is_timeout[rows],
            start=end - lengths,
            end=end,
            episode=self.episode[index],
            seed=self.seed[index],
            noise=self.noise[index],
        )

    def fingerprint(self) -> str:
        """Return `sha256:<hex>` over all that a critic could learn from."""
        digest = hashlib.sha256()
        for key in sorted(self.observations):
            digest.update(key.encode() + np.ascontiguousarray(self.observations[key]).tobytes())
        for array in (self.actions, self.is_success, self.is_timeout, self.start, self.end):
            digest.update(np.ascontiguousarray(array).tobytes())
        return f"sha256:{digest.hexdigest()}"


def load_episodes(
    dataset: str | Path,
    *,
    task: str | None = None,
    success: Path | None = None,
    assume_success: bool = False,
    observations: Sequence[str] = (),
) -> Episodes:
    """Read the episodes of one task.

    Args:
        dataset: Root of a LeRobotDataset v3, or a hub id `owner/name`.
        task: Name of the task in `meta/steer.json`, or its instruction; None where there is one.
        success: CSV file with the columns episode,success, for data without `next.success`.
        assume_success: Take every episode for a success.
        observations: Keys to read; empty means all vectors.

    Raises:
        DatasetError: The dataset cannot be read, or lacks what is needed; the text says what.
    """
    root = find_root(dataset)
    info = read_json(root / "meta" / "info.json")
    if not str(info.get("codebase_version", "")).startswith(_CODEBASE_VERSION):
        got = info.get("codebase_version", "none")
        raise DatasetError(f"{root}: expected a LeRobotDataset {_CODEBASE_VERSION}x, got {got}")
    extra = read_json(root / "meta" / "steer.json", optional=True)
    name, instruction, task_index = find_task(root, extra, task)
    keys = vector_keys(root, info["features"], observations)
    has_success = "next.success" in info["features"]
    if not has_success and success is None and not assume_success:
        raise DatasetError(
            f"{root}: expected a column next.success, got none; give the outcome of each episode "
            "with --success FILE.csv, or --assume-success where all of them succeeded"
        )
    columns = read_columns(root, info["features"], keys, task_index)
    episodes = _assemble(columns, read_embodiment(info, extra, keys), name, instruction)
    _check_finite(root, episodes)
    if success is not None:
        return relabel(episodes, read_success(success, episodes.episode))
    if assume_success:
        return relabel(episodes, np.ones(len(episodes), np.bool_))
    return episodes


def relabel(episodes: Episodes, success: NDArray[np.bool_]) -> Episodes:
    """Return the episodes with other outcomes; a success is reached by the last action.

    Args:
        episodes: What was recorded.
        success: bool of shape [E].
    """
    is_success = np.zeros(len(episodes.actions), np.bool_)
    is_success[episodes.end[success] - 1] = True
    is_timeout = np.zeros(len(episodes.actions), np.bool_)
    is_timeout[episodes.end[~success] - 1] = True
    return replace(episodes, is_success=is_success, is_timeout=is_timeout)


def _assemble(
    columns: Mapping[str, NDArray[Any]], embodiment: Embodiment, task: str, instruction: str
) -> Episodes:
    """Find where episodes begin and end; cut each one after its first success."""
    number, frame = columns["episode_index"], columns["frame_index"]
    start = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    end = np.r_[start[1:], len(number)]
    gap = np.flatnonzero(frame != np.arange(len(frame)) - np.repeat(start, end - start))
    if len(gap):
        raise DatasetError(
            f"episode {number[gap[0]]}: expected consecutive frames, got frame {frame[gap[0]]}"
        )
    is_success = columns.get("next.success", np.zeros(len(number), np.bool_)).astype(np.bool_)
    keep = np.ones(len(number), np.bool_)
    for first, last in zip(start, end, strict=True):
        hits = np.flatnonzero(is_success[first:last])
        if len(hits):
            keep[first + hits[0] + 1 : last] = False
    lengths = np.add.reduceat(keep, start, dtype=np.int64)
    new_end = np.cumsum(lengths)
    is_success = is_success[keep]
    is_timeout = np.zeros(len(is_success), np.bool_)
    is_timeout[new_end - 1] = ~is_success[new_end - 1]
    blank = np.full(len(number), np.nan)
    return Episodes(
        embodiment=embodiment,
        task=task,
        instruction=instruction,
        observations={
            item.name: np.ascontiguousarray(columns[item.name][keep], np.float32)
            for item in embodiment.observations
        },
        actions=np.ascontiguousarray(columns["action"][keep], np.float32),
        is_success=is_success,
        is_timeout=is_timeout,
        start=new_end - lengths,
        end=new_end,
        episode=number[start].astype(np.int64),
        seed=columns.get("steer.seed", np.full(len(number), -1))[start].astype(np.int64),
        noise=columns.get("steer.noise", blank)[start].astype(np.float32),
    )


def _check_finite(root: Path, episodes: Episodes) -> None:
    for name, values in (("action", episodes.actions), *episodes.observations.items()):
        bad = np.flatnonzero(~np.isfinite(values).all(axis=tuple(range(1, values.ndim))))
        if len(bad):
            position = int(np.searchsorted(episodes.end, bad[0], side="right"))
            number, frame = episodes.episode[position], bad[0] - episodes.start[position]
            raise DatasetError(
                f"{root}: {name}: expected finite values, got NaN or Inf in episode {number}, "
                f"frame {frame} ({len(bad)} rows in all)"
            )
