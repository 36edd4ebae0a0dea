"""The pictures that policies learn from, of several tasks; `sim.frames` makes them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steer.errors import DatasetError
from steer.frames import FrameStore, open_frames

__all__ = ["Pictures", "read_pictures"]


class Pictures:
    """The pictures of some tasks, read from disk as they are needed.

    Attributes:
        name: Of the observation, `observation.images.<camera>`.
        shape: Of one picture, [h, w, 3].
    """

    def __init__(self, stores: Sequence[FrameStore]) -> None:
        card = stores[0].card
        self.name = card.key
        self.shape = (card.shape[0], card.shape[1], 3)
        self._stores = stores

    def has(self, task: NDArray[np.int64], source: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which rows have a picture; the arguments are those of `take`."""
        found = np.zeros(len(task), bool)
        for index, store in enumerate(self._stores):
            found |= (task == index) & (store.places(source) >= 0)
        return found

    def take(self, task: NDArray[np.int64], source: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the pictures of rows that have one, shape [B, h, w, 3].

        Args:
            task: Which of the tasks, shape [B].
            source: Which of its recorded rows, shape [B].
        """
        found = np.empty((len(task), *self.shape), np.uint8)
        for index, store in enumerate(self._stores):
            mine = np.flatnonzero(task == index)
            found[mine] = store.take(store.places(source[mine]))
        return found

    def digest(self) -> str:
        """Return text that is the same for the same pictures: they are a function of the rows."""
        cards = [store.card for store in self._stores]
        return json.dumps(
            [
                {
                    "camera": card.camera,
                    "size": card.shape[0],
                    "every": card.every,
                    "rows": card.rows,
                    "data_sha256": card.data_sha256,
                    "done": card.done,
                }
                for card in cards
            ]
        )


def read_pictures(directory: Path, tasks: Sequence[str]) -> Pictures:
    """Open the pictures of some tasks.

    Args:
        directory: Where `sim.frames` wrote them.
        tasks: Their names.

    Raises:
        DatasetError: They are not there, not complete, no pictures, or not all of one camera and
            size.
    """
    stores = [open_frames(directory, name, maker="python -m sim.frames") for name in tasks]
    fields = {store.card.field for store in stores}
    if len(fields) != 1 or stores[0].card.dtype != "uint8":
        got = ", ".join(sorted(map(str, fields)))
        raise DatasetError(f"pictures in {directory}: expected one camera and size, got {got}")
    return Pictures(stores)
