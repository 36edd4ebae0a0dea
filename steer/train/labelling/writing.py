"""Write a labelled copy of a LeRobotDataset v3: columns, features, statistics, and where from.

The input is only read. Pictures and films are shared with it by hard links where the file system
can; all else is a file of its own.

Shape legend: T frames of all episodes, n frames of some.
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from steer.errors import ConfigError, DatasetError
from steer.train.labelling.label import Label
from steer.train.labelling.recording import Recording
from steer.train.lerobot_v3 import read_json
from steer.train.pairs import write_pairs

__all__ = ["write_copy"]

_QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
_SHARED = ("videos", "images")
_ABOUT = "labels.json"


def write_copy(
    recording: Recording, output: Path, labels: Sequence[Label], about: Mapping[str, Any]
) -> None:
    """Write the labelled copy; whoever looks sees a whole one or none.

    Args:
        recording: The input.
        output: Root of the copy, which is not there.
        labels: To write.
        about: Goes into `meta/labels.json` with each: the command, the date, the data.

    Raises:
        ConfigError: A stopped run left something in the way.
        DatasetError: The input cannot be read.
    """
    fresh = output.with_name(output.name + ".partial")
    if fresh.exists():
        raise ConfigError(f"--output: a stopped run left {fresh}; delete that directory")
    inside = os.walk(recording.root, followlinks=True)
    found = {Path(place) / name for place, _, names in inside for name in names}
    found -= set(recording.files)
    columns = {name: values for label in labels for name, values in label.columns.items()}
    try:
        for path in found:
            _copy(path, recording.root, fresh)
        first = 0
        for path in recording.files:
            first = _write_data(path, fresh / path.relative_to(recording.root), columns, first)
        _write_metadata(recording, fresh, columns)
        for label in labels:
            if label.pairs is not None:
                write_pairs(fresh, label.pairs)
        known = read_json(fresh / "meta" / _ABOUT, optional=True).get("labels", [])
        tree = {"labels": [*known, *({**label.to_tree(), **about} for label in labels)]}
        _write_json(fresh / "meta" / _ABOUT, tree)
        fresh.rename(output)
    except pa.ArrowException as error:
        raise DatasetError(f"{recording.root}: cannot be copied: {error}") from error
    finally:
        if fresh.exists():
            shutil.rmtree(fresh)


def _copy(path: Path, root: Path, fresh: Path) -> None:
    """Copy a file, or share it where it is big and never changes."""
    inner = path.relative_to(root)
    target = fresh / inner
    target.parent.mkdir(parents=True, exist_ok=True)
    if inner.parts[0] in _SHARED:
        try:
            os.link(path.resolve(), target)
        except OSError:  # another file system, or one without links
            shutil.copy2(path, target)
    else:
        shutil.copyfile(path, target)


def _write_data(path: Path, target: Path, columns: Mapping[str, NDArray[Any]], first: int) -> int:
    """Write a data file with the columns, in the row groups that it has; return its last frame."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetFile(path) as source:
        schema = source.schema_arrow
        for name, values in columns.items():
            field = pa.field(name, pa.from_numpy_dtype(values.dtype))
            place = schema.get_field_index(name)
            schema = schema.append(field) if place < 0 else schema.set(place, field)
        schema = _with_features(schema, columns)
        with pq.ParquetWriter(target, schema, compression="snappy") as writer:
            for group in range(source.num_row_groups):
                table = source.read_row_group(group)
                last = first + table.num_rows
                for name, values in columns.items():
                    place, part = table.column_names.count(name), pa.array(values[first:last])
                    table = (
                        table.set_column(table.column_names.index(name), name, part)
                        if place
                        else table.append_column(name, part)
                    )
                writer.write_table(table.cast(schema))
                first = last
    return first


def _with_features(schema: pa.Schema, columns: Mapping[str, NDArray[Any]]) -> pa.Schema:
    """Return the schema with the columns in what the library `datasets` wrote into its metadata."""
    metadata = dict(schema.metadata or {})
    known = metadata.get(b"huggingface")
    if known is None:
        return schema
    tree = json.loads(known)
    features = tree.get("info", {}).get("features")
    if features is None:
        return schema
    for name, values in columns.items():
        features[name] = {"dtype": values.dtype.name, "_type": "Value"}
    return schema.with_metadata({**metadata, b"huggingface": json.dumps(tree).encode()})


def _write_metadata(recording: Recording, fresh: Path, columns: Mapping[str, NDArray[Any]]) -> None:
    """Tell `meta/info.json`, the statistics, and those of each episode of the columns."""
    described = {
        name: {"dtype": values.dtype.name, "shape": [1], "names": None}
        for name, values in columns.items()
    }
    info = {**recording.info, "features": {**recording.features, **described}}
    _write_json(fresh / "meta" / "info.json", info)
    stats = read_json(fresh / "meta" / "stats.json", optional=True)
    stats |= {name: _statistics(values) for name, values in columns.items()}
    _write_json(fresh / "meta" / "stats.json", stats)
    place = {int(number): index for index, number in enumerate(recording.episode)}
    for path in sorted((fresh / "meta" / "episodes").glob("*/*.parquet")):
        table = pq.read_table(path)
        spans = [place[number] for number in table["episode_index"].to_pylist()]
        for name, values in columns.items():
            each = [_statistics(values[recording.start[i] : recording.end[i]]) for i in spans]
            for statistic in each[0] if each else ():
                key, found = f"stats/{name}/{statistic}", [item[statistic] for item in each]
                if key in table.column_names:
                    table = table.drop_columns(key)
                table = table.append_column(key, pa.array(found))
        pq.write_table(table, path, compression="snappy")


def _statistics(values: NDArray[Any]) -> dict[str, list[float] | list[int]]:
    """Return what lerobot keeps of a column of one number; frames without a label do not count."""
    known = values.astype(np.float64)
    known = known[np.isfinite(known)]
    count = {"count": [len(known)]}
    if not len(known):
        return {name: [float("nan")] for name in ("min", "max", "mean", "std", *_QUANTILES)} | count
    return {
        "min": [float(known.min())],
        "max": [float(known.max())],
        "mean": [float(known.mean())],
        "std": [float(known.std())],
        **count,
        **{name: [float(np.quantile(known, q))] for name, q in _QUANTILES.items()},
    }


def _write_json(path: Path, tree: Mapping[str, Any]) -> None:
    fresh = path.with_name(path.name + ".partial")
    fresh.write_text(json.dumps(tree, indent=2) + "\n")
    fresh.replace(path)
