"""Frames: what a camera saw at some rows of a recorded task, in files beside the dataset.

Of a task there is `<task>.npy`, the images (uint8 [F, h, w, 3]) or point clouds (float32
[F, P, 3]) themselves, memory-mapped; `<task>.rows.npy`, the recorded rows that they belong to
(int64 [F], counted within the task); and `<task>.json`, their card. Frames are made episode by
episode, and the card says how far they have come: a run that was stopped goes on.

Knows neither simulator nor dataset: whoever makes frames brings arrays, whoever reads them names
rows.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import ObservationField
from steer.errors import DatasetError

__all__ = [
    "IMAGES",
    "POINTS",
    "FrameCard",
    "FrameStore",
    "FrameWriter",
    "data_digest",
    "decision_rows",
    "open_frames",
    "resized",
]

IMAGES, POINTS = "observation.images.", "observation.points."
"""What keys of images and of point clouds begin with; the name of the camera follows."""
_UNSAFE = re.compile(r"[^\w.-]+")

_Frames: TypeAlias = "np.memmap[tuple[int, ...], np.dtype[np.generic]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCard:
    """What `<task>.json` says.

    Attributes:
        key: Of the observation, `observation.images.<camera>` or `observation.points.<camera>`.
        shape: Of one frame: [h, w, 3], or [P, 3] in metres, [P, 6] with normals.
        dtype: `uint8` or `float32`.
        camera: Its name.
        every: Each episode's first row has a frame, and every so many after it.
        rows: How many recorded rows the task has.
        data_sha256: Of the data that they belong to, see `data_digest`.
        cloud: How clouds were made, as a JSON tree; None for images.
        done: How many of the rows are done; all of them where it equals `rows`.
    """

    key: str
    shape: tuple[int, ...]
    dtype: str
    camera: str
    every: int
    rows: int
    data_sha256: str
    cloud: Mapping[str, Any] | None = None
    done: int = 0

    @property
    def field(self) -> ObservationField:
        """What an embodiment calls it."""
        unit = "" if self.dtype == "uint8" else "m"
        return ObservationField(name=self.key, dtype=self.dtype, shape=self.shape, unit=unit)

    @classmethod
    def read(cls, path: Path) -> "FrameCard":
        """Read a card; one of before there were clouds knows a camera and a size alone.

        Raises:
            DatasetError: It is not one.
        """
        try:
            tree = json.loads(path.read_text())
            if "key" not in tree:
                size = tree.pop("size")
                shape = (size, size, 3)
                tree |= {"key": IMAGES + tree["camera"], "shape": shape, "dtype": "uint8"}
            return cls(**{**tree, "shape": tuple(tree["shape"])})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"{path}: expected a card of frames, got {error!r}") from error


class FrameStore:
    """The frames of one task, read from disk as they are needed.

    Args:
        card: Of the frames.
        rows: int64 [F], the recorded rows that have one, ascending.
        frames: [F, *shape].

    Attributes:
        card: The same.
    """

    def __init__(self, card: FrameCard, rows: NDArray[np.int64], frames: _Frames) -> None:
        self.card = card
        self._rows, self._frames = rows, frames

    def __len__(self) -> int:
        """Return F."""
        return len(self._rows)

    def places(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where the frames of recorded rows lie, -1 where there is none, int64 [B]."""
        found = np.minimum(np.searchsorted(self._rows, rows), len(self._rows) - 1)
        return np.where(self._rows[found] == rows, found, -1)

    def take(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return copies of the frames at places, [B, *shape]."""
        return np.asarray(self._frames[places])


class FrameWriter:
    """Makes the frames of a task, or goes on with them.

    Args:
        directory: Of the frames; made where there is none.
        task: Name of the task.
        card: What they shall be.
        rows: int64 [F], the recorded rows that shall have one, ascending.

    Attributes:
        done: How many of the task's rows are done.

    Raises:
        DatasetError: The directory has frames of the task that are others.
    """

    def __init__(
        self, directory: Path, task: str, card: FrameCard, rows: NDArray[np.int64]
    ) -> None:
        self._stem, self._card, self._rows = directory / _file_name(task), card, rows
        frames, about = _paths(self._stem)[0], _paths(self._stem)[2]
        self.done = 0
        if frames.exists() and about.exists():
            found = FrameCard.read(about)
            if replace(found, done=0) != replace(card, done=0):
                raise DatasetError(
                    f"frames in {about}: expected key, size and rows of this run, got {found}; "
                    "delete them, or choose another directory"
                )
            self.done = found.done
            self._frames: _Frames = np.load(frames, mmap_mode="r+")
            return
        directory.mkdir(parents=True, exist_ok=True)
        np.save(_paths(self._stem)[1], rows)
        self._frames = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
            frames, mode="w+", dtype=np.dtype(card.dtype), shape=(len(rows), *card.shape)
        )
        self.keep(0)

    def put(self, first: int, end: int, frames: NDArray[Any]) -> None:
        """Write the frames of the recorded rows from `first` to before `end`, one a row of `rows`.

        Raises:
            DatasetError: They have another shape or type, or are more or fewer.
        """
        low, high = np.searchsorted(self._rows, (first, end))
        contract = f"{self._card.dtype} of shape {[int(high - low), *self._card.shape]}"
        got = f"{frames.dtype} of shape {list(frames.shape)}"
        if got != contract:
            where = f"{self._card.key} in rows {first} to {end - 1}"
            raise DatasetError(f"{where}: expected {contract}, got {got}")
        self._frames[low:high] = frames

    def keep(self, done: int) -> None:
        """Have all that was put on the disk, and say in the card that so many rows are done."""
        self._frames.flush()
        self.done = done
        about = _paths(self._stem)[2]
        fresh = about.with_name(about.name + ".partial")
        fresh.write_text(json.dumps(asdict(replace(self._card, done=done)), indent=2) + "\n")
        fresh.replace(about)


def open_frames(directory: Path, task: str, *, maker: str) -> FrameStore:
    """Open the frames of a task.

    Args:
        directory: Where they lie.
        task: Its name.
        maker: The command that makes them, for the text of an error.

    Raises:
        DatasetError: They are not there, not complete, or damaged.
    """
    frames, rows, about = _paths(directory / _file_name(task))
    card = FrameCard.read(about) if about.exists() else None
    if card is None or card.done != card.rows:
        got = "none" if card is None else f"{card.done} of {card.rows} rows"
        raise DatasetError(
            f"frames of {task!r} in {directory}: expected all of them, got {got}; run `{maker}`"
        )
    try:
        found: _Frames = np.load(frames, mmap_mode="r")
        known: NDArray[np.int64] = np.load(rows)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{frames}: expected frames, got {error}") from error
    contract = f"{card.dtype} of shape {[len(known), *card.shape]}"
    got = f"{found.dtype} of shape {list(found.shape)}"
    if not len(known) or got != contract:
        raise DatasetError(f"{frames}: expected {contract}, got {got}; run `{maker}`")
    return FrameStore(card, known, found)


def decision_rows(episode: NDArray[np.int64], *, every: int) -> NDArray[np.int64]:
    """Return each episode's first row and every so many after it, int64 [F].

    Args:
        episode: int64 [T], number of the episode of each recorded row, episode by episode.
        every: At least 1.
    """
    first = np.flatnonzero(np.r_[True, episode[1:] != episode[:-1]])
    lengths = np.diff(np.r_[first, len(episode)])
    return np.flatnonzero((np.arange(len(episode)) - np.repeat(first, lengths)) % every == 0)


def data_digest(actions: NDArray[Any], seeds: NDArray[Any] | None) -> str:
    """Return the SHA-256 of a task's recorded rows, by what makes them what they are.

    Args:
        actions: [T, A], of all rows that were recorded.
        seeds: [T], of their episodes; None where the data do not name them.
    """
    head = b"" if seeds is None else np.ascontiguousarray(seeds, np.int64).tobytes()
    return hashlib.sha256(head + np.ascontiguousarray(actions, np.float32).tobytes()).hexdigest()


def resized(image: NDArray[np.uint8], *, height: int, width: int) -> NDArray[np.uint8]:
    """Return an image of another size: each pixel is the mean over the area that it covers.

    The same to the last bit in training and on the robot, which needs nothing but NumPy for it.

    Args:
        image: uint8 of shape [h, w, 3].
        height: In pixels, at least 1.
        width: In pixels, at least 1.
    """
    if image.shape[:2] == (height, width):
        return image
    # Pixels are integers and shares of them rarely are: doubles, so that no rounding turns over.
    rows, columns = _shares(image.shape[0], height), _shares(image.shape[1], width)
    mean = np.einsum("yh,hwc,xw->yxc", rows, image.astype(np.float64), columns, optimize=True)
    return np.asarray(np.rint(mean), np.uint8)


def _shares(num_in: int, num_out: int) -> NDArray[np.float64]:
    """Return which share of each new pixel each old one covers, [num_out, num_in]."""
    edges = np.arange(num_out + 1) * (num_in / num_out)
    old = np.arange(num_in)
    covered = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    return np.asarray(np.maximum(covered, 0.0) * (num_out / num_in))


def _file_name(task: str) -> str:
    """Return a task's name, or an instruction in its place, as the name of a file."""
    return _UNSAFE.sub("-", task)[:100]


def _paths(stem: Path) -> tuple[Path, Path, Path]:
    """Return the files of a task: frames, rows, card."""
    frames, rows, about = (stem.name + end for end in (".npy", ".rows.npy", ".json"))
    return stem.with_name(frames), stem.with_name(rows), stem.with_name(about)
