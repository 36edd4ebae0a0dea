"""How punctual a loop was: what it lost, how unequal its periods were, how far it drifted.

Shapes: `T` actions that went out, `S` stalls of a core, `L` lost ticks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steer.errors import InvalidInputError

__all__ = ["Punctuality", "away", "lost_ticks", "punctuality"]

_AWAY = 0.5
"""Of a period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Punctuality:
    """Of one run.

    Attributes:
        ticks: That the run had.
        lost: Of them, those in whose period no action went out.
        error_ms: Of the time from one action to the next against the period, as p50, p99 and
            largest, in milliseconds.
        drift_ms: How much later against its tick the last action went out than the first one.
    """

    ticks: int
    lost: int
    error_ms: tuple[float, float, float]
    drift_ms: float


def punctuality(
    acted_at_s: NDArray[np.float64],
    numbers: NDArray[np.int64],
    *,
    start_s: float,
    hz: float,
    ticks: int,
) -> Punctuality:
    """Return how punctual a run was.

    Args:
        acted_at_s: When each action had gone out, [T].
        numbers: Of the tick that each was for, from 0, [T].
        start_s: When tick 0 was due.
        hz: Ticks a second.
        ticks: That the run had.

    Raises:
        InvalidInputError: There are not even two actions.
    """
    if len(acted_at_s) < 2:
        raise InvalidInputError.expected("run", "two actions or more", len(acted_at_s))
    error_ms = 1000 * np.abs(np.diff(acted_at_s) - 1.0 / hz)
    late_s = acted_at_s - start_s - numbers / hz
    return Punctuality(
        ticks=ticks,
        lost=len(lost_ticks(acted_at_s, start_s=start_s, hz=hz, ticks=ticks)),
        error_ms=(
            round(float(np.median(error_ms)), 4),
            round(float(np.percentile(error_ms, 99)), 4),
            round(float(error_ms.max()), 4),
        ),
        drift_ms=round(float(1000 * (late_s[-1] - late_s[0])), 3),
    )


def lost_ticks(
    acted_at_s: NDArray[np.float64], *, start_s: float, hz: float, ticks: int
) -> NDArray[np.int64]:
    """Return the ticks in whose period no action went out, [L], from 0.

    Args:
        acted_at_s: When each action had gone out, [T].
        start_s: When tick 0 was due.
        hz: Ticks a second.
        ticks: That the run had.
    """
    periods = np.floor((acted_at_s - start_s) * hz).astype(np.int64)
    return np.setdiff1d(np.arange(ticks), periods)


def away(
    ticks_L: NDArray[np.int64], stalls_S2: NDArray[np.float64], *, start_s: float, hz: float
) -> int:
    """Return how many lost ticks the core was away for, for half a period or more.

    Looked at are the period of each and the one before: a tick that begins late in its own costs
    the one behind it.

    Args:
        ticks_L: That were lost, from 0.
        stalls_S2: When it should have been there, and when it was again; apart from each other.
        start_s: When tick 0 was due.
        hz: Ticks a second.
    """
    ends_L1 = (start_s + (ticks_L + 1) / hz)[:, None]
    overlaps_LS = np.minimum(ends_L1, stalls_S2[:, 1]) - np.maximum(
        ends_L1 - 2.0 / hz, stalls_S2[:, 0]
    )
    return int((overlaps_LS.clip(0.0).sum(1) >= _AWAY / hz).sum())
