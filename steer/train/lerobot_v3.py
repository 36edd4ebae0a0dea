"""The files of a LeRobotDataset v3: metadata as records, columns as arrays.

Columns come straight from the parquet files: row by row through the loader is a hundred times
slower, and importing it takes ten seconds. lerobot itself is asked only to fetch a hub id.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import DatasetError, InvalidInputError

__all__ = [
    "find_root",
    "find_task",
    "known_tasks",
    "read_columns",
    "read_embodiment",
    "read_json",
    "vector_keys",
]

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def find_root(dataset: str | Path) -> Path:
    """Return a local root; fetch it through lerobot where `dataset` is a hub id."""
    root = Path(dataset)
    if (root / "meta" / "info.json").is_file():
        return root
    if root.exists() or not isinstance(dataset, str) or not _HUB_ID.fullmatch(dataset):
        raise DatasetError(f"{dataset}: expected a LeRobotDataset root, got no meta/info.json")
    from lerobot.datasets import LeRobotDataset  # ten seconds to import: only where needed

    try:
        return Path(LeRobotDataset(dataset, download_videos=False).root)
    except (OSError, ValueError, RuntimeError) as error:
        raise DatasetError(f"{dataset}: cannot be fetched from the hub: {error}") from error


def read_json(path: Path, *, optional: bool = False) -> dict[str, Any]:
    """Return a JSON object; an empty one where the file may be missing and is."""
    if optional and not path.exists():
        return {}
    try:
        tree = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from error
    if not isinstance(tree, dict):
        raise DatasetError(f"{path}: expected a JSON object, got {type(tree).__name__}")
    return tree


def known_tasks(root: Path, extra: Mapping[str, Any]) -> dict[str, str]:
    """Return the instruction of each task of a dataset by its name, or by itself without one."""
    names = {value["instruction"]: key for key, value in extra.get("tasks", {}).items()}
    return {str(names.get(text, text)): text for text in _task_indices(root)}


def find_task(root: Path, extra: Mapping[str, Any], task: str | None) -> tuple[str, str, int]:
    """Return name, instruction and task_index of the task asked for."""
    indices, known = _task_indices(root), known_tasks(root, extra)
    if task is None and len(indices) == 1:
        task = next(iter(known))
    instruction = None if task is None else known.get(task, task)
    if instruction is None or instruction not in indices:
        raise DatasetError(
            f"{root}: expected --task to be one of {sorted(known)}, got {task or 'none'}"
        )
    name = next(key for key, text in known.items() if text == instruction)
    return name, instruction, indices[instruction]


def _task_indices(root: Path) -> dict[str, int]:
    """Return the task_index of each instruction."""
    table = _read_table(root / "meta" / "tasks.parquet", None, None)
    texts = next(name for name in table.column_names if name != "task_index")
    return dict(zip(table[texts].to_pylist(), table["task_index"].to_pylist(), strict=True))


def vector_keys(root: Path, features: Mapping[str, Any], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the keys of the vector observations to read: those wanted, or all."""
    vectors = tuple(
        key
        for key, feature in features.items()
        if key.startswith("observation.")
        and feature["dtype"].startswith("float")
        and len(feature["shape"]) == 1
    )
    unknown = sorted(set(wanted) - set(vectors))
    if unknown or not vectors:
        raise DatasetError(
            f"{root}: expected vector observations of {list(vectors)}, got {unknown}"
        )
    return tuple(key for key in vectors if key in wanted) if wanted else vectors


def _read_table(path: Path, columns: list[str] | None, task_index: int | None) -> pa.Table:
    filters = None if task_index is None else [("task_index", "=", task_index)]
    try:
        return pq.read_table(path, columns=columns, filters=filters)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"{path}: cannot be read: {error} (an unfinished recording has no footer: finalize it)"
        ) from error


def read_columns(
    root: Path, features: Mapping[str, Any], keys: Sequence[str], task_index: int
) -> dict[str, NDArray[Any]]:
    """Return the columns as arrays, rows in the order of the recording."""
    optional = [name for name in ("next.success", "steer.seed", "steer.noise") if name in features]
    columns = [*keys, "action", "index", "episode_index", "frame_index", *optional]
    missing = [name for name in columns if name not in features]
    if missing:
        raise DatasetError(f"{root}: expected the columns {columns}, got no {missing}")
    files = sorted((root / "data").glob("*/*.parquet"))
    if not files:
        raise DatasetError(f"{root}: expected data/*/*.parquet, got none")
    table = pa.concat_tables([_read_table(path, columns, task_index) for path in files])
    if table.num_rows == 0:
        raise DatasetError(f"{root}: expected rows of the task asked for, got none")
    table = table.sort_by("index")
    out: dict[str, NDArray[Any]] = {}
    for name in columns:
        values = table[name].combine_chunks()
        if pa.types.is_fixed_size_list(values.type) or pa.types.is_list(values.type):
            flat = values.flatten().to_numpy(zero_copy_only=False)
            extent = features[name]["shape"][0]
            if flat.size != table.num_rows * extent:
                raise DatasetError(f"{root}: {name}: expected {extent} numbers in each row")
            out[name] = flat.reshape(-1, extent)
        else:
            out[name] = values.to_numpy(zero_copy_only=False)
    return out


def read_embodiment(
    info: Mapping[str, Any], extra: Mapping[str, Any], keys: Sequence[str]
) -> Embodiment:
    """Return the embodiment of `meta/steer.json`, or what LeRobot's own metadata can tell."""
    features = info["features"]
    if "embodiment" in extra:
        try:
            whole = Embodiment.from_json(json.dumps(extra["embodiment"]))
        except InvalidInputError as error:
            raise DatasetError(f"meta/steer.json: {error}") from error
        fields = tuple(item for item in whole.observations if item.name in keys)
        return replace(whole, observations=fields)
    names = features["action"].get("names")
    if isinstance(names, dict):
        names = [name for group in names.values() for name in group]
    if not names:
        names = [f"action_{index}" for index in range(features["action"]["shape"][0])]
    return Embodiment(
        name=info.get("robot_type") or "unknown",
        control_hz=float(info["fps"]),
        actions=tuple(ActionDim(name=str(name)) for name in names),
        observations=tuple(
            ObservationField(name=key, dtype="float32", shape=tuple(features[key]["shape"]))
            for key in keys
        ),
    )
