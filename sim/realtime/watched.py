"""How well monitors tell failing from succeeding episodes: figures from the rows of a bench.

Thresholds are fitted on the successes of the first half of each cell's seeds; every figure is of
the second half. Two controls stand beside the monitors: a clock, which knows nothing but how long
an episode has lasted, and chance, which alarms as often as the monitor.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.realtime.row import Row
from sim.stats import Estimate, Group, discrimination, success_rate
from steer.errors import InvalidInputError
from steer.loop.alarm import Alarm, RandomTrigger, Threshold
from steer.loop.thresholds import MONITORS, Signals, Thresholds, conformal, fit_thresholds

__all__ = [
    "CLOCK",
    "Alarms",
    "Chance",
    "Episode",
    "MonitorFigures",
    "Rule",
    "Watched",
    "watched",
]

CLOCK = "clock"
"""The control that alarms in any episode that lasts longer than nearly all successes."""
_DRAWS = 200
"""Of the chance control."""
_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How readings become alarms.

    Attributes:
        alpha: Share of successful episodes in which a monitor may alarm.
        in_a_row: As for `Threshold`.
        cooldown_ticks: As for `Threshold`.
    """

    alpha: float
    in_a_row: int = 1
    cooldown_ticks: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """One episode as monitors saw it.

    Attributes:
        is_success: How it ended.
        signals: Decision by decision.
    """

    is_success: bool
    signals: Sequence[Signals]

    def readings(self, thresholds: Thresholds) -> dict[str, list[float | None]]:
        """Return the readings of all monitors and of the clock."""
        read = [item.readings(thresholds.expected) for item in self.signals]
        found = {name: [item[name] for item in read] for name in MONITORS}
        return {**found, CLOCK: [float(item.tick) for item in self.signals]}


@dataclass(frozen=True, slots=True)
class Alarms:
    """How often something alarmed.

    Attributes:
        detection: Share of failing episodes with an alarm.
        false_alarm: Share of succeeding episodes with one.
        tick: Of the first alarm of a failing episode, on average; None where none had one.
    """

    detection: Estimate
    false_alarm: Estimate
    tick: float | None


