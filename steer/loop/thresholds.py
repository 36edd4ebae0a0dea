"""Thresholds of monitors, fitted on episodes that succeeded alone: failures are not needed.

With `alpha`, a monitor alarms in at most that share of successful episodes like those it was fitted
on, on average over sets of them. Of several monitors each has its own share. The promise ends where
an alarm changes what the robot does.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from steer.errors import InvalidInputError
from steer.loop.alarm import Threshold, largest_in_a_row
from steer.loop.signals import value_progress

__all__ = ["MONITORS", "Curve", "Signals", "Thresholds", "conformal", "fit_thresholds"]

MONITORS = ("stac", "departure", "sample_variance", "ensemble_spread", "value_progress")
"""All monitors; `steer.loop.signals` has what they are."""

_LEAST_RUNNING = 3
"""Successful episodes that have to run for as long as a point of the expected values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What one decision told, without any threshold; None for what could not be read.

    Attributes:
        tick: Actions of the epoch that had been consumed before it.
        value: Of the state, in discounted return.
        stac: As `steer.loop.signals` says, and the others.
    """

    tick: int
    value: float | None = None
    stac: float | None = None
    departure: float | None = None
    sample_variance: float | None = None
    ensemble_spread: float | None = None

    def readings(self, expected: "Curve | None") -> dict[str, float | None]:
        """Return the readings of all `MONITORS`.

        Args:
            expected: Value of successful episodes; without it there is no `value_progress`.
        """
        progress = None
        if expected is not None and self.value is not None:
            progress = value_progress(self.value, expected(self.tick))
        return {
            "stac": self.stac,
            "departure": self.departure,
            "sample_variance": self.sample_variance,
            "ensemble_spread": self.ensemble_spread,
            "value_progress": progress,
        }


@dataclass(frozen=True, slots=True)
class Curve:
    """A number for each tick: straight between its points, constant before and after them.

    Attributes:
        ticks: Of the points, rising, at least one.
        values: There, finite.

    Raises:
        InvalidInputError: They are no such points.
    """

    ticks: tuple[int, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        is_rising = all(a < b for a, b in pairwise(self.ticks))
        is_one = len(self.ticks) == len(self.values) > 0
        if not is_one or not is_rising or not all(map(math.isfinite, self.values)):
            got = f"{len(self.ticks)} and {len(self.values)}"
            raise InvalidInputError.expected("curve", "a finite value for each rising tick", got)

    def __call__(self, tick: int) -> float:
        """Return the number of a tick."""
        return float(np.interp(tick, self.ticks, self.values))

    @classmethod
    def fitted(cls, episodes: Sequence[Sequence[Signals]]) -> "Curve":
        """Return the median value over the episodes that ran for so long, at each of their ticks.

        From where fewer than three run, it stays what it was.

        Raises:
            InvalidInputError: Fewer than three have a value.
        """
        known = [
            [(item.tick, item.value) for item in episode if item.value is not None]
            for episode in episodes
        ]
        curves = [sorted(dict(points).items()) for points in known if points]
        if len(curves) < _LEAST_RUNNING:
            contract = f"at least {_LEAST_RUNNING} episodes with values"
            raise InvalidInputError.expected("value_progress", contract, len(curves))
        points: dict[int, float] = {}
        for tick in sorted({tick for curve in curves for tick, _ in curve}):
            there = [
                float(np.interp(tick, [at for at, _ in curve], [value for _, value in curve]))
                for curve in curves
                if tick <= curve[-1][0]
            ]
            if len(there) < _LEAST_RUNNING:
                break
            points[tick] = statistics.median(there)
        return cls(tuple(points), tuple(points.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Of the monitors of one policy and critic on one robot and task.

    Attributes:
        scale: One unit of each action, [A], that the readings are in.
        limits: By name of a monitor; others do not alarm.
        expected: Value of successful episodes, for `value_progress`.

    Raises:
        InvalidInputError: A name is that of no monitor, or `value_progress` has no expectation.
    """

    scale: tuple[float, ...]
    limits: Mapping[str, Threshold]
    expected: Curve | None = None

    def __post_init__(self) -> None:
        for name in self.limits:
            if name not in MONITORS:
                contract = "one of " + ", ".join(MONITORS)
                raise InvalidInputError.expected("thresholds", contract, repr(name))
        if "value_progress" in self.limits and self.expected is None:
            raise InvalidInputError.expected("thresholds.expected", "a curve", None)

    def to_tree(self) -> dict[str, Any]:
        """Return plain lists and numbers, for JSON that knows `Infinity`."""
        curve = self.expected
        points = None if curve is None else [list(curve.ticks), list(curve.values)]
        limits = {name: item.to_tree() for name, item in self.limits.items()}
        return {"scale": list(self.scale), "limits": limits, "expected": points}

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any]) -> "Thresholds":
        """Read what `to_tree` made.

        Raises:
            InvalidInputError: It is none.
        """
        names = ("expected", "limits", "scale")
        if sorted(tree) != sorted(names):
            raise InvalidInputError.expected("thresholds", ", ".join(names), sorted(tree))
        points, limits = tree["expected"], tree["limits"]
        try:
            curve = None
            if points is not None:
                ticks, values = points
                curve = Curve(tuple(map(int, ticks)), tuple(map(float, values)))
            return cls(
                scale=tuple(map(float, tree["scale"])),
                limits={name: Threshold.from_tree(item) for name, item in limits.items()},
                expected=curve,
            )
        except (TypeError, ValueError, AttributeError) as error:
            contract = "what Thresholds.to_tree makes"
            raise InvalidInputError.expected("thresholds", contract, str(error)) from error


