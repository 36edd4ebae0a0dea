"""What robots did with a critic: success of a policy alone and steered, in paired episodes.

    {"rows": [{"task": "push", "policy": "diffusion", "alone": 0.31, "steered": 0.64,
               "difference": 0.33, "interval": [0.22, 0.44], "n": 100}], "commit": "abc1234"}

Beside the rows may stand whatever says where they come from.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steer.errors import ConfigError

__all__ = ["measured_text", "read_measured"]

_NAMES, _NUMBERS = ("task", "policy"), ("alone", "steered", "difference")
_FIELDS = (*_NAMES, *_NUMBERS, "interval", "n")


def read_measured(path: Path) -> dict[str, Any]:
    """Read the rows of a file, and what stands beside them.

    Raises:
        ConfigError: The file cannot be read, or a row is not as above; the text says which.
    """
    try:
        tree = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"--measured: expected JSON, got {path}: {error}") from error
    rows = tree.get("rows") if isinstance(tree, dict) else None
    if not isinstance(rows, list) or not rows:
        raise ConfigError(f"--measured: expected an object with rows, got none in {path}")
    for number, row in enumerate(rows):
        if not _is_row(row):
            contract = f"the fields {', '.join(_FIELDS)}, of which interval is [low, high]"
            raise ConfigError(f"--measured: rows[{number}]: expected {contract}, got {row!r}")
    return dict(tree)


def _is_row(row: object) -> bool:
    if not isinstance(row, dict) or set(row) != set(_FIELDS):
        return False
    interval = row["interval"]
    return (
        all(isinstance(row[name], str) and row[name] for name in _NAMES)
        and isinstance(interval, list)
        and len(interval) == 2
        and all(map(_is_number, (*(row[name] for name in _NUMBERS), *interval)))
        and interval[0] <= row["difference"] <= interval[1]
        and type(row["n"]) is int
        and row["n"] >= 1
    )


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def measured_text(measured: Mapping[str, Any]) -> str:
    """Return the rows as a table, and where steering made it worse; empty without rows."""
    rows = [row for row in measured.get("rows", ()) if _is_row(row)]
    if not rows:
        return ""
    lines = [
        "| task | policy | alone | steered | difference, 95% | episodes |",
        "|---|---|---|---|---|---|",
        *(_line(row) for row in rows),
    ]
    worse = [row for row in rows if row["interval"][1] < 0]
    lower = [row for row in rows if row["difference"] < 0 <= row["interval"][1]]
    text = f"It got worse: {_cells(worse)}." if worse else "It got worse nowhere, beyond chance."
    text += f" Lower, but within the interval: {_cells(lower)}." if lower else ""
    return "\n".join([*lines, "", text])


def _line(row: Mapping[str, Any]) -> str:
    low, high = row["interval"]
    gap = f"{row['difference']:+.2f} [{low:+.2f}, {high:+.2f}]"
    names = f"| {row['task']} | {row['policy']}"
    return f"{names} | {row['alone']:.2f} | {row['steered']:.2f} | {gap} | {row['n']} |"


def _cells(rows: list[Mapping[str, Any]]) -> str:
    return ", ".join(f"{row['policy']} on {row['task']}" for row in rows)
