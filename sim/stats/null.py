"""Checks of the evaluator itself: how often it finds something where there is nothing to find."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.stats.intervals import Estimate, mcnemar, success_rate
from sim.stats.multiple import holm
from sim.stats.sequential import SequentialPlan, Verdict, run_sequentially
from steer.errors import InvalidInputError

__all__ = [
    "NullCheck",
    "Replay",
    "check_null",
    "check_sequential_null",
    "replay",
]

Outcomes = tuple[ArrayLike, ArrayLike]
"""Successes of both arms of a cell, in the order of the seeds, each of shape [S]."""


@dataclass(frozen=True, slots=True)
class NullCheck:
    """How often a difference is found in cells without one.

    Attributes:
        each_cell: Share of cells with one, each seen for itself; n counts cells times resamplings.
        any_cell: Share of resamplings with one in any cell; n counts resamplings.
    """

    each_cell: Estimate
    any_cell: Estimate


@dataclass(frozen=True, slots=True)
class Replay:
    """What sequential mode would have said and saved on a run that is there in full.

    Attributes:
        verdicts: Of each cell, in the order of the seeds.
        pairs: That each cell took.
        saved: Share of all pairs that were not taken.
        saved_of_orders: Its mean over random orders of the seeds, and between which two values 95%
            of the orders lie; n counts orders.
        agreed: Share of cells and orders with the verdict that the order of the seeds gave.
    """

    verdicts: tuple[Verdict, ...]
    pairs: tuple[int, ...]
    saved: float
    saved_of_orders: Estimate
    agreed: float


def check_null(
    cells: Sequence[Outcomes],
    *,
    rng: np.random.Generator,
    num_resamples: int = 200,
    alpha: float = 0.05,
) -> NullCheck:
    """Return how often McNemar's test, and Holm's correction of it, find what cannot be there.

    In every resampling each pair keeps its two outcomes and the arms swap names on it with chance
    1/2: nothing distinguishes them any more, whatever distinguished them before. A bootstrap over
    seeds would keep the difference that was observed, so it is no null. The cells are swapped
    apart, for what they share on a seed, its initial state, both arms share too.

    Args:
        cells: Outcomes of both arms, of one policy alone with two streams of noise, for example.
        rng: Swaps.
        num_resamples: Resamplings, 1 or more.
        alpha: Level of the tests.

    Returns:
        Rates with Wilson's intervals: of each cell before Holm's correction, of any cell after it.

    Raises:
        InvalidInputError: No cells or no resamplings, or outcomes that are not successes on the
            same seeds.
    """
    gaps = _gaps(cells, num_resamples)
    raw = np.stack([_p_values(_swap(gap, num_resamples, rng=rng)) for gap in gaps], axis=1)
    return NullCheck(
        success_rate((raw <= alpha).ravel().tolist()),
        success_rate([bool(row.any()) for row in holm(raw) <= alpha]),
    )


def check_sequential_null(
    cells: Sequence[Outcomes],
    *,
    plan: SequentialPlan,
    rng: np.random.Generator,
    num_resamples: int = 200,
) -> NullCheck:
    """Return how often the sequential test finds a difference where none can be.

    Args:
        cells: As in `check_null`.
        plan: Of each cell, but for `max_pairs`: a cell may take the pairs that it has.
        rng: Swaps.
        num_resamples: Resamplings, 1 or more.

    Returns:
        Rates with Wilson's intervals: of cells called better or worse. For any cell nothing is
        corrected; plan with alpha / M for M cells to have it below alpha.

    Raises:
        InvalidInputError: As `check_null` does.
    """
    gaps = _gaps(cells, num_resamples)
    found = [_run(_swap(gap, num_resamples, rng=rng), plan) for gap in gaps]
    is_false = np.stack([np.isin(verdicts, ("better", "worse")) for verdicts, _ in found], axis=1)
    return NullCheck(
        success_rate(is_false.ravel().tolist()),
        success_rate([bool(row.any()) for row in is_false]),
    )


def replay(
    cells: Sequence[Outcomes],
    *,
    plan: SequentialPlan,
    rng: np.random.Generator,
    num_orders: int = 200,
) -> Replay:
    """Return what sequential mode would have made of outcomes that are there in full.

    Args:
        cells: Successes of both arms, in the order of the seeds, as a run takes them.
        plan: Of each cell, but for `max_pairs`: a cell may take the pairs that it has.
        rng: Draws the orders.
        num_orders: Random orders of the seeds, 1 or more.

    Raises:
        InvalidInputError: As `check_null` does.
    """
    gaps = _gaps(cells, num_orders)
    taken = [_run(gap[None], plan) for gap in gaps]
    mixed = [_run(rng.permuted(np.tile(gap, (num_orders, 1)), axis=1), plan) for gap in gaps]
    saved = _saved([used for _, used in mixed], gaps)
    low, high = np.quantile(saved, (0.025, 0.975))
    names: list[list[Verdict]] = [verdicts.tolist() for verdicts, _ in taken]
    same = [np.mean(orders == name[0]) for (orders, _), name in zip(mixed, names, strict=True)]
    return Replay(
        verdicts=tuple(name[0] for name in names),
        pairs=tuple(int(used[0]) for _, used in taken),
        saved=float(_saved([used for _, used in taken], gaps)[0]),
        saved_of_orders=Estimate(float(saved.mean()), float(low), float(high), num_orders),
        agreed=float(np.mean(same)),
    )


def _gaps(cells: Sequence[Outcomes], num_resamples: int) -> list[NDArray[np.int64]]:
    """Return first minus second of each cell's pairs, after checking them."""
    if not cells or num_resamples < 1:
        got = f"{len(cells)} and {num_resamples}"
        raise InvalidInputError.expected("cells and resamplings", "at least one of each", got)
    gaps = []
    for number, (first, second) in enumerate(cells):
        one, other = np.asarray(first), np.asarray(second)
        if one.ndim != 1 or len(one) == 0 or one.shape != other.shape:
            got = f"shapes {one.shape} and {other.shape}"
            raise InvalidInputError.expected(f"cells[{number}]", "two of shape [S], S >= 1", got)
        if not (np.isin(one, (0, 1)).all() and np.isin(other, (0, 1)).all()):
            raise InvalidInputError.expected(f"cells[{number}]", "successes", "other outcomes")
        gaps.append(one.astype(np.int64) - other.astype(np.int64))
    return gaps


def _swap(
    gap: NDArray[np.int64], num_resamples: int, *, rng: np.random.Generator
) -> NDArray[np.int64]:
    return np.where(rng.random((num_resamples, len(gap))) < 0.5, gap, -gap)


def _p_values(gaps: NDArray[np.int64]) -> NDArray[np.float64]:
    return mcnemar((gaps > 0).sum(axis=-1), (gaps < 0).sum(axis=-1))


def _run(
    gaps: NDArray[np.int64], plan: SequentialPlan
) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    return run_sequentially(gaps, replace(plan, max_pairs=gaps.shape[1]))


def _saved(
    used: Sequence[NDArray[np.int64]], gaps: Sequence[NDArray[np.int64]]
) -> NDArray[np.float64]:
    """Return the share of pairs not used, over all cells, shape [R]."""
    return np.asarray(1.0 - np.sum(used, axis=0) / sum(map(len, gaps)))
