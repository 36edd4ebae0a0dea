"""What the suite's side runs say: how much data is enough, and what a disturbed task does.

Each is a run of its own beside the suite's. They are compared with the policy alone on the same
seeds; the suite's own rows give the point where the critic had all the data.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sim.evaluation.cells import Cell
from sim.evaluation.gains import paired_cells
from sim.evaluation.outcomes import by_cell, successes
from sim.evaluation.row import Row
from sim.figures.means import main_count, mean_over, only
from sim.stats import Estimate, MeanGain, PairedDifference, paired_difference, success_rate

__all__ = ["DataPoint", "DisturbedCell", "data_curve", "disturbed_cells"]


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
        argmax: The critic without the gate, minus alone; None where it did not run.
        override_rate: Share of the gate's decisions that were overrides.
    """

    name: str
    alone: Estimate
    steered: PairedDifference
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
    found = (*_cells(beside, count), *_cells(rows, count))
    return tuple(sorted(found, key=lambda cell: cell.name))


def _cells(rows: Sequence[Row], count: int) -> Iterator[DisturbedCell]:
    for cell, arms in by_cell(rows).items():
        alone = successes(arms.get(("alone", 1, "task"), {}))
        steered = arms.get(("steered", count, "task"), {})
        argmax = successes(arms.get(("argmax", count, "task"), {}))
        gap = _gap(successes(steered), alone)
        if gap is None:
            continue
        overrides = sum(row.overrides for row in steered.values())
        yield DisturbedCell(
            name=cell.name,
            alone=success_rate(list(alone.values())),
            steered=gap,
            argmax=_gap(argmax, alone),
            override_rate=overrides / sum(len(row.indices) for row in steered.values()),
        )


def _gap(arm: Mapping[int, bool], base: Mapping[int, bool]) -> PairedDifference | None:
    seeds = sorted(arm.keys() & base.keys())
    return paired_difference([arm[s] for s in seeds], [base[s] for s in seeds]) if seeds else None
