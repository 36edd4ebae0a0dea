"""Rows as a Parquet file."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sim.evaluation.row import Row, row_frozen
from steer.errors import ConfigError

__all__ = ["read_table", "write_table"]

_NUMBERS = pa.list_(pa.float64())
_TYPES = {
    "num_candidates": pa.int32(),
    "seed": pa.int64(),
    "is_success": pa.bool_(),
    "steps": pa.int32(),
    "total_reward": pa.float64(),
    "num_scored": pa.int32(),
    "indices": pa.list_(pa.int32()),
    "advantages": _NUMBERS,
    "reasons": pa.list_(pa.string()),
    "scores": pa.list_(_NUMBERS),
    "outcomes": pa.list_(_NUMBERS),
    "policy_ms": _NUMBERS,
    "server_ms": _NUMBERS,
    "round_trip_ms": _NUMBERS,
}
_SCHEMA = pa.schema([(item.name, _TYPES.get(item.name, pa.string())) for item in fields(Row)])


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows in this order; the file appears whole or not at all."""
    fresh = path.with_name(path.name + ".partial")
    table = pa.Table.from_pylist([asdict(row) for row in rows], schema=_SCHEMA)
    pq.write_table(table, fresh, compression="zstd")
    fresh.replace(path)


def read_table(path: Path) -> list[Row]:
    """Return the rows of a file that `write_table` wrote.

    Raises:
        ConfigError: It is cut short, or holds something else.
    """
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(f"{path}: expected a whole Parquet file, got {error}") from error
    if set(table.column_names) != set(_SCHEMA.names):
        raise ConfigError(f"{path}: expected a row's columns, got {sorted(table.column_names)}")
    return [row_frozen(tree) for tree in table.to_pylist()]
