"""Means over cells: of steering, and of each control on the cells where it ran."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from sim import stats
from sim.evaluation.arms import ARMS
from sim.evaluation.cells import Cell
from sim.evaluation.gains import paired_cells
from sim.evaluation.row import Row
from sim.stats import MeanGain, mean_gain

__all__ = [
    "CONTROLS",
    "Control",
    "PolicyMean",
    "controls_of",
    "main_count",
    "mean_over",
    "only",
    "policy_means",
    "together",
]

CONTROLS = ("random", "medoid", "argmax", "worst", "null", "filtered", "filtered-steered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control on the cells where it ran, and steering on the same cells and seeds.

    Attributes:
        arm: Its name.
        base: What it is compared with.
        num_cells: Cells that count and where it ran.
        gain: Mean of the control minus its base.
        steered: Mean of steered minus alone on these cells; None where it did not run there.
        ahead: Mean of steered minus the control; None as above.
    """

    arm: str
    base: str
    num_cells: int
    gain: MeanGain
    steered: MeanGain | None
    ahead: MeanGain | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyMean:
    """Steering one kind of policy.

    Attributes:
        policy: Its name.
        num_counting: Its cells that count.
        counting: Mean gain over these; None where none counts.
        num_cells: All its cells.
        every: Mean gain over all of them.
    """

    policy: str
    num_counting: int
    counting: MeanGain | None
    num_cells: int
    every: MeanGain | None


def main_count(rows: Sequence[Row]) -> int:
    """Return the N that users get: the one with which the arm steered ran in most cells."""
    cells = {(row.num_candidates, row.policy, row.task) for row in rows if row.arm == "steered"}
    episodes = Counter(row.num_candidates for row in rows if row.arm == "steered")
    numbers = Counter(number for number, *_ in cells)
    if numbers:
        return max(numbers, key=lambda n: (numbers[n], episodes[n], n))
    return max((row.num_candidates for row in rows), default=1)


def only(cells: Sequence[stats.Cell], wanted: Collection[Cell]) -> list[stats.Cell]:
    """Return the paired cells that are among `wanted`."""
    return [cell for cell in cells if Cell(cell.policy, cell.task) in wanted]


def together(*lists: Sequence[stats.Cell]) -> list[list[stats.Cell]]:
    """Return of each list the cells that all lists have, on the seeds that a task's cells share.

    A run that is not complete has other seeds in every cell; means need the same. A task whose
    cells share no seed is left out.
    """
    tables = [{cell.key: cell for cell in cells} for cells in lists]
    keys = reduce(lambda some, more: some & more.keys(), tables, set(tables[0]))
    seeds: dict[str, set[int]] = {}
    for table in tables:
        for key in sorted(keys):
            task, first = key[0], table[key].first.keys()
            seeds[task] = seeds.get(task, set(first)) & first
    return [
        [_on(table[key], seeds[key[0]]) for key in sorted(keys) if seeds[key[0]]]
        for table in tables
    ]


def mean_over(cells: Sequence[stats.Cell]) -> MeanGain | None:
    """Return the mean gain over cells, on the seeds that a task's cells share; None of none."""
    found = together(cells)[0]
    return mean_gain(found, rng=np.random.default_rng(0)) if found else None


def policy_means(gains: Sequence[stats.Cell], counting: Collection[Cell]) -> list[PolicyMean]:
    """Return the mean gain of each policy, by name."""
    found = []
    for policy in sorted({cell.policy for cell in gains}):
        cells = [cell for cell in gains if cell.policy == policy]
        mine = only(cells, counting)
        found.append(
            PolicyMean(
                policy=policy,
                num_counting=len(mine),
                counting=mean_over(mine),
                num_cells=len(cells),
                every=mean_over(cells),
            )
        )
    return found


def controls_of(rows: Sequence[Row], counting: Collection[Cell]) -> list[Control]:
    """Return the controls that ran on cells that count."""
    count, found = main_count(rows), []
    steered = only(paired_cells(rows, ("steered", count)), counting)
    for arm in CONTROLS:
        number = 1 if ARMS[arm].is_single else count
        base = "filtered" if arm == "filtered-steered" else "alone"
        own = only(paired_cells(rows, (arm, number), (base, 1)), counting)
        ahead = only(paired_cells(rows, ("steered", count), (arm, number)), counting)
        same = together(own, steered, ahead)
        both = all(len(cells) == len(together(own)[0]) for cells in same)
        gain, *others = map(mean_over, same if both else [own])
        if gain is None:
            continue
        found.append(
            Control(
                arm=arm,
                base=base,
                num_cells=len(same[0] if both else together(own)[0]),
                gain=gain,
                steered=others[0] if both else None,
                ahead=others[1] if both else None,
            )
        )
    return found


def _on(cell: stats.Cell, seeds: Collection[int]) -> stats.Cell:
    order = sorted(seeds)
    first, second = ({seed: side[seed] for seed in order} for side in (cell.first, cell.second))
    return replace(cell, first=first, second=second)
