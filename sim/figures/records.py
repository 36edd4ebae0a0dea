"""Figures as the records that are published; design section 9 has their form."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from sim.figures.cells import CellFigures
from sim.figures.evidence import DataPoint, DisturbedCell
from sim.figures.suite import SuiteFigures
from sim.origin import Origin
from sim.stats import MeanGain

__all__ = ["records_of", "records_of_data", "records_of_disturbed", "records_of_suite"]

_SUCCESS, _ALONE = "success", "policy alone, paired by seed"
_FILTERED_ALONE = "filtered policy alone, paired by seed"
# Metrics of the demo by arm, and by (arm, the arm it is compared with).
_RATES = {"alone": "alone", "steered": "steered", "filtered": "filtered"}
_GAINS = {
    "gain": ("steered", "alone", _ALONE),
    "random_gain": ("random", "alone", _ALONE),
    "filtered_gain": ("filtered-steered", "filtered", _FILTERED_ALONE),
    "steered_over_filtered": ("steered", "filtered", _FILTERED_ALONE),
}
_CONTROLS = ("random", "medoid", "argmax", "worst", "filtered", "null")


class _Figure(Protocol):
    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def n(self) -> int: ...


@dataclass(frozen=True, slots=True)
class _Records:
    """Records of one origin, as they are collected."""

    origin: Origin
    found: list[dict[str, Any]] = field(default_factory=list)

    def add(self, metric: str, figure: _Figure, *, unit: str = _SUCCESS, against: str = "") -> None:
        numbers: dict[str, Any] = {
            "value": round(figure.value, 4),
            "low": _finite(figure.low),
            "high": _finite(figure.high),
            "n": figure.n,
        }
        self._append(metric, numbers, unit, against)

    def add_number(self, metric: str, value: float, unit: str) -> None:
        numbers = {"value": round(value, 3), "low": None, "high": None, "n": 1}
        self._append(metric, numbers, unit, "")

    def add_mean(self, metric: str, gain: MeanGain | None, against: str = _ALONE) -> None:
        if gain is not None:
            self.add(metric, gain.fixed, against=against)

    def _append(self, metric: str, numbers: Mapping[str, Any], unit: str, against: str) -> None:
        origin = asdict(self.origin)
        self.found.append({"metric": metric, **numbers, "unit": unit, "against": against, **origin})


def records_of(
    cells: Sequence[CellFigures], *, origin: Origin, extra: Mapping[str, tuple[float, str]]
) -> list[dict[str, Any]]:
    """Return the records of the demo.

    Args:
        cells: Of one policy on all tasks.
        origin: What measured them.
        extra: Further values with their unit, by metric.
    """
    records = _Records(origin)
    for cell in cells:
        for (arm, _), rate in cell.rates.items():
            if arm in _RATES:
                records.add(f"{_RATES[arm]}/{cell.task}", rate)
        gaps = {(item.arm, item.base): item.gap for item in cell.differences}
        for name, (arm, base, against) in _GAINS.items():
            if (arm, base) in gaps:
                records.add(f"{name}/{cell.task}", gaps[arm, base], against=against)
    for metric, (value, unit) in extra.items():
        records.add_number(metric, value, unit)
    return records.found


def records_of_suite(figures: SuiteFigures, *, origin: Origin) -> list[dict[str, Any]]:
    """Return the records of `results/suite.json`; what did not run has none.

    Args:
        figures: Of the whole run.
        origin: What measured it.
    """
    records = _Records(origin)
    for cell in figures.cells:
        parts = {"alone": cell.alone, "steered": cell.steered}
        for name, rate in parts.items():
            if rate is not None:
                records.add(f"cell/{cell.name}/{name}", rate)
        if cell.gain is not None:
            records.add(f"cell/{cell.name}/gain", cell.gain.gap, against=_ALONE)
    if figures.compared:
        unit = f"of {len(figures.compared)} cells, worse after Holm's correction"
        records.add_number("cells_worse", len(figures.worse), unit)
    _add_means(records, figures)
    _add_oracle(records, figures)
    if figures.override_totals is not None:
        records.add("override_rate", figures.override_totals.rate, unit="share of decisions")
        if figures.override_totals.wins is not None:
            unit = "share of the episodes with an override whose outcome changed"
            records.add("override_win_rate", figures.override_totals.wins, unit=unit)
    for limit in figures.limits:
        name = f"limit/{limit.policy}/{limit.task}"
        records.add(f"{name}/alone", limit.alone)
        records.add(f"{name}/gain", limit.package, against=_ALONE)
    checks = figures.checks
    if checks.replay is not None:
        records.add("sequential_saving", checks.replay.saved_of_orders, unit="share of pairs")
    if checks.null is not None:
        unit = "share of resamplings with any difference found"
        records.add("null_false_positive", checks.null.any_cell, unit=unit)
        unit = f"of {checks.null_cells} cells that differ after Holm's correction"
        records.add_number("null_cells", checks.null_found, unit)
    if checks.replay_null is not None:
        unit = "share of cells called better or worse, the arms' names swapped at random"
        records.add("sequential_false_positive", checks.replay_null.each_cell, unit=unit)
    return records.found


def records_of_data(point: DataPoint, *, origin: Origin) -> list[dict[str, Any]]:
    """Return the records of one amount of data; `origin` measured that amount."""
    records = _Records(origin)
    records.add_mean(f"data_gain/{point.amount}", point.mean)
    for name, gap in point.cells.items():
        records.add(f"data_gain/{point.amount}/{name}", gap, against=_ALONE)
    return records.found


def records_of_disturbed(cells: Sequence[DisturbedCell], *, origin: Origin) -> list[dict[str, Any]]:
    """Return the records of disturbed cells."""
    records = _Records(origin)
    for cell in cells:
        records.add(f"disturbed/{cell.name}/alone", cell.alone)
        records.add(f"disturbed/{cell.name}/gain", cell.steered, against=_ALONE)
        if cell.change is not None:
            against = "gain where nothing is disturbed, paired by seed"
            records.add(f"disturbed/{cell.name}/change", cell.change, against=against)
    return records.found


def _add_means(records: _Records, figures: SuiteFigures) -> None:
    records.add_mean("mean_gain", figures.mean)
    if figures.mean is not None:
        against = f"{_ALONE}; interval for other tasks"
        records.add("mean_gain/other_tasks", figures.mean.random, against=against)
    records.add_mean("mean_gain/all_cells", figures.mean_of_all)
    for item in figures.policies:
        where = f"{_ALONE}; all {item.num_cells} cells"
        records.add_mean(f"mean_gain/policy/{item.policy}", item.every, where)
    for arm in _CONTROLS:
        control = figures.control(arm)
        if control is None:
            continue
        where = f"{_ALONE}; {control.num_cells} cells"
        records.add_mean(f"mean_gain/{arm}", control.gain, where)
        same = f"{where}, those of {arm}"
        records.add_mean(f"mean_gain/steered_where_{arm}", control.steered, same)
    filtered = figures.control("filtered")
    if filtered is not None:
        records.add_mean("mean_gain/steered_over_filtered", filtered.ahead, _FILTERED_ALONE)
    both = figures.control("filtered-steered")
    if both is not None:
        records.add_mean("mean_gain/filtered-steered", both.gain, _FILTERED_ALONE)
    if figures.sweep is not None:
        counts = [count for count, _ in figures.sweep.gains if count > 1]
        name = f"gain_n{counts[-1]}_minus_n{counts[0]}"
        against = f"steered with N = {counts[0]}, paired by seed; {len(figures.sweep.cells)} cells"
        records.add_mean(name, figures.sweep.last_to_first, against)
    for count, gain in figures.sweep.gains if figures.sweep else ():
        against = _ALONE if count > 1 else f"{_ALONE}: N = 1 is the policy alone, by construction"
        records.add_mean(f"sweep_gain/{count}", gain, against)


def _add_oracle(records: _Records, figures: SuiteFigures) -> None:
    oracle = figures.oracle
    if oracle is None:
        return
    where = f"{_ALONE}; {oracle.num_cells} cells, N = {oracle.num_candidates}"
    records.add_mean("mean_gain/oracle", oracle.gain, where)
    same = f"{where}, those of the oracle, and its seeds"
    records.add_mean("mean_gain/steered_where_oracle", oracle.steered, same)
    if oracle.share is not None:
        against = f"gain of the oracle with N = {oracle.num_candidates}, the same cells and seeds"
        records.add("oracle_share", oracle.share, unit="share", against=against)
    if oracle.regret is not None:
        records.add(
            "selection_regret",
            oracle.regret.chosen,
            unit="ticks",
            against="the best of the N candidates, in the states that the oracle reached",
        )


def _finite(number: float) -> float | None:
    return round(number, 4) if math.isfinite(number) else None