def conformal(scores: Sequence[float], *, alpha: float) -> float:
    """Return a threshold that one more score like these exceeds with a chance of `alpha` at most.

    The k-th smallest of n, k = ceil((n + 1) (1 - alpha)). Exact for any distribution, for nothing
    is asked of the scores but that their order tells nothing.

    Raises:
        InvalidInputError: `alpha` is no share, or there are too few scores for it.

    References:
        Papadopoulos et al., Inductive Confidence Machines for Regression, 2002; Vovk, Gammerman
        and Shafer, Algorithmic Learning in a Random World, 2005.
    """
    if not 0 < alpha < 1:
        raise InvalidInputError.expected("alpha", "a share in (0, 1)", alpha)
    rank = math.ceil((len(scores) + 1) * (1 - alpha) - 1e-9)
    if rank > len(scores):
        least = math.ceil((1 - alpha) / alpha - 1e-9)
        contract = f"at least {least} successful episodes for alpha = {alpha:g}"
        raise InvalidInputError.expected("thresholds", contract, len(scores))
    return sorted(scores)[rank - 1]


def fit_thresholds(
    episodes: Sequence[Sequence[Signals]],
    *,
    scale: Sequence[float],
    alpha: float,
    in_a_row: int = 1,
    cooldown_ticks: int = 0,
) -> Thresholds:
    """Return thresholds for all monitors from successful episodes.

    An episode counts with the largest number that `in_a_row` of its readings reach in a row, so
    that what is promised is promised of alarms and not of readings. An alarm ends at what half of
    the episodes reach. Each episode's `value_progress` is taken against the values of the others:
    against its own it would look better than a new one does.

    Args:
        episodes: Decision by decision; they succeeded, and nothing else chose them.
        scale: One unit of each action, [A], that the signals were read in.
        alpha: Share of successful episodes in which a monitor may alarm.
        in_a_row: As for `Threshold`.
        cooldown_ticks: As for `Threshold`.

    Raises:
        InvalidInputError: Too few episodes for `alpha`, or too few readings in them.

    References:
        Agia et al., arXiv 2410.04640, 2024. Differs: the largest reading so far in the place of the
        sum of an episode, so that the threshold does not depend on how long an episode lasts.
    """
    others = [[item for item in episodes if item is not own] for own in episodes]
    curves = [Curve.fitted(item) for item in others]
    limits = {}
    for name in MONITORS:
        found = [
            [item.readings(curve)[name] for item in episode]
            for episode, curve in zip(episodes, curves, strict=True)
        ]
        high = conformal([largest_in_a_row(item, in_a_row) for item in found], alpha=alpha)
        if not math.isfinite(high):
            contract = f"episodes with {in_a_row} readings in a row"
            raise InvalidInputError.expected(f"thresholds of {name}", contract, "too few")
        peaks = [largest_in_a_row(item) for item in found]
        low = statistics.median([item for item in peaks if math.isfinite(item)])
        limits[name] = Threshold(
            high=high, low=min(low, high), in_a_row=in_a_row, cooldown_ticks=cooldown_ticks
        )
    return Thresholds(scale=tuple(scale), limits=limits, expected=Curve.fitted(episodes))
