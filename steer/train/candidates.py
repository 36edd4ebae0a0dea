"""What else could have been done in each recorded state: for algorithms that choose.

Candidates are drawn from a policy beforehand (`steer candidates`), or are what was run in the
states most like it. Candidate 0 is the policy's own, or what was run there.

Shape legend: T rows of all episodes, N candidates, H horizon, A action.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from steer.errors import DatasetError
from steer.train.datasets import Episodes
from steer.train.deviations import deviations

__all__ = ["load_candidates", "logged_rows", "read_about", "save_candidates"]

_DIGEST = "digest"
_BLOCK = 512
"""States whose distances to all others are in memory at a time."""
_CROWD = 6
"""How many times N nearest rows are looked at, for many are of the state's own episode."""


def logged_rows(episodes: Episodes, *, num_candidates: int, horizon: int) -> NDArray[np.int64]:
    """Return each row itself, and the rows most like it.

    Like: nearest by observation, each number in units of its deviation over the data; of other
    episodes, whatever became of them. Rows whose chunk a time-out cut short are like none: what
    came of it is not what would have come of the whole.

    Args:
        episodes: What was recorded, one whole chunk at least.
        num_candidates: N >= 1, the row itself counted.
        horizon: H of the chunks that begin in these rows.

    Returns:
        int64 [T, N]. Where too few rows of other episodes are near, the row itself stands in.
    """
    tasks = episodes.told()
    if len(tasks.distinct) == 1:
        return _rows_alike(episodes, num_candidates, horizon)
    found = np.empty((len(episodes.actions), num_candidates), np.int64)
    for name in tasks.distinct:
        own = tasks.named(name)
        places = [np.arange(episodes.start[index], episodes.end[index]) for index in own]
        if places:
            rows = np.concatenate(places)
            found[rows] = rows[_rows_alike(episodes.select(own), num_candidates, horizon)]
    return found


def _rows_alike(episodes: Episodes, num_candidates: int, horizon: int) -> NDArray[np.int64]:
    """Return what `logged_rows` does, of one task."""
    lengths = episodes.end - episodes.start
    owner = np.repeat(np.arange(len(episodes)), lengths)
    rows = np.arange(len(owner))
    is_whole = episodes.success[owner] | (np.repeat(episodes.end, lengths) - rows >= horizon)
    flat = [value.reshape(len(rows), -1) for value in episodes.observations.values()]
    joined = np.concatenate(flat, axis=1)
    states = (joined / deviations(joined)).astype(np.float64)
    if not is_whole.any():  # of this task, of several
        return np.tile(rows[:, None], (1, num_candidates))
    crowd = min(_CROWD * num_candidates + 1, int(is_whole.sum()))
    near = rows[is_whole][_nearest(states, states[is_whole], crowd)]
    is_other = owner[near] != owner[:, None]
    # Others first, each group by distance: a stable sort keeps the order.
    order = np.argsort(~is_other, axis=1, kind="stable")[:, : num_candidates - 1]
    picked = np.take_along_axis(near, order, 1)
    picked = np.where(np.take_along_axis(is_other, order, 1), picked, rows[:, None])
    found = np.tile(rows[:, None], (1, num_candidates))
    found[:, 1 : 1 + picked.shape[1]] = picked
    return found


def _nearest(
    states: NDArray[np.float64], others: NDArray[np.float64], count: int
) -> NDArray[np.int64]:
    """Return which of `others` are nearest to each state, int64 [T, count], in order of distance.

    Every distance is computed: states have dozens of numbers, with which no tree saves any.
    """
    every = torch.from_numpy(others)
    size = every.square().sum(1)
    found = np.empty((len(states), count), np.int64)
    for begin in range(0, len(states), _BLOCK):
        block = torch.from_numpy(states[begin : begin + _BLOCK])
        # The square of a state itself is the same for all others.
        gap = torch.addmm(size, block, every.T, alpha=-2)
        found[begin : begin + _BLOCK] = gap.topk(count, dim=1, largest=False).indices.numpy()
    return found


