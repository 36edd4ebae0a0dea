"""What limits make of commands: moved no further than needed, tick after tick.

Knows no robot and no loop: whoever judges chunks uses it, and the limiter of a robot.

Shapes: `A` action dimensions, `N` chunks, `H` horizon.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steer.limits import Limits

__all__ = ["HISTORY", "Bounds", "after", "broken", "kept", "known"]

HISTORY = 3
"""How many of the last commands say what the next one may be."""
_SLACK = 1e-6
"""Of a limit, in parts of it: what rounding adds to a command that stands at it."""
_SAFELY = 1.001
"""In the place of 1 where rounding must not matter."""


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
    bounds, rows = Bounds.of(limits, axes=2), []
    for wanted_NA in np.moveaxis(np.asarray(chunks_NHA, np.float64), 1, 0):
        last = _step(bounds, wanted_NA, last)
        rows.append(last[0].astype(np.float32))
    return np.stack(rows, axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bounds:
    """Limits as a tick wants them: what does not change from tick to tick, downwards and upwards.

    The first axis of all but `low` and `high` is 2, below and above; None is no limit at all. From
    an end that is not `near` any step that the first limit allows can be braked in time: v, which
    is slowed by s a tick, covers less than v (v / s + 1) with the steps after it.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    ends: NDArray[np.float64]
    signs: NDArray[np.float64]
    first: NDArray[np.float64] | None
    second: NDArray[np.float64] | None
    third: NDArray[np.float64] | None
    can_brake: NDArray[np.bool_]
    brakes: NDArray[np.float64]
    near: NDArray[np.float64]

    @classmethod
    def of(cls, limits: Limits, *, axes: int) -> "Bounds":
        """Return those of commands of `axes` axes, the last one A."""
        shape = (2, *(1,) * (axes - 1), len(limits))

        def both(below: NDArray[np.float64], above: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.stack([below, above]).reshape(shape)

        first, second, third = (
            both(-limit, limit) if np.isfinite(limit).any() else None
            for limit in (limits.first, limits.second, limits.third)
        )
        ends, slows = both(limits.low, limits.high), both(limits.second, limits.second)
        can_brake = np.isfinite(ends) & np.isfinite(slows)
        brakes = np.where(can_brake, slows, 1.0)
        return cls(
            low=limits.low,
            high=limits.high,
            ends=ends,
            signs=np.array([-1.0, 1.0]).reshape(2, *(1,) * axes),
            first=first,
            second=second,
            third=third,
            can_brake=can_brake,
            brakes=brakes,
            near=np.where(can_brake, limits.first * (limits.first / brakes + _SAFELY), 0.0),
        )

    def left(self, last: NDArray[np.float64]) -> Mapping[str, NDArray[np.float64]]:
        """Return what each limit leaves for the next command, in the order of what goes first.

        Args:
            last: [3, ..., A], the newest first, finite.

        Returns:
            Smallest and largest command, [2, ..., A], by name.
        """
        (x1, x2, x3), found = last, {}
        if self.first is not None:
            found["first"] = x1 + self.first
        if self.second is not None:
            distance = self.signs * (self.ends - x1)
            if (distance < self.near).any():
                found["braking"] = x1 + self.signs * self._braking(distance)
            found["second"] = (2 * x1 - x2) + self.second
        if self.third is not None:
            found["third"] = (3 * x1 - 3 * x2 + x3) + self.third
        return found

    def _braking(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the largest step, down and up, after which one can stop within a distance.

        A step of v is followed by v - s, v - 2 s, … down to rest: n whole ones where n s <= v,
        which cover (n + 1) v - s n (n + 1) / 2 with it.
        """
        room, s = np.maximum(np.where(self.can_brake, distance, 0.0), 0.0), self.brakes
        whole = np.floor(np.sqrt(0.25 + 2 * room / s) - 0.5)
        return np.where(self.can_brake, room / (whole + 1) + s * whole / 2, np.inf)


def _step(
    bounds: Bounds, wanted: NDArray[np.float64], last: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the last three commands after one that was wanted.

    Args:
        bounds: To keep.
        wanted: [..., A].
        last: [3, ..., A], the newest first.
    """
    wanted, last = known(bounds, wanted, last)
    return after(bounds, wanted, last, bounds.left(last))


def after(
    bounds: Bounds,
    wanted: NDArray[np.float64],
    last: NDArray[np.float64],
    left: Mapping[str, NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return the last three commands after one that was wanted, which is finite.

    Args:
        bounds: To keep.
        wanted: [..., A].
        last: [3, ..., A], the newest first, finite.
        left: Of `bounds.left(last)`.
    """
    low, high = bounds.low, bounds.high
    for both in left.values():
        low, high = np.minimum(np.maximum(both, low), high)
    after = np.empty_like(last)
    after[0] = np.minimum(np.maximum(wanted, low), high).astype(np.float32)  # as it is sent
    after[1:] = last[:-1]
    return after


def broken(
    bounds: Bounds, wanted: NDArray[np.float64], left: Mapping[str, NDArray[np.float64]]
) -> tuple[str, ...]:
    """Return the limits that what was wanted, which is finite, would break, by name."""
    slack = _SLACK * np.maximum(np.abs(wanted), 1.0)
    over, under = wanted + slack, wanted - slack
    broken = ["range"] if ((over < bounds.low) | (under > bounds.high)).any() else []
    for name, (least, most) in left.items():
        if name != "braking" and ((over < least) | (under > most)).any():
            broken.append(name)
    return tuple(broken)


def known(
    bounds: Bounds, wanted: NDArray[np.float64], last: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both without what is not finite: the last command, and where there is none this."""
    low, high = bounds.low, bounds.high
    is_finite = np.isfinite(wanted)
    if not is_finite.all():
        stands = np.where(np.isnan(last[0]), np.clip(0.0, low, high), last[0])
        wanted = np.where(is_finite, wanted, stands)
    is_unknown = np.isnan(last)
    if is_unknown.any():
        last = np.where(is_unknown, np.clip(wanted, low, high), last)
    return wanted, last
