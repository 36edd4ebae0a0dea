"""What the rows say of each cell: success of every arm, paired differences, and whether it counts.

Knows no page and no records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.evaluation.cells import Cell
from sim.evaluation.gains import paired_cells
from sim.evaluation.outcomes import Arms, by_cell, successes
from sim.evaluation.row import Row
from sim.figures.means import main_count
from sim.stats import (
    Estimate,
    PairedDifference,
    holm,
    mcnemar,
    paired_difference,
    success_rate,
)
from sim.tasks import TASKS

__all__ = [
    "ALPHA",
    "COUNTING",
    "CellFigures",
    "Difference",
    "LimitFigures",
    "cells_of_rows",
    "limits_of",
]

COUNTING = (0.05, 0.90)
"""Success alone of the cells that count in the means: elsewhere there is nothing to win or lose."""
ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One arm minus another, on the same seeds of a cell.

    Attributes:
        arm: The one.
        num_candidates: Its N.
        base: The other.
        gap: Their difference.
        adjusted: Its p-value after Holm's correction over the cells with these two arms.
    """

    arm: str
    num_candidates: int
    base: str
    gap: PairedDifference
    adjusted: float

    @property
    def is_better(self) -> bool:
        """Whether the one is better, after the correction."""
        return self.adjusted <= ALPHA and self.gap.value > 0

    @property
    def is_worse(self) -> bool:
        """Whether the one is worse, after the correction."""
        return self.adjusted <= ALPHA and self.gap.value < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFigures:
    """All figures of one policy on one task, under our step limit.

    Attributes:
        policy: Name of the policy.
        task: Name of the task.
        package: Where the task comes from.
        rates: Success by arm and N.
        differences: Between arms, the main one first.
        gain: The main one: steered minus alone; None where it did not run.
    """

    policy: str
    task: str
    package: str
    rates: Mapping[tuple[str, int], Estimate]
    differences: tuple[Difference, ...]
    gain: Difference | None

    @property
    def name(self) -> str:
        """As it is written on command lines, `policy/task`."""
        return f"{self.policy}/{self.task}"

    @property
    def alone(self) -> Estimate | None:
        """Success of the policy alone."""
        return self.rates.get(("alone", 1))

    @property
    def steered(self) -> Estimate | None:
        """Success of the arm steered."""
        return self.rates.get((self.gain.arm, self.gain.num_candidates)) if self.gain else None

    @property
    def is_counting(self) -> bool:
        """Whether the policy alone is neither hopeless nor nearly perfect."""
        return self.alone is not None and COUNTING[0] <= self.alone.value <= COUNTING[1]

    def could_be_worse(self, num_cells: int) -> bool:
        """Return whether losing every success of the policy alone would show among so many cells.

        Where the policy alone hardly succeeds, it would not, after Holm's correction.
        """
        if self.alone is None:
            return False
        p_value = mcnemar(0, round(self.alone.value * self.alone.n))
        return bool(p_value * num_cells <= ALPHA)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFigures:
    """Steered minus alone in a cell under our step limit and under the package's own."""

    policy: str
    task: str
    alone: Estimate
    ours: PairedDifference | None
    package: PairedDifference


def cells_of_rows(rows: Sequence[Row]) -> tuple[CellFigures, ...]:
    """Return the figures of every cell, by package, policy and task."""
    count, grouped = main_count(rows), by_cell(rows)
    found = _differences(rows, grouped, count)
    cells = []
    for cell, arms in grouped.items():
        rates = {
            key[:2]: success_rate(list(successes(arms[key]).values()))
            for key in arms
            if key[2] == "task"
        }
        mine = tuple(item for name, item in found if name == (cell.policy, cell.task))
        gains = [
            d for d in mine if (d.arm, d.num_candidates, d.base) == ("steered", count, "alone")
        ]
        cells.append(
            CellFigures(
                policy=cell.policy,
                task=cell.task,
                package=TASKS[cell.task].package if cell.task in TASKS else "other",
                rates=rates,
                differences=mine,
                gain=gains[0] if gains else None,
            )
        )
    return tuple(sorted(cells, key=lambda cell: (cell.package, cell.policy, cell.task)))


def limits_of(rows: Sequence[Row]) -> tuple[LimitFigures, ...]:
    """Return the cells that ran to the package's own step limit, beside ours."""
    count = main_count(rows)
    ours = {cell.key: cell for cell in paired_cells(rows, ("steered", count))}
    found = []
    for cell in paired_cells(rows, ("steered", count), limit="package"):
        same = ours.get(cell.key)
        found.append(
            LimitFigures(
                policy=cell.policy,
                task=cell.task,
                alone=success_rate([bool(value) for value in cell.second.values()]),
                ours=_gap(same.first, same.second) if same else None,
                package=_gap(cell.first, cell.second),
            )
        )
    return tuple(found)


def _differences(
    rows: Sequence[Row], grouped: Mapping[Cell, Arms], count: int
) -> list[tuple[tuple[str, str], Difference]]:
    """Return the differences by the cell's policy and task; a family is two arms over all cells."""
    known = {key[:2] for arms in grouped.values() for key in arms if key[2] == "task"}
    arms = sorted(known, key=lambda key: (key != ("steered", count), key))
    pairs = [(arm, "filtered" if arm[0] == "filtered-steered" else "alone") for arm in arms]
    pairs += [(arm, "filtered") for arm in arms if arm == ("steered", count)]
    found = []
    for (arm, number), base in pairs:
        if arm == base:
            continue
        cells = paired_cells(rows, (arm, number), (base, 1))
        gaps = [_gap(cell.first, cell.second) for cell in cells]
        adjusted = holm([gap.p_value for gap in gaps])
        found += [
            (
                (cell.policy, cell.task),
                Difference(
                    arm=arm, num_candidates=number, base=base, gap=gap, adjusted=float(value)
                ),
            )
            for cell, gap, value in zip(cells, gaps, adjusted, strict=True)
        ]
    return found


def _gap(first: Mapping[int, float], second: Mapping[int, float]) -> PairedDifference:
    seeds = sorted(first)
    return paired_difference([bool(first[s]) for s in seeds], [bool(second[s]) for s in seeds])
