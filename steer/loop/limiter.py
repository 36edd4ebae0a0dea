"""Keeps commands within the limits, whatever chunks say: the last thing before a robot moves.

Shapes: `A` action dimensions, `N` chunks, `H` horizon.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from steer.errors import InvalidInputError
from steer.loop.limits import Limits

__all__ = ["Limited", "Limiter", "kept"]

_SLACK = 1e-6
"""Of a limit, in parts of it: what rounding adds to a command that stands at it."""
_HISTORY = 3


@dataclass(frozen=True, slots=True, eq=False)
class Limited:
    """A command that may be sent.

    Attributes:
        command: float32 [A].
        broken: Limits that what was wanted would have broken, by name: `finite`, `range`, `first`,
            `second`, `third`; empty where it is sent as it was.
    """

    command: NDArray[np.float32]
    broken: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Limiter:
    """Moves each command no further than needed to keep the limits.

    Where not all can be kept, the range goes before the first difference, that before the second,
    and the third yields first. A dimension near the end of its range is slowed in time, so that
    its second difference can be kept up to the end. A number that is not finite is taken for the
    last command.

    Attributes:
        limits: To keep.
        counts: How often each limit would have been broken, by name.
    """

    limits: Limits
    counts: dict[str, int] = field(default_factory=dict)
    _last: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.reset()

    @property
    def sent(self) -> NDArray[np.float32]:
        """The last three commands, the newest first, [3, A]; NaN where none is known."""
        return self._last.astype(np.float32)

    def reset(self, command: NDArray[np.float32] | None = None) -> None:
        """Begin anew from rest.

        Args:
            command: Of where the robot stands, [A]; None, or NaN in single dimensions, where it is
                not known: the first command is then held to its range alone.

        Raises:
            InvalidInputError: It has another shape, or is infinite.
        """
        size = len(self.limits)
        if command is None:
            command = np.full(size, np.nan, np.float32)
        if command.shape != (size,) or np.isinf(command).any():
            contract = f"shape [{size}], finite or NaN"
            raise InvalidInputError.expected("rest", contract, command)
        self._last = np.tile(np.asarray(command, np.float64), (_HISTORY, 1))

    def apply(self, wanted: NDArray[np.float32], *, is_counted: bool = True) -> Limited:
        """Return the command to send, and remember it as the last one.

        Args:
            wanted: [A].
            is_counted: False for what is no chunk's wish, as the way to a stand.

        Raises:
            InvalidInputError: It has another shape.
        """
        size = len(self.limits)
        if wanted.shape != (size,):
            got = f"shape {list(wanted.shape)}"
            raise InvalidInputError.expected("command", f"shape [{size}]", got)
        self._last, broken = _step(self.limits, np.asarray(wanted, np.float64), self._last)
        command = self._last[0].astype(np.float32)
        if np.array_equal(command, wanted):  # not moved: where limits conflict it was the best
            broken = ()
        if is_counted:
            for name in broken:
                self.counts[name] = self.counts.get(name, 0) + 1
        return Limited(command, broken)


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
        np.asarray(sent_3A, np.float64)[:, None], (_HISTORY, len(chunks_NHA), len(limits))
    )
    rows = []
    for wanted_NA in np.moveaxis(np.asarray(chunks_NHA, np.float64), 1, 0):
        last, _ = _step(limits, wanted_NA, last)
        rows.append(last[0].astype(np.float32))
    return np.stack(rows, axis=1)


def _step(
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
