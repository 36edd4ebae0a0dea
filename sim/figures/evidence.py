"""What the suite's side runs say: how much data is enough, and what a disturbed task does.

Each is a run of its own beside the suite's. They are compared with the policy alone on the same
seeds; the suite's own rows give the point where the critic had all the data.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.evaluation.cells import Cell
from sim.evaluation.gains import paired_cells
from sim.evaluation.outcomes import by_cell, successes
from sim.evaluation.row import Row
from sim.figures.means import main_count, mean_over, only
from sim.stats import (
    Estimate,
    MeanGain,
    PairedDifference,
    mean_difference,
    paired_difference,
    success_rate,
)

__all__ = ["DataPoint", "DisturbedCell", "data_curve", "disturbed_cells"]

_FEWEST = 2
"""Seeds of both that a change is told from."""


@dataclass(frozen=True, slots=True)
class DataPoint:
    """What critics gain that have learnt from so much data.

    Attributes:
        amount: Episodes, or in words which.
        mean: Steered minus alone over the cells.
        cells: The same of each cell, by name.
    """

    amount: str
    mean: MeanGain
    cells: Mapping[str, PairedDifference]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisturbedCell:
    """One cell in a world that the critic has not seen.

    Attributes:
        name: `policy/task~disturbance`, or `policy/task` where nothing is disturbed.
        alone: Success of the policy alone.
        steered: Steered minus alone.
        change: By how much that differs from the undisturbed cell's, on the seeds of both; None
            for that cell itself.
        argmax: The critic without the gate, minus alone; None where it did not run.
        override_rate: Share of the gate's decisions that were overrides.
    """

    name: str
    alone: Estimate
    steered: PairedDifference
    change: Estimate | None
    argmax: PairedDifference | None
    override_rate: float


def data_curve(runs: Mapping[str, Sequence[Row]]) -> tuple[DataPoint, ...]:
    """Return a point for each run, on the cells that all of them have.

    Args:
        runs: Rows with the arms alone and steered, by the amount of data of their critics, in the
            order of the amounts.
    """
    gains = {
        amount: paired_cells(rows, ("steered", main_count(rows))) for amount, rows in runs.items()
    }
    names = [{Cell(c.policy, c.task) for c in cells} for cells in gains.values()]
    shared = set.intersection(*names) if names else set[Cell]()
    points = []
    for amount, cells in gains.items():
        kept = only(cells, shared)
        mean = mean_over(kept)
        if mean is not None:
            each = {
                f"{c.policy}/{c.task}": paired_difference(
                    list(map(bool, c.first.values())), list(map(bool, c.second.values()))
                )
                for c in kept
            }
            points.append(DataPoint(amount, mean, each))
    return tuple(points)


def disturbed_cells(rows: Sequence[Row], calm: Sequence[Row]) -> tuple[DisturbedCell, ...]:
    """Return the disturbed cells, each after the same cell of the suite where nothing is disturbed.

    Args:
        rows: Of the disturbed tasks.
        calm: Of the suite.
    """
    origins = {(row.policy, row.task.partition("~")[0]) for row in rows}
    beside = [row for row in calm if (row.policy, row.task) in origins]
    count = main_count(rows)
    found = (*_cells(beside, count, {}), *_cells(rows, count, _gains(beside, count)))
    return tuple(sorted(found, key=lambda cell: cell.name))


def _gains(rows: Sequence[Row], count: int) -> dict[Cell, dict[int, float]]:
    """Return by cell what steering changed on each seed: -1, 0 or 1."""
    return {
        Cell(cell.policy, cell.task): {
            seed: float(cell.first[seed]) - float(cell.second[seed]) for seed in cell.first
        }
        for cell in paired_cells(rows, ("steered", count))
    }


def _change(gains: Mapping[int, float], calm: Mapping[int, float]) -> Estimate | None:
    seeds = sorted(gains.keys() & calm.keys())
    if len(seeds) < _FEWEST:
        return None
    ours, theirs = ([side[seed] for seed in seeds] for side in (gains, calm))
    return mean_difference(ours, theirs, rng=np.random.default_rng(0))


def _cells(
    rows: Sequence[Row], count: int, calm: Mapping[Cell, Mapping[int, float]]
) -> Iterator[DisturbedCell]:
    gains = _gains(rows, count)
    for cell, arms in by_cell(rows).items():
        alone = successes(arms.get(("alone", 1, "task"), {}))
        steered = arms.get(("steered", count, "task"), {})
        argmax = successes(arms.get(("argmax", count, "task"), {}))
        gap = _gap(successes(steered), alone)
        if gap is None:
            continue
        overrides = sum(row.overrides for row in steered.values())
        decisions = sum(len(row.indices) for row in steered.values())
        origin = Cell(cell.policy, cell.task.partition("~")[0])
        yield DisturbedCell(
            name=cell.name,
            alone=success_rate(list(alone.values())),
            steered=gap,
            change=_change(gains[cell], calm.get(origin, {})),
            argmax=_gap(argmax, alone),
            override_rate=overrides / max(decisions, 1),
        )


def _gap(arm: Mapping[int, bool], base: Mapping[int, bool]) -> PairedDifference | None:
    seeds = sorted(arm.keys() & base.keys())
    return paired_difference([arm[s] for s in seeds], [base[s] for s in seeds]) if seeds else None
