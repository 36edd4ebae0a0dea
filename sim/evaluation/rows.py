"""One row an episode, on disk: whatever stops a run, what is there counts, and counts once.

`rows.parquet` holds the rows of finished shards, sorted; `rows.jsonl` those since, in the order in
which they came, and only grows. Packing moves the second into the first. A kill in between leaves
rows in both, which are then known to be the same.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from sim.evaluation.row import Key, Row, row_of
from sim.evaluation.table import read_table, write_table
from sim.files import write_whole
from steer.errors import ConfigError, ServerError

__all__ = ["RowFile", "read_rows"]

_TAIL, _PACKED = "rows.jsonl", "rows.parquet"
_USUAL = {"blank": ""}
"""What a run is that does not say otherwise: it is compared, and not written."""


class RowFile:
    """The rows of a run and what they have in common, `run.json`.

    Only one process at a time can have it open, and no episode stands in it twice.

    Args:
        directory: Of the run; made where it is missing.
        identity: What all rows of the run have in common. A run with another one is refused; keys
            may be added later, those within a mapping too, and none ever changes its value.

    Raises:
        ConfigError: The directory holds a run with another identity, something that is not a row,
            an episode twice, or is in use.
    """

    def __init__(self, directory: Path, identity: Mapping[str, Any]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._path = directory / _TAIL
        with ExitStack() as undo:
            self._file = undo.enter_context(self._path.open("ab"))
            self._lock()
            _check_identity(directory, identity)
            self._mend()
            self._rows = {row.key: row for row in read_rows(directory)}
            undo.pop_all()

    def __enter__(self) -> "RowFile":
        """Return the file itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let others have it."""
        self._file.close()

    @property
    def rows(self) -> list[Row]:
        """All rows."""
        return list(self._rows.values())

    @property
    def keys(self) -> set[Key]:
        """The episodes that are there."""
        return set(self._rows)

    def agree(self, identity: Mapping[str, Any]) -> None:
        """Compare further what the rows have in common, and remember it.

        Raises:
            ConfigError: It was another.
        """
        _check_identity(self._directory, identity)

    def append(self, row: Row) -> None:
        """Add a row; it is on the disk when this returns.

        Raises:
            ConfigError: The episode is there already.
        """
        if row.key in self._rows:
            raise ConfigError(f"{self._path}: expected each episode once, got {row.key} twice")
        self._file.write(json.dumps(asdict(row), separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._rows[row.key] = row

    def pack(self) -> None:
        """Move all rows into the Parquet file, sorted, so that equal runs give equal files."""
        write_table(self._directory / _PACKED, sorted(self._rows.values(), key=lambda r: r.key))
        self._file.truncate(0)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f"--output: expected a directory that no other run writes to, got "
                f"{self._path.parent}"
            ) from error

    def _mend(self) -> None:
        """Cut off a last line that a stopped run did not finish."""
        data = self._path.read_bytes()
        self._file.truncate(data.rfind(b"\n") + 1)


def read_rows(directory: Path) -> list[Row]:
    """Return the rows of a run, none where there is no file.

    Raises:
        ConfigError: Something is not a row, or an episode stands there twice.
    """
    packed = directory / _PACKED
    rows: dict[Key, Row] = {}
    for row in read_table(packed) if packed.exists() else []:
        _add(rows, row, packed)
    path = directory / _TAIL
    lines = path.read_text().splitlines() if path.exists() else []
    tail: set[Key] = set()
    for number, line in enumerate(lines, start=1):
        try:
            row = row_of(line)
        except (ValueError, TypeError, ServerError) as error:
            raise ConfigError(f"{path}: expected a row in line {number}, got {error}") from error
        if row.key not in tail and rows.get(row.key) == row:
            tail.add(row.key)  # packed, and the run was killed before it could be removed here
            continue
        _add(rows, row, path)
        tail.add(row.key)
    return list(rows.values())


def _add(rows: dict[Key, Row], row: Row, path: Path) -> None:
    if row.key in rows:
        raise ConfigError(f"{path}: expected each episode once, got {row.key} twice")
    rows[row.key] = row


def _check_identity(directory: Path, identity: Mapping[str, Any]) -> None:
    """Compare with `run.json`, and write what is new."""
    path = directory / "run.json"
    wanted: dict[str, Any] = json.loads(json.dumps(identity))
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    odd = _differences({**_USUAL, **known}, wanted) if known else []
    if odd:
        raise ConfigError(
            f"--output: expected a new directory or one of a run with the same settings, got "
            f"{directory}, where {', '.join(odd)}"
        )
    merged = known | {
        key: {**known.get(key, {}), **value} if isinstance(value, dict) else value
        for key, value in wanted.items()
        if not (key in _USUAL and _USUAL[key] == value)
    }
    if merged != known:
        write_whole(path, json.dumps(merged, indent=2, sort_keys=True) + "\n")


def _differences(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Say what was another; a key of a mapping that only one of them has is no difference."""
    odd = []
    for key in sorted(known.keys() & wanted.keys()):
        was, now = known[key], wanted[key]
        if isinstance(was, dict) and isinstance(now, dict):
            shared = was.keys() & now.keys()
            pairs = [(f"{key}.{name}", was[name], now[name]) for name in sorted(shared)]
        else:
            pairs = [(key, was, now)]
        odd += [f"{name} was {old!r}, is {new!r}" for name, old, new in pairs if old != new]
    return odd
