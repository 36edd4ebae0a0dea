"""Recorded episodes read from a LeRobotDataset v3.

A local root is read column by column from its parquet files; a hub id goes through lerobot's own
loader first. Row t holds o_t, a_t and what came after a_t (`next.*`).

Shape legend: T rows of all episodes, E episodes, A action dimensions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import Embodiment
from steer.errors import DatasetError
from steer.frames import FrameStore
from steer.train.episodes import Episodes
from steer.train.labels import read_success
from steer.train.lerobot_v3 import (
    find_root,
    find_task,
    read_columns,
    read_embodiment,
    read_json,
    vector_keys,
)
from steer.train.pairs import read_pairs
from steer.train.views import open_views, with_views

__all__ = ["Episodes", "load_episodes", "relabel"]

_CODEBASE_VERSION = "v3."


def load_episodes(
    dataset: str | Path,
    *,
    task: str | None = None,
    success: Path | None = None,
    assume_success: bool = False,
    observations: Sequence[str] = (),
    frames: Sequence[Path] = (),
) -> Episodes:
    """Read the episodes of one task.

    Args:
        dataset: Root of a LeRobotDataset v3, or a hub id `owner/name`.
        task: Name of the task in `meta/steer.json`, or its instruction; None where there is one.
        success: CSV file with the columns episode,success, for data without `next.success`.
        assume_success: Take every episode for a success.
        observations: Keys to read; empty means all vectors.
        frames: Directories of what its cameras saw, one a key; see `steer.frames`.

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
    stores = open_views(frames, name, columns)
    episodes = _assemble(columns, read_embodiment(info, extra, keys), name, instruction, stores)
    _check_finite(root, episodes)
    pairs = read_pairs(
        root, action_dim=episodes.actions.shape[1], recorded=columns["episode_index"]
    )
    if pairs is not None:
        episodes = replace(episodes, pairs=pairs)
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
    columns: Mapping[str, NDArray[Any]],
    embodiment: Embodiment,
    task: str,
    instruction: str,
    stores: Mapping[str, FrameStore],
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
    whole, frames = with_views(embodiment, stores, np.flatnonzero(keep))
    return Episodes(
        embodiment=whole,
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
        frames=frames,
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
