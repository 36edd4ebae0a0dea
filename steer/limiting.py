"""What limits make of commands: moved no further than needed, tick after tick.

Knows no robot and no loop: whoever judges chunks uses it, and the limiter of a robot.

Shapes: `A` action dimensions, `N` chunks, `H` horizon.
"""

import numpy as np
from numpy.typing import NDArray

from steer.limits import Limits

__all__ = ["HISTORY", "kept", "step"]

HISTORY = 3
"""How many of the last commands say what the next one may be."""
_SLACK = 1e-6
"""Of a limit, in parts of it: what rounding adds to a command that stands at it."""


def kept(
    limits: Limits, chunks_NHA: NDArray[np.float32], sent_3A: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return what a limiter would make of chunks that each follow the same commands.

    What keeps the limits comes back bit for bit, and a limiter that stands where those
    commands were sent leaves all of it as it is: who judges these judges what will run.

    Args:
        limits: To keep.
        chunks_NHA: Finite or not.
        sent_3A: The last three commands, the newest first; NaN where none is known.

    Returns:
        float32 [N, H, A].
    """
    last = np.broadcast_to(
        np.asarray(sent_3A, np.float64)[:, None], (HISTORY, len(chunks_NHA), len(limits))
    )
    rows = []
    for wanted_NA in np.moveaxis(np.asarray(chunks_NHA, np.float64), 1, 0):
        last, _ = step(limits, wanted_NA, last)
        rows.append(last[0].astype(np.float32))
    return np.stack(rows, axis=1)


def step(
    limits: Limits, wanted: NDArray[np.float64], last: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the last three commands after one that was wanted, and the limits it would break.

    Args:
        limits: To keep.
        wanted: [..., A].
        last: [3, ..., A], the newest first.
    """
    broken: list[str] = []
    low, high = limits.low, limits.high
    is_finite = np.isfinite(wanted)
    if not is_finite.all():
        broken.append("finite")
        known = np.where(np.isnan(last[0]), np.clip(0.0, low, high), last[0])
        wanted = np.where(is_finite, wanted, known)
    last = np.where(np.isnan(last), np.clip(wanted, low, high), last)
    if _is_outside(wanted, low, high):
        broken.append("range")
    for name, (least, most) in _bounds(limits, last).items():
        if name in ("first", "second", "third") and _is_outside(wanted, least, most):
            broken.append(name)
        low, high = np.clip(least, low, high), np.clip(most, low, high)
    command = np.clip(wanted, low, high).astype(np.float32)  # as it is sent
    return np.stack([command.astype(np.float64), *last[:-1]]), tuple(broken)


def _bounds(
    limits: Limits, last: NDArray[np.float64]
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return what each limit leaves for the next command, in the order of what goes first."""
    x1, x2, x3 = last
    up = _braking(limits.high - x1, limits.second)
    down = _braking(x1 - limits.low, limits.second)
    going_on, curving_on = 2 * x1 - x2, 3 * x1 - 3 * x2 + x3
    return {
        "first": (x1 - limits.first, x1 + limits.first),
        "braking": (x1 - down, x1 + up),
        "second": (going_on - limits.second, going_on + limits.second),
        "third": (curving_on - limits.third, curving_on + limits.third),
    }


def _braking(distance: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest step after which one can stop within a distance.

    A step of v is followed by v - s, v - 2 s, … down to rest: n whole ones where n s <= v, which
    cover (n + 1) v - s n (n + 1) / 2 with it.
    """
    limited = np.isfinite(distance) & np.isfinite(second)
    room, s = np.where(limited, np.maximum(distance, 0), 0.0), np.where(limited, second, 1.0)
    whole = np.floor(np.sqrt(0.25 + 2 * room / s) - 0.5)
    return np.where(limited, room / (whole + 1) + s * whole / 2, np.inf)


def _is_outside(
    value: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> bool:
    slack = _SLACK * np.maximum(np.abs(value), 1.0)
    return bool(((value < low - slack) | (value > high + slack)).any())
