"""One row an episode, in a file that only grows: whatever stops a run, what is in it counts."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from steer.errors import ConfigError

__all__ = ["Row", "RowFile", "read_rows"]


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


class RowFile:
    """The rows of a run, `rows.jsonl`, and what was asked of it, `run.json`.

    Args:
        directory: Of the run; made where it is missing.
        settings: What all rows of the run have in common. A run with other settings is refused.

    Raises:
        ConfigError: The directory holds a run with other settings.
    """

    def __init__(self, directory: Path, settings: Mapping[str, Any]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / "rows.jsonl"
        text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
        known = directory / "run.json"
        if known.exists() and known.read_text() != text:
            raise ConfigError(
                f"--output: expected a new directory or one of a run with the same settings, got "
                f"{directory}, whose run.json differs: {_first_difference(known, settings)}"
            )
        known.write_text(text)
        self._mend()
        self.rows = read_rows(directory)

    def _mend(self) -> None:
        """Cut off a last line that a stopped run did not finish."""
        if not self._path.exists():
            return
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            with self._path.open("r+b") as file:
                file.truncate(len(whole))

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows; they are on the disk when this returns."""
        fresh = list(rows)
        with self._path.open("a") as file:
            for row in fresh:
                file.write(json.dumps(asdict(row), separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.rows += fresh


def read_rows(directory: Path) -> list[Row]:
    """Return the rows of a run, none where there is no file.

    Raises:
        ConfigError: A line is not a row, or an episode stands twice.
    """
    path = directory / "rows.jsonl"
    if not path.exists():
        return []
    tuples = {item.name for item in fields(Row) if "tuple" in str(item.type)}
    rows: dict[tuple[str, str, int], Row] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            tree: dict[str, Any] = json.loads(line)
            tree |= {name: tuple(tree[name]) for name in tuples}
            row = Row(**tree)
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"{path}: expected a row in line {number}, got {error}") from error
        if row.key in rows:
            raise ConfigError(f"{path}: expected each episode once, got {row.key} twice")
        rows[row.key] = row
    return list(rows.values())


def _first_difference(path: Path, settings: Mapping[str, Any]) -> str:
    known = json.loads(path.read_text())
    wanted = json.loads(json.dumps(settings))
    names = [key for key in {**known, **wanted} if known.get(key) != wanted.get(key)]
    return ", ".join(f"{key} was {known.get(key)!r}, is {wanted.get(key)!r}" for key in names)
