"""Whether commands kept their limits, found from the commands alone: the limiter is not asked.

Shapes: `T` ticks, `A` action.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from steer.limits import Limits

__all__ = ["broken_limits", "largest_step"]

_SLACK = 1e-5
"""Commands are sent as float32."""


def broken_limits(commands_TA: NDArray[np.float32], limits: Limits) -> Mapping[str, int]:
    """Return in how many ticks the commands broke each limit, by name.

    Args:
        commands_TA: One a tick, none missing.
        limits: Of the robot.
    """
    commands = np.asarray(commands_TA, np.float64)
    slack = _SLACK * np.maximum(np.abs(commands), 1.0).max(initial=1.0)
    outside_TA = (commands < limits.low - slack) | (commands > limits.high + slack)
    found = {
        "finite": int((~np.isfinite(commands)).any(1).sum()),
        "range": int(outside_TA.any(1).sum()),
    }
    for order, name in enumerate(("first", "second", "third"), start=1):
        differences = np.abs(np.diff(commands, order, axis=0))
        over = differences > getattr(limits, name) + 2**order * slack
        found[name] = int(over.any(1).sum())
    return found


def largest_step(commands_TA: NDArray[np.float32], limits: Limits) -> float:
    """Return the largest change from tick to tick, in parts of its limit."""
    steps = np.abs(np.diff(np.asarray(commands_TA, np.float64), axis=0))
    return float((steps / limits.first).max(initial=0.0))