@dataclass(frozen=True, slots=True)
class Chance:
    """How often chance alarms that begins as many alarms a reading as a monitor does.

    Attributes:
        rate: Chance of each reading without an alarm so far.
        detection: Share of failing episodes with an alarm, over many draws.
        false_alarm: Share of succeeding episodes with one.
        tick: Of the first alarm of a failing episode, on average; None where none had one.
    """

    rate: float
    detection: float
    false_alarm: float
    tick: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorFigures:
    """Of one monitor.

    Attributes:
        name: Of the monitor, or of the control.
        auc: Of the largest reading so far, mean over cells; `sim.stats.Discrimination` says why.
        auc_early: Of the largest reading so far at one tick of each cell.
        auc_whole: Of the largest reading of whole episodes: beside the clock's it shows what
            length alone does.
        by_cell: `auc` of each cell.
        alarms: Of its threshold.
        chance: Of alarms at random, at the same rate.
    """

    name: str
    auc: Estimate
    auc_early: Estimate
    auc_whole: Estimate
    by_cell: Mapping[str, Estimate]
    alarms: Alarms
    chance: Chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What was found.

    Attributes:
        monitors: Figures of each, the clock last.
        thresholds: By cell.
        num_fitted: Successful episodes that they were fitted on, by cell.
        num_failing: Episodes of the figures that failed.
        num_succeeding: Likewise that succeeded.
    """

    monitors: Sequence[MonitorFigures]
    thresholds: Mapping[str, Thresholds]
    num_fitted: Mapping[str, int]
    num_failing: int
    num_succeeding: int


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """The second half of a cell, with the thresholds of its first."""

    episodes: Sequence[Episode]
    thresholds: Thresholds
    limits: Mapping[str, Threshold]
    num_fitted: int


def watched(rows: Iterable[Row], *, scales: Mapping[str, Sequence[float]], rule: Rule) -> Watched:
    """Return the figures of all monitors.

    Args:
        rows: Of one method without delay, each seed of a cell once.
        scales: By cell, that the signals were read in.
        rule: How readings become alarms.

    Raises:
        InvalidInputError: A cell has too few successes in its first half, or not both kinds of
            episodes in its second.
    """
    by_cell: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_cell[row.cell].append(row)
    cells = {name: _cell(name, found, scales[name], rule) for name, found in by_cell.items()}
    every = [item for cell in cells.values() for item in cell.episodes]
    failing = sum(not item.is_success for item in every)
    return Watched(
        monitors=[_figures(name, cells) for name in (*MONITORS, CLOCK)],
        thresholds={name: cell.thresholds for name, cell in cells.items()},
        num_fitted={name: cell.num_fitted for name, cell in cells.items()},
        num_failing=failing,
        num_succeeding=len(every) - failing,
    )


def _cell(name: str, rows: Sequence[Row], scale: Sequence[float], rule: Rule) -> _Cell:
    ordered = sorted(rows, key=lambda row: row.seed)
    if len({row.seed for row in ordered}) < len(ordered):
        raise InvalidInputError.expected(f"rows of {name}", "each seed once", "one twice")
    episodes = [Episode(row.is_success, row.read()) for row in ordered]
    half = len(episodes) // 2
    fitted = [item.signals for item in episodes[:half] if item.is_success]
    thresholds = fit_thresholds(
        fitted,
        scale=scale,
        alpha=rule.alpha,
        in_a_row=rule.in_a_row,
        cooldown_ticks=rule.cooldown_ticks,
    )
    last = conformal([float(item[-1].tick) for item in fitted], alpha=rule.alpha)
    limits = {**thresholds.limits, CLOCK: Threshold(high=last, low=last)}
    return _Cell(episodes[half:], thresholds, limits, len(fitted))


def _figures(name: str, cells: Mapping[str, _Cell]) -> MonitorFigures:
    groups = {cell: _group(name, item) for cell, item in cells.items()}
    rng = np.random.default_rng(_SEED)
    areas = discrimination(list(groups.values()), rng=rng)
    by_cell = {
        cell: discrimination([group], rng=np.random.default_rng(_SEED)).so_far
        for cell, group in groups.items()
    }
    found = [(item, _first(item, cell, name)) for cell in cells.values() for item in cell.episodes]
    return MonitorFigures(
        name=name,
        auc=areas.so_far,
        auc_early=areas.early,
        auc_whole=areas.whole,
        by_cell=by_cell,
        alarms=_alarms(found),
        chance=_by_chance(found),
    )


def _group(name: str, cell: _Cell) -> Group:
    courses: dict[bool, list[list[tuple[int, float | None]]]] = {True: [], False: []}
    for episode in cell.episodes:
        ticks = [item.tick for item in episode.signals]
        readings = episode.readings(cell.thresholds)[name]
        courses[episode.is_success].append(list(zip(ticks, readings, strict=True)))
    return Group(failing=courses[False], succeeding=courses[True])


def _first(episode: Episode, cell: _Cell, name: str) -> int | None:
    """Return which reading of an episode is the first to alarm; None for none."""
    alarm, readings = Alarm(cell.limits[name]), episode.readings(cell.thresholds)[name]
    return _first_of(lambda number, tick: alarm.update(readings[number], tick=tick), episode)


def _first_of(alarms: Callable[[int, int], bool], episode: Episode) -> int | None:
    return next(
        (number for number, item in enumerate(episode.signals) if alarms(number, item.tick)), None
    )


def _mean_tick(found: Sequence[tuple[Episode, int | None]]) -> float | None:
    """Return the mean tick of first alarms in failing episodes."""
    ticks = [
        item.signals[first].tick
        for item, first in found
        if first is not None and not item.is_success
    ]
    return float(np.mean(ticks)) if ticks else None


def _alarms(found: Sequence[tuple[Episode, int | None]]) -> Alarms:
    return Alarms(
        detection=success_rate([first is not None for item, first in found if not item.is_success]),
        false_alarm=success_rate([first is not None for item, first in found if item.is_success]),
        tick=_mean_tick(found),
    )


def _by_chance(found: Sequence[tuple[Episode, int | None]]) -> Chance:
    """Return the alarms of chance, which begins as many a reading as were begun here."""
    begun = sum(first is not None for _, first in found)
    at_risk = sum(len(item.signals) if first is None else first + 1 for item, first in found)
    rate = begun / max(1, at_risk)
    trigger, drawn = RandomTrigger(rate, seed=_SEED), []
    for episode, _ in list(found) * _DRAWS:
        trigger.begin()
        drawn.append((episode, _first_of(lambda _, tick: trigger.update(tick=tick), episode)))
    alarms = _alarms(drawn)
    return Chance(rate, alarms.detection.value, alarms.false_alarm.value, alarms.tick)
