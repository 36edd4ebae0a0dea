"""Means over cells, with intervals that know what the cells share.

Cells of one task share its seeds: a hard initial state is hard for every policy. So seeds are
resampled for all cells of a task at once, and never cell by cell.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from sim.stats.intervals import Estimate
from steer.errors import InvalidInputError

__all__ = ["Cell", "MeanGain", "mean_gain", "mean_share"]

_NUM_RESAMPLES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One policy on one task: the outcomes of two arms on the same seeds.

    Attributes:
        policy: Name of the policy.
        task: Name of the task.
        first: Outcome of the one arm by seed: success, or any finite number.
        second: Outcome of the arm it is compared with, on the same seeds.

    Raises:
        InvalidInputError: The arms have no seeds or not the same, or an outcome is not finite.
    """

    policy: str
    task: str
    first: Mapping[int, float]
    second: Mapping[int, float]

    def __post_init__(self) -> None:
        what = f"cell {self.policy}/{self.task}"
        if not self.first or self.first.keys() != self.second.keys():
            got = f"{len(self.first)} and {len(self.second)} seeds"
            raise InvalidInputError.expected(what, "the same seeds of both arms, 1 or more", got)
        if not all(map(math.isfinite, [*self.first.values(), *self.second.values()])):
            raise InvalidInputError.expected(what, "finite outcomes", "others")

    @property
    def key(self) -> tuple[str, str]:
        """Task and policy."""
        return (self.task, self.policy)

    def differences(self) -> NDArray[np.float64]:
        """Return first minus second in the order of the seeds, shape [S]."""
        seeds = sorted(self.first)
        return np.array([float(self.first[seed]) - float(self.second[seed]) for seed in seeds])


@dataclass(frozen=True, slots=True)
class MeanGain:
    """The mean gain over cells, seen in two ways.

    Attributes:
        fixed: Interval for these policies on these tasks, on other seeds; n counts pairs.
        random: Interval for these policies on other tasks like these; n counts tasks. Of one task
            it is (-inf, inf).
    """

    fixed: Estimate
    random: Estimate


def mean_gain(cells: Sequence[Cell], *, rng: np.random.Generator) -> MeanGain:
    """Return the mean over tasks of the mean over the task's cells of the mean paired difference.

    Every task weighs the same, however many policies ran on it, and within a task every cell.

    `fixed` resamples seeds alone, within each task, jointly for its cells. `random` resamples tasks
    with all their cells, then seeds in each drawn task. Policies are not resampled: they are the
    ones that a user has. Nor are packages, of which there are too few to show a spread; tasks are
    drawn regardless of their package, so the spread between packages is in the spread of tasks. For
    one policy or one package, call with its cells.

    Cells that a sequential test stopped early have biased gains; run those that go in to the end.

    Args:
        cells: Of any tasks and policies; the cells of a task have the same seeds.
        rng: Resamples.

    Returns:
        The mean with both 95% intervals. The one of `fixed` is the percentile interval. The one of
        `random` is as wide as a t interval over tasks would make it: covers 95% or a little more
        from 6 tasks on, and about 90% with 3.

    Raises:
        InvalidInputError: No cells, a cell twice, or cells of a task with different seeds.

    References:
        Davison and Hinkley, Bootstrap methods and their application, 1997, section 3.8; Hesterberg,
        What teachers should know about the bootstrap, 2015, section 4.4 (expanded percentiles).
    """
    tables = [np.stack(rows, axis=-1).mean(axis=-1) for rows in _by_task(cells).values()]
    num, value = len(tables), float(np.mean([table.mean() for table in tables]))
    every = _resample(tables, np.ones((_NUM_RESAMPLES, num), dtype=np.int64), rng=rng)
    low, high = np.quantile(every, (0.025, 0.975))
    fixed = Estimate(value, float(low), float(high), sum(len(cell.first) for cell in cells))
    if num == 1:
        return MeanGain(fixed, Estimate(value, -math.inf, math.inf, 1))
    copies = rng.multinomial(num, np.full(num, 1.0 / num), size=_NUM_RESAMPLES)
    drawn = _resample(tables, copies, rng=rng)
    tail = float(norm.cdf(math.sqrt(num / (num - 1)) * t.ppf(0.025, num - 1)))
    low, high = np.quantile(drawn, (tail, 1.0 - tail))
    return MeanGain(fixed, Estimate(value, float(low), float(high), num))


