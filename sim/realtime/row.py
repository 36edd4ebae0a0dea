"""What is kept of an episode of the bench: how it ended, and what its commands were like.

Shapes: `T` ticks, `A` action.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer.errors import InvalidInputError
from steer.loop.thresholds import Signals

__all__ = ["SIGNALS", "Key", "Row", "jerk_of", "largest_step", "numbers_of"]

Key = tuple[str, str, int, str, int]
"""Cell, method, delay, jitter and seed."""
SIGNALS = tuple(item.name for item in fields(Signals))
"""What of each decision stands in a row, in this order."""
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One episode.

    Attributes:
        cell: `POLICY/TASK`.
        method: Of `sim.realtime.methods`.
        delay: Of the policy, in ticks.
        jitter: On top of it; see `sim.realtime.delays`.
        drop: Share of answers that never come.
        seed: Of initial state, noise and delays.
        num_candidates: N.
        is_success: The package's flag.
        steps: Ticks of the world.
        decisions: Chunks that were asked for.
        overrides: Of them, those in which the server chose another than the policy's own.
        again: Of them, those that were judged again at a newer observation.
        moved: Of all, those whose chosen chunk had been moved within the limits before.
        broken: Ticks in which a chunk's action would have broken a limit: on a robot, protective
            stops.
        broken_by: Which limits, and how often.
        rungs: Ticks on each rung of the ladder, by name.
        refused: Chunks that System 1 refused, by why.
        delays_ticks: Of the answers.
        ages_ms: Of what was executed since its observation: mean and largest.
        seam: Largest change of a command from tick to tick at the first action of a chunk, in parts
            of the range; 0 where there was none.
        jerk: Root mean square of the third derivative of the place, in parts of the range a tick.
        signals: What the monitors read of each decision: `SIGNALS`, to six digits; None for what
            could not be read.
        unread: How often what could not be read.
    """

    cell: str
    method: str
    delay: int
    jitter: str
    drop: float
    seed: int
    num_candidates: int
    is_success: bool
    steps: int
    decisions: int
    overrides: int
    again: int
    moved: int
    broken: int
    broken_by: Mapping[str, int]
    rungs: Mapping[str, int]
    refused: Mapping[str, int]
    delays_ticks: Sequence[int]
    ages_ms: tuple[float, float]
    seam: float
    jerk: float
    signals: Sequence[Sequence[float | None]]
    unread: Mapping[str, int]

    @property
    def key(self) -> Key:
        """What no two rows of a run have in common."""
        return (self.cell, self.method, self.delay, self.jitter, self.seed)

    def read(self) -> list[Signals]:
        """Return what the monitors read, decision by decision."""
        found = []
        for numbers in self.signals:
            named = dict(zip(SIGNALS, numbers, strict=True))
            found.append(Signals(**{**named, "tick": int(named["tick"] or 0)}))  # type: ignore[arg-type]  # the others may be None
        return found

    def to_line(self) -> str:
        """Return the row as a line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":")) + "\n"

    @classmethod
    def from_line(cls, line: str) -> "Row":
        """Return the row of a line that `to_line` wrote.

        Raises:
            InvalidInputError: It is none.
        """
        names = {item.name for item in fields(cls)}
        try:
            tree: dict[str, Any] = json.loads(line)
        except json.JSONDecodeError as error:
            raise InvalidInputError.expected("row", "a line of JSON", line[:80]) from error
        if not isinstance(tree, dict) or set(tree) != names:
            raise InvalidInputError.expected("row", ", ".join(sorted(names)), line[:80])
        if any(len(item) != len(SIGNALS) or item[0] is None for item in tree["signals"]):
            contract = "of each decision " + ", ".join(SIGNALS)
            raise InvalidInputError.expected("row.signals", contract, line[:80])
        return cls(**{**tree, "ages_ms": tuple(tree["ages_ms"])})


def numbers_of(signals: Signals) -> list[float | None]:
    """Return what was read of a decision, as a row keeps it."""
    numbers = [getattr(signals, name) for name in SIGNALS]
    return [
        item if item is None or isinstance(item, int) else float(f"{item:.{_DIGITS}g}")
        for item in numbers
    ]


def jerk_of(commands_TA: NDArray[np.float32], is_motion_A: NDArray[np.bool_]) -> float:
    """Return the root mean square jerk of what was commanded, grippers left out.

    Args:
        commands_TA: In parts of the range.
        is_motion_A: Which dimensions command a motion: their second difference is a jerk.
    """
    if len(commands_TA) < 3 or not is_motion_A.any():
        return 0.0
    second = np.diff(commands_TA[:, is_motion_A].astype(np.float64), 2, axis=0)
    return float(np.sqrt((second**2).mean()))


def largest_step(
    commands_TA: NDArray[np.float32], ticks: Sequence[int], is_motion_A: NDArray[np.bool_]
) -> float:
    """Return the largest change of a command at any of the ticks, grippers left out."""
    at = [tick for tick in ticks if tick > 0]
    if not at or not is_motion_A.any():
        return 0.0
    motion = commands_TA[:, is_motion_A]
    return float(max(np.abs(motion[tick] - motion[tick - 1]).max() for tick in at))
