"""A LeRobotDataset v3 as it lies on disk: every frame of every task, in the order of its files.

Unlike `Episodes`, nothing is cut after a success, and no outcome is needed.

Shape legend: T frames of all episodes, E episodes, D numbers of a vector.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from steer.errors import DatasetError
from steer.train.lerobot_v3 import find_task, read_json

__all__ = ["Recording", "open_recording"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """Where episodes begin and end; columns are read when they are asked for.

    Attributes:
        root: Of the dataset.
        info: Its `meta/info.json`.
        extra: Its `meta/steer.json`; empty where it has none.
        files: Its data files, in the order of the frames.
        episode: int64 of shape [E], number of each episode.
        start: int64 of shape [E], first frame of each.
        end: int64 of shape [E], one past its last frame.
        is_asked: bool of shape [E], whether the episode is of the task to label.
    """

    root: Path
    info: Mapping[str, Any]
    extra: Mapping[str, Any]
    files: tuple[Path, ...]
    episode: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    is_asked: NDArray[np.bool_]

    @property
    def features(self) -> Mapping[str, Any]:
        """Columns by name, as `meta/info.json` describes them."""
        features: Mapping[str, Any] = self.info["features"]
        return features

    @property
    def owner(self) -> NDArray[np.int64]:
        """Position of each frame's episode, int64 [T]."""
        return np.repeat(np.arange(len(self.episode)), self.end - self.start)

    @property
    def asked_frames(self) -> NDArray[np.bool_]:
        """Whether each frame is of the task to label, bool [T]."""
        return self.is_asked[self.owner]

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of numbers of all frames, [T] or [T, D].

        Raises:
            DatasetError: There is no such column, or it holds something else.
        """
        feature = self.features.get(name)
        if feature is None or feature["dtype"] in ("image", "video", "string"):
            raise DatasetError(
                f"{self.root}: expected a column of numbers {name!r}, got none; it has: "
                f"{', '.join(self.features)}"
            )
        values = _read(self.files, name)
        size, rows = int(np.prod(feature["shape"])), int(self.end[-1])
        if values.size != rows * size:
            raise DatasetError(f"{self.root}: {name}: expected {size} numbers in each row")
        return values.reshape(rows) if size == 1 else values.reshape(rows, size)

    def spread(self, name: str, values: NDArray[Any], labelled: NDArray[np.bool_]) -> NDArray[Any]:
        """Return a column whose other frames stay what they were: NaN where they were nothing.

        Args:
            name: Of the column.
            values: Of all frames, [T]; those that are not labelled do not count.
            labelled: Which do, bool [T].

        Raises:
            DatasetError: Outcomes would be missing, for which there is no NaN.
        """
        if labelled.all():
            return values
        if name in self.features:
            return np.where(labelled, values, self.column(name)).astype(values.dtype)
        if values.dtype == np.bool_:
            raise DatasetError(
                f"{self.root}: {name}: expected labels of all episodes, got those of one task; "
                "the data have no such column for the others yet, so leave out --task"
            )
        return np.where(labelled, values, np.nan).astype(values.dtype)


def open_recording(root: Path, *, task: str | None) -> Recording:
    """Find the episodes of a local dataset.

    Args:
        root: Of a LeRobotDataset v3.
        task: Name or instruction of the task to label; None for all.

    Raises:
        DatasetError: It is no such dataset, or has gaps.
    """
    if not (root / "meta" / "info.json").is_file():
        raise DatasetError(f"{root}: expected a LeRobotDataset root, got no meta/info.json")
    info = read_json(root / "meta" / "info.json")
    if not str(info.get("codebase_version", "")).startswith("v3."):
        got = info.get("codebase_version", "none")
        raise DatasetError(f"{root}: expected a LeRobotDataset v3.x, got {got}")
    extra = read_json(root / "meta" / "steer.json", optional=True)
    files = tuple(sorted((root / "data").glob("*/*.parquet")))
    if not files:
        raise DatasetError(f"{root}: expected data/*/*.parquet, got none")
    number, frame = _read(files, "episode_index"), _read(files, "frame_index")
    start = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    end = np.r_[start[1:], len(number)]
    gap = np.flatnonzero(frame != np.arange(len(frame)) - np.repeat(start, end - start))
    if len(gap):
        raise DatasetError(
            f"{root}: expected consecutive frames, got frame {frame[gap[0]]} of episode "
            f"{number[gap[0]]} out of order"
        )
    is_asked = np.ones(len(start), np.bool_)
    if task is not None:
        is_asked = _read(files, "task_index")[start] == find_task(root, extra, task)[2]
    if not is_asked.any():
        raise DatasetError(f"{root}: expected episodes of the task {task!r}, got none")
    return Recording(
        root=root,
        info=info,
        extra=extra,
        files=files,
        episode=number[start].astype(np.int64),
        start=start,
        end=end,
        is_asked=is_asked,
    )


def _read(files: tuple[Path, ...], name: str) -> NDArray[Any]:
    """Return a column of all files, flat."""
    parts = []
    for path in files:
        try:
            values = pq.read_table(path, columns=[name])[name].combine_chunks()
        except (OSError, KeyError, pa.ArrowException) as error:
            raise DatasetError(f"{path}: {name}: cannot be read: {error}") from error
        if isinstance(values, pa.ExtensionArray):
            values = values.storage
        while pa.types.is_list(values.type) or pa.types.is_fixed_size_list(values.type):
            values = values.flatten()
        if values.null_count:
            raise DatasetError(f"{path}: {name}: expected a value in every row, got nulls")
        parts.append(values.to_numpy(zero_copy_only=False))
    joined: NDArray[Any] = np.concatenate(parts)
    return joined
