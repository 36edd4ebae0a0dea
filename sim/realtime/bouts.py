"""From names to a bout: which cell, method, delays and heads."""

import argparse
from pathlib import Path

from sim.evaluation.arms import Settings
from sim.realtime.delays import Jitter, Network
from sim.realtime.methods import ALONE, METHODS
from sim.realtime.play import Bout
from sim.suite import may_guide
from sim.tasks import spec_of
from steer.errors import ConfigError
from steer.limits import Limits

__all__ = [
    "FORECAST",
    "HEADS",
    "PLAIN",
    "add_cells",
    "add_heads",
    "found_head",
    "head_path",
    "make_bout",
]

FORECAST = "forecast"
HEADS = Path("results") / "realtime" / "heads"
PLAIN = tuple(name for name, item in METHODS.items() if not (item.head or item.guides))
"""Methods that any policy can do, and need no head but a forecast."""


def add_cells(parser: argparse.ArgumentParser, limits: Path) -> None:
    """Add the options that say which episodes of which cells are played."""
    parser.add_argument("--cells", nargs="+", required=True, metavar="POLICY/TASK")
    parser.add_argument("--episodes", type=int, default=20, help="a cell (default: 20)")
    parser.add_argument("--first", type=int, default=0, help="skip so many seeds")
    parser.add_argument("--limits", type=Path, default=limits, help=f"(default: {limits})")
    parser.add_argument("--workers", type=int, default=2, help="robots (default: 2)")


def add_heads(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where heads are."""
    parser.add_argument(
        "--heads",
        type=Path,
        default=HEADS,
        help=f"DIR/forecast/<task>.npz, DIR/<kind>/<policy>-<task>.npz (default: {HEADS})",
    )


def head_path(heads: Path, kind: str, cell: str) -> Path:
    """Return the file of a head: a forecast is of a task, the others are of a policy on a task.

    Those of a disturbed task are the task's.
    """
    policy, task = cell.partition("~")[0].split("/", 1)
    return heads / kind / (f"{task}.npz" if kind == FORECAST else f"{policy}-{task}.npz")


def found_head(heads: Path, kind: str, cell: str) -> str:
    """Return the file of a head, empty for no kind.

    Raises:
        ConfigError: It is not there.
    """
    if not kind:
        return ""
    path = head_path(heads, kind, cell)
    if not path.is_file():
        maker = "python -m sim.realtime forecasts" if kind == FORECAST else "steer head"
        raise ConfigError(f"--heads: expected {path}, got nothing; `{maker}` makes it")
    return str(path)


def make_bout(
    cell: str,
    name: str,
    *,
    delay: int,
    jitter: Jitter,
    drop: float,
    seed: int,
    settings: Settings,
    limits: Limits,
    heads: Path,
) -> Bout:
    """Return a bout; without delay there is neither jitter nor loss.

    Args:
        cell: `POLICY/TASK`.
        name: Of the method, or `alone`.
        delay: Of the policy, in ticks.
        jitter: On top of it.
        drop: Share of lost answers.
        seed: Of the episode.
        settings: How all robots are steered.
        limits: Of the robot.
        heads: Where heads are.

    Raises:
        ConfigError: The method has a head that this cell has none of, or guides chunks of a policy
            that does not offer it.
    """
    method = ALONE if name == "alone" else METHODS[name]
    policy, task = cell.split("/", 1)
    if method.guides and not may_guide(policy):
        contract = "a cell whose policy offers real-time chunking"
        raise ConfigError(f"--methods: expected {contract} for {name!r}, got {cell!r}")
    network = Network(
        ticks=delay,
        jitter=jitter if delay else "none",
        drop=drop if delay else 0.0,
        hz=spec_of(task).embodiment.control_hz,
    )
    return Bout(
        cell=cell,
        method=method,
        network=network,
        seed=seed,
        num_candidates=1 if method.is_alone else settings.num_candidates,
        limits=limits,
        head=found_head(heads, method.head, cell),
        forecast=found_head(heads, FORECAST if method.foresees else "", cell),
    )
