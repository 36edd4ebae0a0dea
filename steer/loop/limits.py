"""What a robot may be commanded, whatever chunks say: the last thing before it moves.

Shapes: `A` action dimensions, `T` commands that followed each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steer.embodiment import Embodiment
from steer.errors import InvalidInputError

__all__ = ["Limited", "Limiter", "Limits"]

_SLACK = 1e-6
"""Of a limit, in parts of it: what rounding adds to a command that stands at it."""
_HISTORY = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Limits:
    """Bounds of the commands and of their first three differences from tick to tick.

    All are in action units a tick. Of absolute commands the differences are velocity, acceleration
    and jerk; relative commands are velocities already, so theirs are acceleration and jerk, and the
    third is left open. Infinite where nothing is limited.

    Attributes:
        low: Smallest command, [A].
        high: Largest command, [A].
        first: Largest difference between two commands, [A].
        second: Largest change of that difference, [A].
        third: Largest change of that change, [A].
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    third: NDArray[np.float64]

    def __post_init__(self) -> None:
        shapes = {getattr(self, item.name).shape for item in fields(self)}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise InvalidInputError.expected("limits", "five of one shape [A]", sorted(shapes))
        if not (self.low <= self.high).all():
            got = f"{self.low.tolist()} and {self.high.tolist()}"
            raise InvalidInputError.expected("limits.low, high", "low <= high", got)
        for name in ("first", "second", "third"):
            if not (getattr(self, name) > 0).all():
                got = getattr(self, name).tolist()
                raise InvalidInputError.expected(f"limits.{name}", "numbers > 0", got)

    def __len__(self) -> int:
        """Return A."""
        return len(self.low)

    @classmethod
    def of(
        cls,
        embodiment: Embodiment,
        *,
        velocity: ArrayLike = np.inf,
        acceleration: ArrayLike = np.inf,
        jerk: ArrayLike = np.inf,
    ) -> "Limits":
        """Return the limits of a body: its range and largest steps, and what is given here.

        Args:
            embodiment: With its rate. Where it does not say whether commands are relative, they
                are taken for absolute.
            velocity: Of each dimension or of all, in its unit a second; of a dimension without a
                scale in action units a second.
            acceleration: In its unit a second squared.
            jerk: In its unit a second cubed.

        Raises:
            InvalidInputError: The rate is not known, or a limit is not positive.
        """
        if not embodiment.control_hz:
            raise InvalidInputError.expected("embodiment.control_hz", "a rate > 0", 0)
        dims, period_s = embodiment.actions, 1.0 / embodiment.control_hz
        scale = np.array([dim.scale or 1.0 for dim in dims])
        ranges = np.array(
            [(d.low, d.high) if d.low < d.high else (-np.inf, np.inf) for d in dims], np.float64
        )
        step = np.array([dim.max_step or np.inf for dim in dims])
        velocity_A, acceleration_A, jerk_A = (
            np.broadcast_to(np.asarray(value, np.float64), len(dims)) * period_s**order / scale
            for order, value in enumerate((velocity, acceleration, jerk), start=1)
        )
        low, high = ranges.T
        if embodiment.mode == "delta":
            return cls(
                low=np.maximum(low, -velocity_A),
                high=np.minimum(high, velocity_A),
                first=np.minimum(step, acceleration_A),
                second=jerk_A,
                third=np.full(len(dims), np.inf),
            )
        first = np.minimum(step, velocity_A)
        return cls(low=low, high=high, first=first, second=acceleration_A, third=jerk_A)

    @classmethod
    def fitted(
        cls, commands: Sequence[NDArray[np.float32]], *, quantile: float, slack: float = 1.0
    ) -> "Limits":
        """Return limits that nearly all of what was commanded keeps.

        Args:
            commands: Of one episode each, [T, A].
            quantile: Share of the commands' differences that stay within each limit.
            slack: Factor on the differences' limits.

        Raises:
            InvalidInputError: No episode has four commands, or the quantile is no share.
        """
        if not 0 < quantile <= 1:
            raise InvalidInputError.expected("quantile", "a share in (0, 1]", quantile)
        long = [np.asarray(item, np.float64) for item in commands if len(item) > _HISTORY]
        if not long:
            raise InvalidInputError.expected("commands", "an episode of 4 or more", "none")
        every = np.concatenate(long)
        bounds = [
            slack
            * np.quantile(
                np.concatenate([np.abs(np.diff(item, order, axis=0)) for item in long]),
                quantile,
                axis=0,
            )
            for order in (1, 2, 3)
        ]
        first, second, third = (np.where(bound > 0, bound, np.inf) for bound in bounds)
        low, high = every.min(0), every.max(0)
        return cls(low=low, high=high, first=first, second=second, third=third)


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
    _last: NDArray[np.float64] | None = None

    def reset(self, command: NDArray[np.float32] | None = None) -> None:
        """Begin anew from rest.

        Args:
            command: Of where the robot stands, [A]; None where it is not known: the first command
                is then held to its range alone.

        Raises:
            InvalidInputError: It has another shape, or is not finite.
        """
        self._last = None
        if command is not None:
            if command.shape != (len(self.limits),) or not np.isfinite(command).all():
                contract = f"shape [{len(self.limits)}], finite"
                raise InvalidInputError.expected("rest", contract, command)
            self._last = np.tile(np.asarray(command, np.float64), (_HISTORY, 1))

    def apply(self, wanted: NDArray[np.float32]) -> Limited:
        """Return the command to send, and remember it as the last one.

        Args:
            wanted: [A].

        Raises:
            InvalidInputError: It has another shape.
        """
        limits = self.limits
        if wanted.shape != (len(limits),):
            shape = f"shape [{len(limits)}]"
            raise InvalidInputError.expected("command", shape, f"shape {list(wanted.shape)}")
        broken: list[str] = []
        value = np.asarray(wanted, np.float64)
        is_finite = np.isfinite(value)
        if not is_finite.all():
            broken.append("finite")
            rest = np.clip(0.0, limits.low, limits.high) if self._last is None else self._last[0]
            value = np.where(is_finite, value, rest)
        if self._last is None:
            self._last = np.tile(np.clip(value, limits.low, limits.high), (_HISTORY, 1))
        low, high = limits.low, limits.high
        if _is_outside(value, low, high):
            broken.append("range")
        for name, (least, most) in self._bounds().items():
            if name in ("first", "second", "third") and _is_outside(value, least, most):
                broken.append(name)
            low, high = np.clip(least, low, high), np.clip(most, low, high)
        command = np.clip(value, low, high).astype(np.float32)
        self._last = np.stack([command.astype(np.float64), *self._last[:-1]])
        for name in broken:
            self.counts[name] = self.counts.get(name, 0) + 1
        return Limited(command, tuple(broken))

    def _bounds(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Return what each limit leaves for the next command, in the order of what goes first."""
        assert self._last is not None
        limits, (x1, x2, x3) = self.limits, self._last
        up, down = (
            _braking(limits.high - x1, limits.second),
            _braking(x1 - limits.low, limits.second),
        )
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
