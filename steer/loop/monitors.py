"""Monitors of a policy and its critic, decision by decision: readings, and alarms where wanted.

Shapes: `N` candidates, `H` horizon, `A` action, `K` critics.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steer.errors import InvalidInputError
from steer.loop.alarm import Alarm
from steer.loop.signals import departure, ensemble_spread, sample_variance, stac, state_value
from steer.loop.thresholds import Signals, Thresholds
from steer.types import Decision, Provenance

__all__ = ["Monitors", "Reading"]

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the monitors say of one decision.

    Attributes:
        signals: Without any threshold.
        readings: By monitor; None for what could not be read.
        alarms: Names of the monitors that alarm, in the order of `MONITORS`.
    """

    signals: Signals
    readings: Mapping[str, float | None]
    alarms: tuple[str, ...] = ()

    @property
    def alarm(self) -> str:
        """All alarms in words, for `Chunk.alarm`; empty for none."""
        return ", ".join(self.alarms)


@dataclass(frozen=True, slots=True, eq=False)
class _Before:
    """The decision before, as far as the next one is compared with it."""

    drawn_NHA: NDArray[np.float32]
    chosen_HA: NDArray[np.float32]
    tick: int


class Monitors:
    """Reads every decision of a robot; costs no draw and no call.

    Nothing that a decision holds or lacks raises: a reading that cannot be made is None and is
    counted. Only the policy's own draws are read: what was made from them, or under other words,
    says nothing of what the policy would do next. What ran since the decision before is taken to be
    its chunk, also where candidates were judged again in between.

    Args:
        scale: One unit of each action, [A]; `steer.loop.signals.scale_of` has it for most robots.
        thresholds: Fitted in the same scale; without them nothing alarms.

    Attributes:
        counts: How often what could not be read. That there is nothing before the first decision
            of an epoch to compare it with is no fault, and not counted.

    Raises:
        InvalidInputError: The thresholds are of another scale.
    """

    def __init__(self, scale: ArrayLike, thresholds: Thresholds | None = None) -> None:
        self._scale_A = np.asarray(scale, np.float64)
        if thresholds is not None and not np.array_equal(thresholds.scale, self._scale_A):
            contract = f"those of scale {list(thresholds.scale)}"
            raise InvalidInputError.expected("monitors", contract, self._scale_A.tolist())
        self._thresholds = thresholds
        self._expected = None if thresholds is None else thresholds.expected
        self.counts: Counter[str] = Counter()
        self._epoch: int | None = None
        self._begin()

    def update(self, decision: Decision, *, consumed: int, epoch: int, frozen: int = 0) -> Reading:
        """Take the newest decision; another epoch than the last one's begins anew.

        Args:
            decision: With its candidates.
            consumed: Actions of the epoch that had been consumed at its observation.
            epoch: Of the robot.
            frozen: First rows of the candidates that what runs has filled: no draw is in them.
        """
        if epoch != self._epoch:
            self._epoch = epoch
            self._begin()
        signals = self._signals(decision, consumed, frozen)
        readings = signals.readings(self._expected)
        alarms = tuple(
            name
            for name, alarm in self._alarms.items()
            if alarm.update(readings[name], tick=consumed)
        )
        return Reading(signals, readings, alarms)

    def _begin(self) -> None:
        self._before: _Before | None = None
        limits = {} if self._thresholds is None else self._thresholds.limits
        self._alarms = {name: Alarm(item) for name, item in limits.items()}

    def _signals(self, decision: Decision, tick: int, frozen: int) -> Signals:
        before, self._before = self._before, None
        drawn_NHA = self._read("candidates", lambda: _drawn(decision, frozen))
        spread = self._read(
            "ensemble_spread", lambda: ensemble_spread(decision.values, decision.index)
        )
        value = self._read("value", lambda: state_value(_own_values(decision)))
        if drawn_NHA is None:
            return Signals(tick=tick, value=value, ensemble_spread=spread)
        scale_A, drawn = self._scale_A, drawn_NHA
        rows = max(1, decision.commit_horizon)
        variance = self._read(
            "sample_variance", lambda: sample_variance(drawn[:, :rows], scale_A=scale_A)
        )
        found: list[float | None] = [None, None]
        if before is not None:
            past, shift = before, tick + frozen - before.tick
            found = [
                self._read(
                    "stac", lambda: stac(past.drawn_NHA, drawn, shift=shift, scale_A=scale_A)
                ),
                self._read(
                    "departure",
                    lambda: departure(past.chosen_HA, drawn, shift=shift, scale_A=scale_A),
                ),
            ]
        self._before = _Before(drawn, decision.chunk[frozen:], tick + frozen)
        return Signals(
            tick=tick,
            value=value,
            stac=found[0],
            departure=found[1],
            sample_variance=variance,
            ensemble_spread=spread,
        )

    def _read(self, name: str, call: Callable[[], _T]) -> _T | None:
        try:
            return call()
        except InvalidInputError as error:
            self.counts[name] += 1
            count = self.counts[name]
            if count & (count - 1) == 0:  # 1, 2, 4, 8, …: a fault of every decision is one fault
                logger.warning("monitor %s not read: %s (%d times)", name, error, count)
            return None


def _drawn(decision: Decision, frozen: int) -> NDArray[np.float32]:
    """Return what the policy drew, rows that are frozen left out, [N, H, A].

    Raises:
        InvalidInputError: There is none.
    """
    found = decision.candidates
    if found is None:
        raise InvalidInputError.expected("candidates", "a decision with all of them", "none")
    if frozen >= found.actions.shape[1]:
        contract = f"more than {frozen} rows, as many as are frozen"
        raise InvalidInputError.expected("candidates", contract, found.actions.shape[1])
    return found.actions[_is_own(found.provenance), frozen:]


def _own_values(decision: Decision) -> NDArray[np.float32]:
    """Return the values of the policy's own draws, [K, N].

    Raises:
        InvalidInputError: Values and candidates do not fit.
    """
    values, kinds = decision.values, decision.provenance
    if decision.candidates is not None:
        kinds = decision.candidates.provenance
    if values.ndim != 2 or values.shape[1] != len(kinds):
        contract = f"shape [K, {len(kinds)}]"
        raise InvalidInputError.expected("values", contract, list(values.shape))
    return values[:, _is_own(kinds)]


def _is_own(kinds: Sequence[Provenance]) -> NDArray[np.bool_]:
    return np.array([kind is Provenance.POLICY for kind in kinds], np.bool_)