def save_candidates(
    path: Path,
    candidates: NDArray[np.float32],
    episodes: Episodes,
    *,
    about: Mapping[str, Any],
) -> None:
    """Write candidates of these episodes; whoever looks sees a whole file or none.

    Args:
        path: Of the file.
        candidates: [T, N, H, A].
        episodes: All that was observed in them should be known: whoever reads the file may know
            but a part of it.
        about: What they were drawn with, a JSON tree.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".partial")
    tensors: dict[str, np.ndarray[Any, Any]] = {
        "candidates": np.ascontiguousarray(candidates, np.float32),
        "start": episodes.start,
        **_digests(episodes, episodes.observations),
    }
    save_file(tensors, fresh, {"about": json.dumps(about)})
    fresh.replace(path)


def read_about(path: Path) -> dict[str, Any]:
    """Return what the candidates of a file were drawn with; empty where it does not say.

    Raises:
        DatasetError: It is no such file.
    """
    try:
        with safe_open(path, framework="np") as file:
            found = json.loads((file.metadata() or {}).get("about", "{}"))
    except (OSError, ValueError, SafetensorError) as error:
        raise DatasetError(f"{path}: expected candidates, got {error}") from error
    return dict(found) if isinstance(found, dict) else {}


def load_candidates(path: Path, episodes: Episodes, *, horizon: int) -> NDArray[np.float32]:
    """Return the first `horizon` actions of the candidates that were drawn for these episodes.

    An episode is known again by its actions, and by what both sides know of its observations.

    Args:
        path: What `save_candidates` wrote, for these episodes or more.
        episodes: Any part of those, in any order, with any of their observations.
        horizon: H.

    Returns:
        float32 [T, N, horizon, A].

    Raises:
        DatasetError: Some episodes have none, they are too short, or it is no such file.
    """
    try:
        with safe_open(path, framework="np") as file:
            candidates: NDArray[np.float32] = file.get_tensor("candidates")
            start, names = file.get_tensor("start"), set(file.keys())
            keys = [key for key in episodes.observations if f"{_DIGEST}.{key}" in names]
            mine = _digests(episodes, keys)
            theirs = [file.get_tensor(name) for name in mine]
    except (OSError, SafetensorError) as error:
        raise DatasetError(f"{path}: expected candidates, got {error}") from error
    shape, action_dim = candidates.shape, episodes.actions.shape[1]
    if len(shape) != 4 or shape[2] < horizon or shape[3] != action_dim:
        wanted = f"[T, N, at least {horizon}, {action_dim}]"
        raise DatasetError(f"{path}: expected shape {wanted}, got {list(shape)}")
    if not np.isfinite(candidates).all():
        raise DatasetError(f"{path}: expected finite actions, got NaN or Inf")
    known = zip(np.concatenate(theirs, axis=1), start, strict=True)
    places = {digest.tobytes(): int(first) for digest, first in known}
    wanted_digests = np.concatenate([*mine.values()], axis=1)
    rows = []
    for index, length in enumerate(episodes.end - episodes.start):
        first = places.get(wanted_digests[index].tobytes(), -1)
        if not 0 <= first <= len(candidates) - length:
            raise DatasetError(
                f"{path}: expected candidates of every episode, got none of episode "
                f"{episodes.episode[index]}; draw them anew for these data"
            )
        rows.append(np.arange(first, first + length))
    return np.ascontiguousarray(candidates[np.concatenate(rows), :, :horizon])


def _digests(episodes: Episodes, keys: Iterable[str]) -> dict[str, NDArray[np.uint8]]:
    """Return the identity of each episode's actions, and of each of these observations in it.

    Outcomes do not count: they are no part of the state, and may be labelled later.

    Returns:
        uint8 [E, 32], by name in the file.
    """
    columns = {_DIGEST: episodes.actions}
    columns |= {f"{_DIGEST}.{key}": episodes.observations[key] for key in keys}
    bounds = [(int(a), int(b)) for a, b in zip(episodes.start, episodes.end, strict=True)]
    return {
        name: np.stack([_sha256(values[first:end]) for first, end in bounds])
        for name, values in columns.items()
    }


def _sha256(array: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.frombuffer(hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest(), np.uint8)
