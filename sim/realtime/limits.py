"""Limits of the simulated robots: what nearly all of the policy's own commands keep."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.files import write_whole
from steer.errors import ConfigError, SteerError
from steer.limits import Limits

__all__ = ["QUANTILE", "fitted", "read_limits", "write_limits"]

QUANTILE = 0.999
"""Of the differences between the policy's own commands, without any delay."""


def fitted(commands: Sequence[NDArray[np.float32]], *, low: float, high: float) -> Limits:
    """Return limits of a robot that does what the policy alone wants, on tune seeds.

    The range stays the robot's own: what a policy never commanded is no fault.

    Args:
        commands: Of one episode each, [T, A].
        low: Of the robot's range, in every dimension.
        high: Likewise.
    """
    found = Limits.fitted(commands, quantile=QUANTILE)
    tree = found.to_tree()
    size = len(found)
    return Limits.from_tree({**tree, "low": [low] * size, "high": [high] * size})


def write_limits(path: Path, limits: Mapping[str, Limits]) -> None:
    """Write limits by cell."""
    tree = {cell: item.to_tree() for cell, item in sorted(limits.items())}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(tree, indent=1) + "\n")


def read_limits(path: Path, cells: Sequence[str] | None = None) -> dict[str, Limits]:
    """Read the limits of some cells, of all that are there for None.

    Those of a disturbed task are the task's.

    Raises:
        ConfigError: One is missing; the text has the command that makes it.
    """
    try:
        tree = json.loads(path.read_text()) if path.is_file() else {}
        known = {cell: Limits.from_tree(item) for cell, item in tree.items()}
    except (ValueError, AttributeError, SteerError) as error:
        raise ConfigError(f"{path}: expected limits by cell, got {error}") from error
    found = {}
    for cell in known if cells is None else cells:
        whose = cell.partition("~")[0]
        if whose not in known:
            command = f"python -m sim.realtime limits --cells {whose}"
            raise ConfigError(f"{path}: expected limits of {whose}, got none; run: {command}")
        found[cell] = known[whose]
    return found
