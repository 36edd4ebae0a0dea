"""When a reading is an alarm: above a threshold for long enough; and the control, blind chance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from steer.errors import InvalidInputError

__all__ = ["Alarm", "RandomTrigger", "Threshold", "largest_in_a_row"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Where an alarm begins and ends.

    Attributes:
        high: It begins above it.
        low: It ends at or below it, at most `high`.
        in_a_row: So many readings in a row above `high` begin it, >= 1.
        cooldown_ticks: So many actions after its end none begins, >= 0.

    Raises:
        InvalidInputError: They are no such numbers.
    """

    high: float
    low: float
    in_a_row: int = 1
    cooldown_ticks: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.high) and math.isfinite(self.low) and self.low <= self.high):
            got = f"{self.low} and {self.high}"
            raise InvalidInputError.expected("threshold", "finite, low <= high", got)
        if self.in_a_row < 1:
            raise InvalidInputError.expected("threshold.in_a_row", ">= 1", self.in_a_row)
        if self.cooldown_ticks < 0:
            ticks = self.cooldown_ticks
            raise InvalidInputError.expected("threshold.cooldown_ticks", ">= 0", ticks)

    def to_tree(self) -> dict[str, float]:
        """Return plain numbers, for JSON."""
        return asdict(self)

    @classmethod
    def from_tree(cls, tree: Mapping[str, float]) -> "Threshold":
        """Read what `to_tree` made.

        Raises:
            InvalidInputError: It is none.
        """
        names = {item.name for item in fields(cls)}
        if set(tree) != names or not all(isinstance(item, (int, float)) for item in tree.values()):
            contract = "numbers " + ", ".join(sorted(names))
            raise InvalidInputError.expected("threshold", contract, dict(tree))
        return cls(
            high=float(tree["high"]),
            low=float(tree["low"]),
            in_a_row=int(tree["in_a_row"]),
            cooldown_ticks=int(tree["cooldown_ticks"]),
        )


class Alarm:
    """Whether a monitor alarms, reading by reading, within one epoch.

    What could not be read changes nothing: neither begins an alarm nor ends one.

    Args:
        threshold: Of the monitor.

    Attributes:
        is_on: Whether it alarms.
    """

    def __init__(self, threshold: Threshold) -> None:
        self._threshold = threshold
        self._above = self._quiet_until = 0
        self.is_on = False

    def update(self, reading: float | None, *, tick: int) -> bool:
        """Take a reading; return whether it alarms.

        Args:
            reading: Of the monitor; None for none.
            tick: Actions of the epoch that have been consumed.
        """
        limits = self._threshold
        if reading is None:
            return self.is_on
        self._above = self._above + 1 if reading > limits.high else 0
        if self.is_on:
            if reading <= limits.low:
                self.is_on, self._quiet_until = False, tick + limits.cooldown_ticks
        elif self._above >= limits.in_a_row and tick >= self._quiet_until:
            self.is_on = True
        return self.is_on


class RandomTrigger:
    """The control of every monitor: alarms by chance, as often, and knows nothing.

    What a robot gains from alarms of a monitor and not from these, it gains from the monitor.

    Args:
        rate: Chance of each reading that an alarm begins, in [0, 1].
        seed: Of the chance.
        cooldown_ticks: As for `Threshold`. An alarm lasts one reading.

    Raises:
        InvalidInputError: The rate is none.
    """

    def __init__(self, rate: float, *, seed: int, cooldown_ticks: int = 0) -> None:
        if not 0 <= rate <= 1:
            raise InvalidInputError.expected("rate", "a share in [0, 1]", rate)
        self._rate, self._cooldown_ticks = rate, cooldown_ticks
        self._rng = np.random.default_rng(seed)
        self._quiet_until = 0

    def begin(self) -> None:
        """Begin an epoch: its ticks count from 0."""
        self._quiet_until = 0

    def update(self, *, tick: int) -> bool:
        """Return whether it alarms at this reading; `tick` as for `Alarm`."""
        is_drawn = bool(self._rng.random() < self._rate)  # drawn always, so that seeds stay paired
        if not is_drawn or tick < self._quiet_until:
            return False
        self._quiet_until = tick + 1 + self._cooldown_ticks
        return True


def largest_in_a_row(readings: Sequence[float | None], in_a_row: int = 1) -> float:
    """Return the largest number that so many readings in a row exceed or reach.

    An alarm begins in an episode if and only if this is above its threshold. Minus infinity where
    there are not so many readings; those of None are left out, as `Alarm` does.
    """
    found = [item for item in readings if item is not None]
    rows = [found[end - in_a_row : end] for end in range(in_a_row, len(found) + 1)]
    return max((min(row) for row in rows), default=-math.inf)
