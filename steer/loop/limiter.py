"""Keeps commands within the limits, whatever chunks say: the last thing before a robot moves.

Shapes: `A` action dimensions.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from steer.errors import InvalidInputError
from steer.limiting import HISTORY, Bounds, after, broken, known
from steer.limits import Limits

__all__ = ["Limited", "Limiter"]


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
    _bounds: Bounds = field(init=False)
    _last: NDArray[np.float64] = field(init=False)
    _before: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self._bounds = Bounds.of(self.limits, axes=1)
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
        self._last = self._before = np.tile(np.asarray(command, np.float64), (HISTORY, 1))

    def take_back(self) -> None:
        """Forget the last command, which was not sent: the next one follows the one before."""
        self._last = self._before

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
        asked = np.asarray(wanted, np.float64)
        finite, last = known(self._bounds, asked, self._last)
        left = self._bounds.left(last)
        self._before, self._last = self._last, after(self._bounds, finite, last, left)
        command = self._last[0].astype(np.float32)
        if np.array_equal(command, wanted):  # not moved: where limits conflict it was the best
            return Limited(command)
        names = broken(self._bounds, finite, left)
        if finite is not asked:
            names = ("finite", *names)
        if is_counted:
            for name in names:
                self.counts[name] = self.counts.get(name, 0) + 1
        return Limited(command, names)
