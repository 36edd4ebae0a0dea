"""The rows inside of the page, to save from it: nothing of a figure is anywhere else."""

import base64
import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from sim.evaluation.row import Row
from sim.evaluation.table import write_table

__all__ = ["downloads", "rows_csv"]

_COLUMNS = (
    "policy",
    "task",
    "arm",
    "num_candidates",
    "limit",
    "seed",
    "split",
    "is_success",
    "steps",
    "total_reward",
    "flag",
    "num_scored",
)
_MOST_BYTES = 24 * 2**20


def downloads(rows: Sequence[Row], records: Sequence[Mapping[str, Any]]) -> str:
    """Return links that hold the data themselves.

    The whole rows are left out where they are over 24 MiB; the page says so.
    """
    figures = json.dumps({"results": list(records)}, indent=1).encode()
    links = [
        _link("rows.csv", "text/csv", rows_csv(rows).encode(), "one line an episode"),
        _link("figures.json", "application/json", figures, "every figure with its interval"),
    ]
    whole = _parquet(rows)
    if len(whole) <= _MOST_BYTES:
        words = "all columns: every decision, its scores and times"
        links.append(_link("rows.parquet", "application/vnd.apache.parquet", whole, words))
    else:
        links.append(f"<li>rows.parquet ({_size(whole)}) lies in the directory of the run.</li>")
    return f"<ul>{''.join(links)}</ul>"


def rows_csv(rows: Sequence[Row]) -> str:
    """Return the columns that figures of success are made from, and sums of the others."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_COLUMNS, "decisions", "overrides", "round_trip_ms", "critic", "policy_sha"])
    for row in rows:
        median = f"{np.median(row.round_trip_ms):.2f}" if row.round_trip_ms else ""
        digests = (row.critic_digest[:19], row.policy_digest[:19])
        values = [getattr(row, name) for name in _COLUMNS]
        writer.writerow([*values, len(row.indices), row.overrides, median, *digests])
    return out.getvalue()


def _parquet(rows: Sequence[Row]) -> bytes:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "rows.parquet"
        write_table(path, rows)
        return path.read_bytes()


def _link(name: str, kind: str, data: bytes, words: str) -> str:
    address = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return f"<li><a download='{name}' href='{address}'>{name}</a> ({_size(data)}): {words}</li>"


def _size(data: bytes) -> str:
    return f"{len(data) / 1024:.0f} KiB" if len(data) < 2**20 else f"{len(data) / 2**20:.1f} MiB"
