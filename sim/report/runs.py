"""The rows of one or several run directories, and what their `run.json` say."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.evaluation.row import Key, Row
from sim.evaluation.rows import read_rows
from sim.origin import Origin, origins_of
from steer.errors import ConfigError

__all__ = ["Runs", "read_runs"]

_SHARED = (
    "split",
    "margin",
    "beta",
    "max_steps",
    "commit_horizons",
    "critics",
    "policies",
    "code",
    "versions",
    "device",
)


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs that are reported as one.

    Attributes:
        directories: Where they lie.
        rows: All rows, sorted.
        settings: What their `run.json` agree on, and what only some of them say.
        origins: Which commands made the rows.
    """

    directories: tuple[Path, ...]
    rows: tuple[Row, ...]
    settings: Mapping[str, Any]
    origins: tuple[Origin, ...]

    @property
    def margin(self) -> float | None:
        """Margin of the gate; None where each critic's card has its own."""
        margin: float | None = self.settings.get("margin")
        return margin

    def origin(self, command: str) -> Origin:
        """Return one origin for figures of all rows: of several the oldest, which goes stale first.

        One that was not committed goes before all others, for nothing of it may be published.

        Args:
            command: To type, to make the figures again from the rows; where the rows do not know
                their origin, it is what is known.
        """
        dirty = [origin for origin in self.origins if origin.commit.endswith("-dirty")]
        return next(iter((*dirty, *self.origins)), None) or Origin.now(command)


def read_runs(directories: Sequence[Path]) -> Runs:
    """Read runs, or the shards of one.

    Raises:
        ConfigError: A directory is none of a run, rows are damaged, an episode is in two of them,
            or they were run with different settings, critics or policies.
    """
    rows: dict[Key, tuple[Row, Path]] = {}
    settings: dict[str, Any] = {}
    origins: list[Origin] = []
    for directory in directories:
        found = read_rows(directory)
        if not found:
            raise ConfigError(f"{directory}: expected the rows of a run, got none")
        for row in found:
            if row.key in rows:
                places = f"{rows[row.key][1]} and {directory}"
                raise ConfigError(f"{places}: expected each episode once, got {row.key} in both")
            rows[row.key] = (row, directory)
        own = _settings(directory)
        origins += [origin for origin in origins_of(own) if origin not in origins]
        settings = _merged(settings, own, directory)
    return Runs(
        directories=tuple(directories),
        rows=tuple(row for _, (row, _) in sorted(rows.items())),
        settings=settings,
        origins=tuple(sorted(origins, key=lambda origin: origin.date)),  # stable
    )


def _settings(directory: Path) -> dict[str, Any]:
    path = directory / "run.json"
    try:
        tree: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise ConfigError(f"{path}: expected JSON, got {error}") from error
    return tree


def _merged(known: Mapping[str, Any], own: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """Return both, after checking that they do not contradict each other."""
    if known and own:
        for name, was, now in _both(known, own):
            if was != now:
                raise ConfigError(
                    f"{directory}: expected the settings of the other runs, got {name} {now!r}, "
                    f"there {was!r}"
                )
    return {
        key: {**known.get(key, {}), **own[key]} if isinstance(own.get(key), dict) else own[key]
        for key in own
    } | {key: value for key, value in known.items() if key not in own}


def _both(known: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield name and both values of what both say, within mappings too; nothing blanked is said."""
    yield "blank", known.get("blank", ""), own.get("blank", "")
    for name in _SHARED:
        was, now = known.get(name), own.get(name)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from ((f"{name}.{key}", was[key], now[key]) for key in was.keys() & now.keys())
        elif name in known and name in own:
            yield name, was, now
