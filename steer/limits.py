"""What a robot may be commanded: range, and how fast commands may change.

Shapes: `A` action dimensions, `T` commands that followed each other.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steer.embodiment import Embodiment
from steer.errors import InvalidInputError

__all__ = ["HOLDS", "Limits", "is_motion"]

HOLDS = ("gripper",)
"""Dimensions that are places even where all others are relative, by name: a gripper stays as it was
commanded when the robot holds."""

_LEAST_COMMANDS = 4


def is_motion(embodiment: Embodiment, name: str, holds: Collection[str] = HOLDS) -> bool:
    """Return whether a dimension of a body commands a motion, whose end is zero, and no place."""
    return embodiment.mode == "delta" and name not in holds


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
    def from_tree(cls, tree: Mapping[str, Sequence[float]]) -> "Limits":
        """Read what `to_tree` made.

        Raises:
            InvalidInputError: It is none.
        """
        names = [item.name for item in fields(cls)]
        if sorted(tree) != sorted(names):
            raise InvalidInputError.expected("limits", ", ".join(names), ", ".join(sorted(tree)))
        return cls(**{name: np.asarray(tree[name], np.float64) for name in names})

    def to_tree(self) -> dict[str, list[float]]:
        """Return plain lists, for JSON that knows `Infinity`."""
        return {item.name: getattr(self, item.name).tolist() for item in fields(self)}

    @classmethod
    def of(
        cls,
        embodiment: Embodiment,
        *,
        velocity: ArrayLike = np.inf,
        acceleration: ArrayLike = np.inf,
        jerk: ArrayLike = np.inf,
        holds: Collection[str] = HOLDS,
    ) -> "Limits":
        """Return the limits of a body: its range and largest steps, and what is given here.

        Args:
            embodiment: With its rate. Where it does not say whether commands are relative, they
                are taken for absolute.
            velocity: Of each dimension or of all, in its unit a second; of a dimension without a
                scale in action units a second.
            acceleration: In its unit a second squared.
            jerk: In its unit a second cubed.
            holds: Dimensions that are places even where all others are relative, by name.

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
        is_motion_A = np.array([is_motion(embodiment, dim.name, holds) for dim in dims])
        nothing_A = np.full(len(dims), np.inf)
        return cls(
            low=np.where(is_motion_A, np.maximum(low, -velocity_A), low),
            high=np.where(is_motion_A, np.minimum(high, velocity_A), high),
            first=np.minimum(step, np.where(is_motion_A, acceleration_A, velocity_A)),
            second=np.where(is_motion_A, jerk_A, acceleration_A),
            third=np.where(is_motion_A, nothing_A, jerk_A),
        )

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
        long = [np.asarray(item, np.float64) for item in commands if len(item) >= _LEAST_COMMANDS]
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
