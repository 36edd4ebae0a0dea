"""Asking for what comes after what runs: the policy is shown what the robot will observe by then.

Shapes: `T` rows that run meanwhile, `A` action.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import Embodiment
from steer.errors import InvalidInputError
from steer.forecast import Forecast
from steer.heads import load_head
from steer.loop.planner import Request
from steer.types import Decision, Observation
from steer.windows import led

__all__ = ["foreseen", "prefixed", "read_forecast"]


def read_forecast(path: str, embodiment: Embodiment) -> Forecast | None:
    """Return the forecast of a file; None where there is no path.

    Raises:
        ArtefactError: It cannot be read.
        InvalidInputError: It is another head, or of another body.
    """
    if not path:
        return None
    found, size = Forecast(load_head(Path(path))), embodiment.action_dim
    if found.card.action_dim != size:
        contract = f"one of {size} action dimensions"
        raise InvalidInputError.expected("forecast", contract, found.card.action_dim)
    return found


def foreseen(
    request: Request, forecast: Forecast
) -> tuple[tuple[Observation, ...], NDArray[np.float32]]:
    """Return what the robot will have observed once the frozen rows have run, and those rows.

    Args:
        request: With what runs in its last observation.
        forecast: Of the robot's body.

    Returns:
        As many observations as the request has, the last one of then; and [T, A], none where
        nothing is frozen: the observations are then those of the request.

    Raises:
        InvalidInputError: The observation lacks what the forecast sees.

    References:
        See `steer.forecast.Forecast`.
    """
    last = request.observations[-1]
    running = last.running
    rows = 0 if running is None else min(request.frozen, len(running))
    if running is None or not rows:
        return request.observations, np.zeros((0, 0), np.float32)
    ahead = forecast.ahead(last, running[:rows])
    rest = running[rows:] if len(running) > rows else None
    ahead[-1] = replace(ahead[-1], running=rest)
    seen = (*request.observations, *ahead)[-len(request.observations) :]
    return seen, running[:rows]


def prefixed(decision: Decision, rows_TA: NDArray[np.float32]) -> Decision:
    """Return the decision with the rows that run before it in front of its chunk and candidates."""
    if not len(rows_TA):
        return decision
    chunk = np.concatenate([rows_TA, decision.chunk])
    if decision.candidates is None:
        return replace(decision, chunk=chunk)
    return replace(decision, chunk=chunk, candidates=led(decision.candidates, rows_TA))
