"""Episodes of several datasets and tasks of one robot, as one.

Shape legend: E episodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from steer.errors import ConfigError, DatasetError
from steer.train.datasets import load_episodes
from steer.train.episodes import Episodes
from steer.train.lerobot_v3 import find_root, known_tasks, read_json
from steer.train.pairs import join_pairs
from steer.train.tasks import join_tasks
from steer.train.views import Frames, frames_by_dataset

__all__ = ["load_datasets"]


@dataclass(frozen=True, slots=True)
class _Part:
    """One task of one dataset.

    Attributes:
        dataset: Root or hub id.
        task: Name or instruction; None for the only one.
        frames: Directories of what its cameras saw.
    """

    dataset: str | Path
    task: str | None
    frames: Sequence[Path]


def load_datasets(
    datasets: Sequence[str | Path],
    *,
    tasks: Sequence[str] = (),
    success: Path | None = None,
    assume_success: bool = False,
    observations: Sequence[str] = (),
    frames: Sequence[Path] = (),
) -> Episodes:
    """Read the episodes of one task or several from one or several datasets of one robot, as one.

    Episodes of more than one dataset or task are numbered anew, 0 to E - 1: dataset by dataset, and
    in each task by task, in the orders given.

    Args:
        datasets: See `load_episodes`, one or more.
        tasks: Names or instructions. None or one: the same of all datasets. Several: of each
            dataset those that it has, one at least.
        success: As there, for a single dataset.
        assume_success: As there.
        observations: As there.
        frames: As there: for each key one directory a dataset, in their order.

    Raises:
        DatasetError: As there; they are not of one robot; without several `tasks` not of one task;
            or no dataset has one of them.
        ConfigError: Outcomes in a file are given for more than one dataset, frames for some of
            them, or a task twice.
    """
    if success is not None and len(datasets) > 1:
        raise ConfigError(f"--success: expected one --dataset with it, got {len(datasets)}")
    parts = _parts(datasets, tasks, frames_by_dataset(frames, len(datasets)))
    found = [
        load_episodes(
            part.dataset,
            task=part.task,
            success=success,
            assume_success=assume_success,
            observations=observations,
            frames=part.frames,
        )
        for part in parts
    ]
    if len(found) == 1:
        return found[0]
    _check_alike(found, parts, is_one_task=len(tasks) <= 1)
    return _joined(found)


def _parts(
    datasets: Sequence[str | Path], tasks: Sequence[str], frames: Sequence[Sequence[Path]]
) -> list[_Part]:
    """Return what to read, in order."""
    if len(tasks) <= 1:
        task = tasks[0] if tasks else None
        return [
            _Part(item, task, directories)
            for item, directories in zip(datasets, frames, strict=True)
        ]
    parts: list[_Part] = []
    had: set[str] = set()
    everything: set[str] = set()
    for item, directories in zip(datasets, frames, strict=True):
        root = find_root(item)
        known = known_tasks(root, read_json(root / "meta" / "steer.json", optional=True))
        name_of = {text: name for name, text in known.items()} | {name: name for name in known}
        names = [name_of[task] for task in tasks if task in name_of]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ConfigError(f"--task: expected each task once, got {twice!r} again")
        if not names:
            got = sorted(known)
            raise DatasetError(f"{root}: expected one of the tasks {list(tasks)}, got {got}")
        had |= {task for task in tasks if task in name_of}
        everything |= known.keys()
        parts += [_Part(item, name, directories) for name in names]
    for task in tasks:
        if task not in had:
            raise DatasetError(f"--task: expected tasks of {sorted(everything)}, got {task!r}")
    return parts


def _check_alike(found: Sequence[Episodes], parts: Sequence[_Part], *, is_one_task: bool) -> None:
    first = found[0]
    for item, part in zip(found[1:], parts[1:], strict=True):
        misfits = item.embodiment.differences(first.embodiment)
        if is_one_task and item.task != first.task:
            misfits = [f"task: expected {first.task!r}, got {item.task!r}", *misfits]
        if misfits:
            raise DatasetError(
                f"{part.dataset}: expected what {parts[0].dataset} is of: {'; '.join(misfits)}"
            )


def _joined(found: Sequence[Episodes]) -> Episodes:
    first = found[0]
    offset = np.cumsum([0, *(len(item.actions) for item in found[:-1])])
    begins = np.cumsum([0, *map(len, found[:-1])])
    numbers = [
        {int(number): int(begin) + index for index, number in enumerate(item.episode)}
        for item, begin in zip(found, begins, strict=True)
    ]
    return replace(
        first,
        task=", ".join(dict.fromkeys(item.task for item in found)),
        instruction="; ".join(dict.fromkeys(item.instruction for item in found)),
        observations={
            key: np.concatenate([item.observations[key] for item in found])
            for key in first.observations
        },
        **{
            name: np.concatenate([getattr(item, name) for item in found])
            for name in ("actions", "is_success", "is_timeout", "seed", "noise")
        },
        **{
            name: np.concatenate(
                [getattr(item, name) + shift for item, shift in zip(found, offset, strict=True)]
            )
            for name in ("start", "end")
        },
        episode=np.arange(sum(map(len, found)), dtype=np.int64),
        pairs=join_pairs([item.pairs for item in found], numbers),
        frames={key: Frames.joined([item.frames[key] for item in found]) for key in first.frames},
        tasks=join_tasks([(item.task, item.instruction, len(item)) for item in found]),
    )