def mean_share(
    part: Sequence[Cell], whole: Sequence[Cell], *, rng: np.random.Generator
) -> Estimate | None:
    """Return which share of one mean gain another one is: of the oracle's, what steering reaches.

    A ratio of means, each weighed as in `mean_gain`, and not a mean of ratios, which cells without
    room for a gain would ruin.

    Args:
        part: Cells of the steered arm against the policy alone, for example.
        whole: The same cells of the oracle against the policy alone, on the same seeds.
        rng: Resamples seeds within tasks, for both jointly.

    Returns:
        The share, 1 where both gain the same, with its 95% percentile interval for these tasks and
        policies on other seeds, over the resamples in which the whole is positive; n counts pairs.
        None where the whole is not clearly positive: the 95% interval of its gain reaches 0.

    Raises:
        InvalidInputError: As `mean_gain` does, or the cells or their seeds are not the same.
    """
    parts, wholes = _by_task(part), _by_task(whole)
    ours, theirs = ({cell.key: sorted(cell.first) for cell in cells} for cells in (part, whole))
    if ours != theirs:
        got = f"{len(ours)} and {len(theirs)} cells that differ"
        raise InvalidInputError.expected("part, whole", "the same cells and seeds", got)
    tables = [
        np.stack([np.mean(parts[task], axis=0), np.mean(wholes[task], axis=0)], axis=-1)
        for task in parts
    ]
    copies = np.ones((_NUM_RESAMPLES, len(tables)), dtype=np.int64)
    drawn = _resample(tables, copies, rng=rng)
    top, bottom = np.mean([table.mean(axis=0) for table in tables], axis=0)
    if np.quantile(drawn[:, 1], 0.025) <= 0.0:
        return None
    clear = drawn[drawn[:, 1] > 0.0]
    low, high = np.quantile(clear[:, 0] / clear[:, 1], (0.025, 0.975))
    num_pairs = sum(len(seeds) for seeds in ours.values())
    return Estimate(float(top / bottom), float(low), float(high), num_pairs)


def _by_task(cells: Sequence[Cell]) -> dict[str, list[NDArray[np.float64]]]:
    """Return the differences of each task's cells, after checking that they can be joined."""
    if not cells:
        raise InvalidInputError.expected("cells", "at least one", "none")
    found: dict[str, dict[str, Cell]] = {}
    for cell in sorted(cells, key=lambda cell: cell.key):
        others = found.setdefault(cell.task, {})
        if cell.policy in others:
            raise InvalidInputError.expected(
                "cells", "each once", f"{cell.policy}/{cell.task} twice"
            )
        if others and next(iter(others.values())).first.keys() != cell.first.keys():
            contract = f"the seeds of the other cells of {cell.task}"
            raise InvalidInputError.expected(f"cell {cell.policy}/{cell.task}", contract, "others")
        others[cell.policy] = cell
    return {
        task: [cell.differences() for cell in others.values()] for task, others in found.items()
    }


def _resample(
    tables: Sequence[NDArray[np.float64]], copies: NDArray[np.int64], *, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return resampled means over tasks, shape [R, ...].

    Args:
        tables: By task, the task's figures on each seed, shape [S, ...]; S may differ.
        copies: How often each task is in each resample, shape [R, T], each row of sum T. The
            copies of a task have seeds of their own.
        rng: Draws the seeds.
    """
    total = np.zeros((len(copies), *tables[0].shape[1:]))
    for table, times in zip(tables, copies.T, strict=True):
        seeds = len(table)
        # k copies with S seeds each, drawn apart, are k S draws.
        counts = rng.multinomial(times * seeds, np.full(seeds, 1.0 / seeds))
        total += np.tensordot(counts, table, axes=1) / seeds
    return total / len(tables)
