"""One row an episode, in a file that only grows: whatever stops a run, what is in it counts."""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

from sim.files import write_whole
from steer.errors import ConfigError, ServerError

__all__ = ["Row", "RowFile", "read_rows", "row_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One episode.

    Attributes:
        task: Name of the task.
        arm: Name of the arm.
        seed: Of the initial state and of the policy's noise.
        split: `tune`, `test`, `train` or `user`.
        is_success: Whether the package's flag was set before the task's last step.
        steps: Control ticks until success, or the task's limit.
        num_candidates: N asked for.
        num_scored: Fewest candidates scored in any decision.
        indices: Chosen candidate of each decision.
        advantages: Score of the chosen candidate of each decision, in discounted return.
        reasons: How often each reason was given.
        policy_ms: Time of drawing, each decision.
        server_ms: Time on the server, each decision.
        round_trip_ms: Time at the client, each decision.
        critic: Digest of the critic.
        policy: Digest of the policy.
    """

    task: str
    arm: str
    seed: int
    split: str
    is_success: bool
    steps: int
    num_candidates: int
    num_scored: int
    indices: tuple[int, ...]
    advantages: tuple[float, ...]
    reasons: Mapping[str, int]
    policy_ms: tuple[float, ...]
    server_ms: tuple[float, ...]
    round_trip_ms: tuple[float, ...]
    critic: str
    policy: str

    @property
    def key(self) -> tuple[str, str, int]:
        """What may stand in a file only once."""
        return (self.task, self.arm, self.seed)

    @property
    def overrides(self) -> int:
        """How many decisions chose another than the policy's own chunk."""
        return sum(index != 0 for index in self.indices)


def row_of(line: str) -> Row:
    """Return the row of a line of JSON.

    Raises:
        ServerError: The line is `{"error": TEXT}`: what a worker says instead of a row.
        ValueError: The line is neither.
    """
    tree: dict[str, Any] = json.loads(line)
    if "error" in tree:
        raise ServerError(tree["error"])
    if tree.keys() != {item.name for item in fields(Row)}:
        raise ValueError(f"a row's fields, got {sorted(tree)}")
    lists = {name: tuple(value) for name, value in tree.items() if isinstance(value, list)}
    return Row(**{**tree, **lists})


class RowFile:
    """The rows of a run, `rows.jsonl`, and what they have in common, `run.json`.

    Only one process at a time can have it open, and no episode stands in it twice.

    Args:
        directory: Of the run; made where it is missing.
        identity: What all rows of the run have in common. A run with another one is refused.

    Raises:
        ConfigError: The directory holds a run with another identity, a line that is not a row, an
            episode twice, or is in use.
    """

    def __init__(self, directory: Path, identity: Mapping[str, Any]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / "rows.jsonl"
        self._file = self._path.open("ab")
        try:
            self._lock()
            _check_identity(directory, identity)
            self._mend()
            self.rows = read_rows(directory)
        except BaseException:
            self._file.close()
            raise
        self._keys = {row.key for row in self.rows}

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

    def append(self, row: Row) -> None:
        """Add a row; it is on the disk when this returns.

        Raises:
            ConfigError: The episode is there already.
        """
        if row.key in self._keys:
            raise ConfigError(f"{self._path}: expected each episode once, got {row.key} twice")
        self._file.write(json.dumps(asdict(row), separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._keys.add(row.key)
        self.rows.append(row)

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
        ConfigError: A line is not a row, or an episode stands twice.
    """
    path = directory / "rows.jsonl"
    if not path.exists():
        return []
    rows: dict[tuple[str, str, int], Row] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            row = row_of(line)
        except (ValueError, TypeError, ServerError) as error:
            raise ConfigError(f"{path}: expected a row in line {number}, got {error}") from error
        if row.key in rows:
            raise ConfigError(f"{path}: expected each episode once, got {row.key} twice")
        rows[row.key] = row
    return list(rows.values())


def _check_identity(directory: Path, identity: Mapping[str, Any]) -> None:
    """Write `run.json`, or compare with the one that is there."""
    path = directory / "run.json"
    if not path.exists():
        write_whole(path, json.dumps(identity, indent=2, sort_keys=True) + "\n")
        return
    known, wanted = json.loads(path.read_text()), json.loads(json.dumps(identity))
    odd = [key for key in {**known, **wanted} if known.get(key) != wanted.get(key)]
    if odd:
        said = ", ".join(f"{key} was {known.get(key)!r}, is {wanted.get(key)!r}" for key in odd)
        raise ConfigError(
            f"--output: expected a new directory or one of a run with the same settings, got "
            f"{directory}, where {said}"
        )
