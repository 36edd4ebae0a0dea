"""`steer frames`: what a camera saw at the decisions of a LeRobotDataset, in files beside it.

A critic is asked where a robot decides, once a chunk, so of a video one frame in eight is enough.
Decoded once, through lerobot's own loader, they serve every training.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from steer.clouds import finite_points
from steer.errors import DatasetError
from steer.frames import FrameCard, FrameWriter, data_digest, decision_rows, resized
from steer.train.frames_config import FramesConfig
from steer.train.lerobot_v3 import find_root, find_task, read_columns, read_json

__all__ = ["FramesConfig", "run"]

logger = logging.getLogger(__name__)

_SHARD_EPISODES = 5


@runtime_checkable
class _Loader(Protocol):
    """What we use of LeRobotDataset."""

    def __getitem__(self, index: int) -> Mapping[str, Any]: ...


def run(config: FramesConfig) -> Path:
    """Decode the frames that are not there yet.

    Returns:
        The directory.

    Raises:
        DatasetError: The dataset cannot be read or has no such feature, its frames are of changing
            size, or the directory has others.
        ConfigError: `--output` cannot be written to.
    """
    root = find_root(config.dataset)
    info = read_json(root / "meta" / "info.json")
    kind = _kind(root, info["features"], config.key)
    extra = read_json(root / "meta" / "steer.json", optional=True)
    task, _, task_index = find_task(root, extra, config.task)
    columns = read_columns(root, info["features"], (), task_index)
    shown = decision_rows(columns["episode_index"], every=config.every)
    frame = partial(_frame, _open(config.dataset, root), config, kind)
    first = frame(int(columns["index"][0]))
    card = FrameCard(
        key=config.key,
        shape=first.shape,
        dtype=first.dtype.name,
        camera=config.key.rpartition(".")[2],
        every=config.every,
        rows=len(columns["index"]),
        data_sha256=data_digest(columns["action"], columns.get("steer.seed")),
    )
    writer = FrameWriter(config.output, task, card, shown)
    _decode(writer, frame, config.key, columns, shown)
    logger.info("wrote frames=%s key=%s count=%d", config.output, config.key, len(shown))
    return config.output


def _decode(
    writer: FrameWriter,
    frame: Callable[[int], NDArray[Any]],
    key: str,
    columns: Mapping[str, NDArray[Any]],
    shown: NDArray[np.int64],
) -> None:
    """Decode episode by episode, from where a stopped run was."""
    number, index = columns["episode_index"], columns["index"]
    ends = np.flatnonzero(np.r_[number[1:] != number[:-1], True]) + 1
    bounds = zip((0, *ends[:-1]), ends, strict=True)
    todo = [(int(first), int(end)) for first, end in bounds if first >= writer.done]
    with tqdm(total=len(index), initial=writer.done, desc=key, unit="row") as bar:
        for count, (first, end) in enumerate(todo, start=1):
            rows = shown[slice(*np.searchsorted(shown, (first, end)))]
            frames = [frame(int(index[row])) for row in rows]
            for row, found in zip(rows, frames, strict=True):
                if found.shape != frames[0].shape:
                    raise DatasetError(
                        f"{key} in episode {number[first]}, frame {row - first}: expected shape "
                        f"{list(frames[0].shape)}, as in the first, got {list(found.shape)}"
                        "; give a --size"
                    )
            writer.put(first, end, np.stack(frames))
            bar.update(end - first)
            if count % _SHARD_EPISODES == 0 or end == len(index):
                writer.keep(end)


def _kind(root: Path, features: Mapping[str, Any], key: str) -> str:
    """Return `image` or `points`."""
    kinds = {
        name: kind for name, feature in features.items() if (kind := _kind_of(feature)) is not None
    }
    if key not in kinds:
        known = ", ".join(kinds) or "none: it has no colour images, and no clouds [P, 3]"
        raise DatasetError(f"{root}: expected --key to be one of {known}, got {key!r}")
    return kinds[key]


def _kind_of(feature: Mapping[str, Any]) -> str | None:
    if feature["dtype"] in ("image", "video"):
        is_depth = bool((feature.get("info") or {}).get("is_depth_map"))
        return None if is_depth or 3 not in feature["shape"] else "image"
    is_cloud = len(feature["shape"]) == 2 and feature["shape"][1] in (3, 6)
    return "points" if is_cloud and feature["dtype"].startswith("float") else None


def _frame(loader: _Loader, config: FramesConfig, kind: str, index: int) -> NDArray[Any]:
    """Return one frame: uint8 [h, w, 3], or float32 [P, 3]."""
    item = loader[index]
    if int(item["index"]) != index:
        got = int(item["index"])
        raise DatasetError(f"{config.dataset}: expected row {index} in its place, got row {got}")
    value = np.asarray(item[config.key])
    if kind == "points":
        return finite_points(value.astype(np.float32))
    if value.dtype != np.uint8:
        value = np.rint(value * 255).astype(np.uint8)
    image: NDArray[np.uint8] = np.ascontiguousarray(value.transpose(1, 2, 0))
    if config.size is None:
        return image
    return resized(image, height=config.size, width=config.size)


def _open(dataset: str, root: Path) -> _Loader:
    from lerobot.datasets import LeRobotDataset  # ten seconds to import: only where needed

    is_local = (Path(dataset) / "meta" / "info.json").is_file()
    try:
        if is_local:
            return cast(_Loader, LeRobotDataset(f"local/{root.name}", root=root))
        return cast(_Loader, LeRobotDataset(dataset))
    except (OSError, ValueError, RuntimeError) as error:
        raise DatasetError(f"{dataset}: cannot be read by lerobot: {error}") from error
