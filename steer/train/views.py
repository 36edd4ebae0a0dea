"""What cameras saw, in training: frames looked up by row, and the chunks that have them.

Shape legend: T rows of all episodes, B of them, F frames, M chunks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import Embodiment, ObservationField
from steer.errors import ConfigError, DatasetError
from steer.frames import FrameStore, data_digest, open_frames

__all__ = ["Frames", "frames_by_dataset", "open_views", "with_views"]

_MAKER = "steer frames"


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """The frames of one key, of all datasets, read from disk as they are needed.

    Attributes:
        stores: One a dataset.
        store: int64 [T], which of them each row belongs to.
        place: int64 [T], where in it the row's frame lies; -1 where the row has none.
    """

    stores: tuple[FrameStore, ...]
    store: NDArray[np.int64]
    place: NDArray[np.int64]

    @property
    def field(self) -> ObservationField:
        """Name, type and shape of a frame, as the wire sends it."""
        return self.stores[0].card.field

    @property
    def every(self) -> tuple[int, ...]:
        """How many rows lie between two frames, of each dataset."""
        return tuple(store.card.every for store in self.stores)

    def has(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which rows have a frame, bool [B]."""
        return np.asarray(self.place[rows] >= 0)

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return the frames of rows, each of which has one, [B, *shape]."""
        field = self.field
        found = np.empty((len(rows), *field.shape), field.dtype)
        owner = self.store[rows]
        for index, store in enumerate(self.stores):
            mine = np.flatnonzero(owner == index)
            if len(mine):
                found[mine] = store.take(self.place[rows[mine]])
        return found

    def of(self, rows: NDArray[np.int64]) -> "Frames":
        """Return the frames of these rows alone, counted anew."""
        return replace(self, store=self.store[rows], place=self.place[rows])

    def sample(self, count: int) -> NDArray[Any]:
        """Return `count` frames, or all where there are fewer, spread evenly over the rows."""
        rows = np.flatnonzero(self.place >= 0)
        picked = np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.int64)
        return self.take(rows[picked])

    def about(self) -> list[dict[str, Any]]:
        """Return the identity of the frames of each dataset, as JSON trees."""
        cards = [store.card for store in self.stores]
        names = ("every", "rows", "data_sha256", "cloud")
        return [
            {"shape": list(card.shape), **{name: getattr(card, name) for name in names}}
            for card in cards
        ]

    @staticmethod
    def joined(parts: Sequence["Frames"]) -> "Frames":
        """Return the frames of several datasets' rows, one after the other."""
        shift = np.cumsum([0, *(len(item.stores) for item in parts[:-1])])
        return Frames(
            tuple(store for item in parts for store in item.stores),
            np.concatenate([item.store + by for item, by in zip(parts, shift, strict=True)]),
            np.concatenate([item.place for item in parts]),
        )


def frames_by_dataset(frames: Sequence[Path], num_datasets: int) -> list[Sequence[Path]]:
    """Return the directories of frames of each dataset.

    Args:
        frames: For each key, one a dataset, in their order.
        num_datasets: How many datasets there are.

    Raises:
        ConfigError: They cannot be shared out.
    """
    if len(frames) % num_datasets:
        raise ConfigError(
            f"--frames: expected one of each key for each of {num_datasets} --dataset, in their "
            f"order, got {len(frames)}"
        )
    return [frames[index::num_datasets] for index in range(num_datasets)]


def open_views(
    directories: Sequence[Path], task: str, columns: Mapping[str, NDArray[Any]]
) -> dict[str, FrameStore]:
    """Open the frames of a dataset.

    Args:
        directories: One a key.
        task: Its name.
        columns: Of the dataset, all rows of the task.

    Returns:
        By key.

    Raises:
        DatasetError: Some are not there, not complete, of other data, or two are of one key.
    """
    digest = data_digest(columns["action"], columns.get("steer.seed"))
    found: dict[str, FrameStore] = {}
    for directory in directories:
        store = open_frames(directory, task, maker=_MAKER)
        card = store.card
        if (card.rows, card.data_sha256) != (len(columns["action"]), digest):
            raise DatasetError(
                f"--frames {directory}: expected frames of the {len(columns['action'])} rows that "
                f"the dataset has of {task!r}, got those of {card.rows} rows of other data, or of "
                "these before they were changed; make them anew"
            )
        if card.key in found:
            got = f"{card.key!r} again"
            raise DatasetError(f"--frames {directory}: expected another key, got {got}")
        found[card.key] = store
    return found


def with_views(
    body: Embodiment, stores: Mapping[str, FrameStore], recorded: NDArray[np.int64]
) -> tuple[Embodiment, dict[str, Frames]]:
    """Return what the robot sends, what its cameras see included, and the frames of rows.

    Args:
        body: The robot, with its vectors.
        stores: By key.
        recorded: int64 [T], which of the task's recorded rows each row is.
    """
    zeros = np.zeros(len(recorded), np.int64)
    frames = {key: Frames((store,), zeros, store.places(recorded)) for key, store in stores.items()}
    fields = tuple(store.card.field for store in stores.values())
    return replace(body, observations=(*body.observations, *fields)), frames
