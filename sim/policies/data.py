"""A LeRobotDataset's columns as arrays, and the windows that a chunk policy trains on.

Item by item, lerobot reads some hundred windows a second; the columns read once give all of them
by index arithmetic, with lerobot's own rule at the end of an episode: the last action is repeated
and marked as padding.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from steer.errors import DatasetError

__all__ = ["Columns", "as_array", "read_columns", "read_rows"]

MIN_STD = 1e-2


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The rows of one task or several, episodes one after the other.

    Attributes:
        observations: By key, float32 of shape [T, ...].
        actions: float32 of shape [T, A].
        task: Which of the tasks that were asked for each row belongs to, shape [T].
        source: Which of all recorded rows of its task each row is, shape [T]; pictures are
            counted so.
        start: First row of the episode that each row belongs to, shape [T].
        end: One past its last row, shape [T].
        num_episodes: How many episodes there are.
    """

    observations: Mapping[str, NDArray[np.float32]]
    actions: NDArray[np.float32]
    task: NDArray[np.int64]
    source: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    num_episodes: int

    def history(self, rows: NDArray[np.int64], length: int) -> NDArray[np.int64]:
        """Return the rows of the last `length` observations, shape [B, length], oldest first.

        At the start of an episode its first observation is repeated.
        """
        back = rows[:, None] - np.arange(length - 1, -1, -1)
        return np.maximum(back, self.start[rows][:, None])

    def window(
        self, rows: NDArray[np.int64], *, first: int, length: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the rows of the actions from `first` on of each row, and which are padding.

        Args:
            rows: Shape [B].
            first: Offset of the first action; negative reaches into the past.
            length: How many.

        Returns:
            Rows and padding mask, both of shape [B, length].
        """
        wanted = rows[:, None] + np.arange(first, first + length)
        start, end = self.start[rows][:, None], self.end[rows][:, None]
        return np.clip(wanted, start, end - 1), (wanted < start) | (wanted >= end)

    def digest(self) -> str:
        """Return the SHA-256 of all rows: two datasets of one digest train the same policy."""
        total = hashlib.sha256()
        for key, array in sorted({**self.observations, "action": self.actions}.items()):
            total.update(f"{key} {array.shape}".encode())
            total.update(np.ascontiguousarray(array).data)
        total.update(self.start.tobytes())
        if self.task.any():
            total.update(self.task.tobytes())
        return total.hexdigest()

    def statistics(self) -> dict[str, dict[str, NDArray[np.float32]]]:
        """Return mean, std, min and max by LeRobot's key; a std below 1e-2 is raised to it.

        Without that floor a dimension that hardly moved in the data explodes on the robot.
        """
        arrays = {**self.observations, "action": self.actions}
        return {
            key: {
                "mean": array.mean(0),
                "std": np.maximum(array.std(0), np.float32(MIN_STD)),
                "min": array.min(0),
                "max": array.max(0),
            }
            for key, array in arrays.items()
        }


def read_columns(
    root: Path,
    *,
    tasks: Sequence[str],
    successes_only: bool = False,
    clean_only: bool = False,
) -> Columns:
    """Read the rows of some tasks from a local LeRobotDataset v3.

    Args:
        root: The dataset.
        tasks: The instructions that identify the tasks.
        successes_only: Whether to leave out the episodes that did not succeed.
        clean_only: Whether to leave out the episodes whose expert had noise on its actions.

    Raises:
        DatasetError: There is no dataset, it does not have a task, or nothing is left.
    """
    table, task = read_rows(root, tasks)
    source = np.empty(len(task), np.int64)
    for index in range(len(tasks)):
        source[task == index] = np.arange((task == index).sum())
    episode = table["episode_index"].to_numpy()
    kept = np.ones(len(episode), bool)
    if successes_only:
        success = as_array(table, "next.success").reshape(-1).astype(bool)
        kept &= np.isin(episode, np.unique(episode[success]))
    if clean_only:
        kept &= as_array(table, "steer.noise").reshape(-1) == 0
    if not kept.all():
        table, task, source = table.filter(pa.array(kept)), task[kept], source[kept]
        episode = episode[kept]
    if not len(episode):
        names = ", ".join(map(repr, tasks))
        raise DatasetError(f"dataset: expected episodes of {names} in {root}, got none")
    keys = [key for key in table.column_names if key.startswith("observation.")]
    vectors = [key for key in keys if pa.types.is_floating(_value_type(table, key))]
    first = np.flatnonzero(np.r_[True, episode[1:] != episode[:-1]])
    lengths = np.diff(np.r_[first, len(episode)])
    return Columns(
        observations={key: as_array(table, key).astype(np.float32) for key in vectors},
        actions=as_array(table, "action").astype(np.float32),
        task=task,
        source=source,
        start=np.repeat(first, lengths),
        end=np.repeat(first + lengths, lengths),
        num_episodes=len(first),
    )


def read_rows(root: Path, tasks: Sequence[str]) -> tuple[pa.Table, NDArray[np.int64]]:
    """Return all columns of the tasks' rows in order, and which of `tasks` each row belongs to.

    Raises:
        DatasetError: There is no dataset, or it does not have a task.
    """
    if not (root / "meta" / "info.json").is_file():
        raise DatasetError(f"dataset: expected a LeRobotDataset v3 in {root}, got none")
    names = pq.read_table(root / "meta" / "tasks.parquet").to_pandas()
    for task in tasks:
        if task not in names.index:
            known = ", ".join(repr(name) for name in names.index)
            raise DatasetError(f"task: expected one of {known}, got {task!r}")
    try:
        table = pq.ParquetDataset(root / "data").read().sort_by("index")
    except pa.ArrowInvalid as error:
        raise DatasetError(
            f"dataset {root}: expected finished parquet files, got one cut short; run "
            "`python -m sim.collect` again, it mends what a stopped run left"
        ) from error
    recorded = [int(names.task_index[task]) for task in tasks]
    table = table.filter(pc.is_in(table["task_index"], pa.array(recorded)))
    place = {number: index for index, number in enumerate(recorded)}
    owner = [place[number] for number in table["task_index"].to_pylist()]
    return table, np.asarray(owner, np.int64)


def _value_type(table: pa.Table, key: str) -> pa.DataType:
    kind = table.schema.field(key).type
    return kind.value_type if hasattr(kind, "value_type") else kind


def as_array(table: pa.Table, key: str) -> NDArray[np.generic]:
    """Return a column as [T] or [T, D]."""
    column = table[key].combine_chunks()
    if not hasattr(column.type, "value_type"):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    flat = column.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat).reshape(len(column), -1)
