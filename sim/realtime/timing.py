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
    ticks_L: NDArray[np.int64],
    stalls_S2: NDArray[np.float64],
    *,
    start_s: float,
    hz: float,
    act_after_s: float,
) -> int:
    """Return how many ticks were lost because the core was away.

    It was so for half of the tick's period or more; or so long, to so late in the period before,
    that the action of that one would have been followed too soon.

    Args:
        ticks_L: That were lost, from 0.
        stalls_S2: When it should have been there, and when it was again; apart from each other.
        start_s: When tick 0 was due.
        hz: Ticks a second.
        act_after_s: When actions go out, in seconds after their tick was due.
    """
    begins_L1, period_s = (start_s + ticks_L / hz)[:, None], 1.0 / hz
    froms_S, tos_S = stalls_S2.T
    inside_LS = np.minimum(begins_L1 + period_s, tos_S) - np.maximum(begins_L1, froms_S)
    is_inside_L = inside_LS.clip(0.0).sum(1) >= _AWAY * period_s
    is_long_S = tos_S - froms_S >= _AWAY * period_s
    late_L1 = begins_L1 - _AWAY * period_s + act_after_s
    is_before_L = (is_long_S & (tos_S > late_L1) & (tos_S <= begins_L1 + act_after_s)).any(1)
    return int((is_inside_L | is_before_L).sum())
