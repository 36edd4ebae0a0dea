"""What choosing with a critic misses: the oracle, and how N matters."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from sim import stats
from sim.evaluation.cells import Cell
from sim.evaluation.gains import paired_cells
from sim.evaluation.row import Row
from sim.figures.means import main_count, mean_over, only, together
from sim.stats import (
    Bin,
    Estimate,
    MeanGain,
    RankCorrelation,
    ScoredDecision,
    SelectionRegret,
    calibration,
    clustered_mean,
    mean_share,
    rank_correlation,
    selection_regret,
)

__all__ = ["Beside", "OracleFigures", "Sweep", "oracle_of", "sweep_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleFigures:
    """The oracle, and the critic's scores against the outcomes that it saw.

    Attributes:
        num_candidates: Its N.
        num_cells: Cells that count and where it ran.
        gain: Mean of the oracle minus alone; None where no such cell has both.
        steered: The same of steered with the same N, on the same cells and seeds.
        medoid: The same of the medoid, which knows no critic; None where it did not run there.
        share: What steered reaches of the oracle's gain; None where the oracle's mean is below
            steered's, or not clearly above 0.
        regret: Of the critic's choice, in control ticks; None without decisions.
        is_gated: Whether that choice is the gate's; else it is the best score.
        rank: Correlation of scores and outcomes; None where all outcomes are the same.
        bins: What came of candidates by score: the critics' advantage, and what agreement adds.
        promised: Mean score of what was chosen over the policy's own chunk; None where it never
            was.
        kept: What came of it, in control ticks; n counts those decisions.
        num_decisions: Decisions that went in, of the cells that count.
        num_left_out: Decisions with fewer than two candidates or scores that are not finite.
    """

    num_candidates: int
    num_cells: int
    gain: MeanGain | None
    steered: MeanGain | None
    medoid: MeanGain | None
    share: Estimate | None
    regret: SelectionRegret | None
    is_gated: bool
    rank: RankCorrelation | None
    bins: tuple[Bin, ...]
    promised: float | None
    kept: Estimate | None
    num_decisions: int
    num_left_out: int


@dataclass(frozen=True, slots=True)
class Beside:
    """An arm beside the sweep: its mean gain over the cells of the sweep where it ran.

    Attributes:
        arm: Its name.
        num_candidates: N.
        num_cells: How many cells these are.
        gain: Over the policy alone.
        steered: The gain of steered with the same N on the same cells and seeds; None where it did
            not run there.
    """

    arm: str
    num_candidates: int
    num_cells: int
    gain: MeanGain
    steered: MeanGain | None


@dataclass(frozen=True, slots=True)
class Sweep:
    """Mean gain by N, over the same cells for every N.

    Attributes:
        cells: Those where every N ran.
        gains: By N, from 1 on, where the gain is 0 by construction.
        last_to_first: The largest N beside the smallest above 1, paired by seed: whether more
            candidates do harm. None where they share no seed.
        beside: Other arms.
    """

    cells: tuple[Cell, ...]
    gains: tuple[tuple[int, MeanGain], ...]
    last_to_first: MeanGain | None
    beside: tuple[Beside, ...]


def oracle_of(
    rows: Sequence[Row], counting: Collection[Cell], *, margin: float | None
) -> OracleFigures | None:
    """Return the oracle's figures, None where it did not run.

    Args:
        rows: Of the run.
        counting: Cells that go into the means.
        margin: Of the gate, in discounted return; None for not known.
    """
    mine = [row for row in rows if row.arm == "oracle" and row.limit == "task"]
    if not mine:
        return None
    number = Counter(row.num_candidates for row in mine).most_common(1)[0][0]
    oracle = only(paired_cells(rows, ("oracle", number)), counting)
    steered = only(paired_cells(rows, ("steered", number)), counting)
    both, same = together(oracle, steered)
    gain, ours = (mean_over(both), mean_over(same)) if both else (mean_over(oracle), None)
    medoid = only(paired_cells(rows, ("medoid", number)), counting)
    _, agreed = together(both, medoid)
    known = [row for row in mine if Cell(row.policy, row.task) in counting]
    decisions, num_left_out = _decisions(known, margin)
    promised, kept = _promises(decisions)
    return OracleFigures(
        num_candidates=number,
        num_cells=len(both or together(oracle)[0]),
        gain=gain,
        steered=ours,
        medoid=mean_over(agreed) if len(agreed) == len(both) else None,
        share=_share(both, same, gain, ours),
        regret=selection_regret(decisions, rng=_rng()) if decisions else None,
        is_gated=margin is not None,
        rank=rank_correlation(decisions, rng=_rng()) if decisions else None,
        bins=calibration(decisions, rng=_rng()) if decisions else (),
        promised=promised,
        kept=kept,
        num_decisions=len(decisions),
        num_left_out=num_left_out,
    )


def sweep_of(rows: Sequence[Row], counting: Collection[Cell]) -> Sweep | None:
    """Return mean gain by N, None where steered ran with one N alone."""
    numbers: dict[Cell, set[int]] = {}
    for row in rows:
        cell = Cell(row.policy, row.task)
        if row.arm == "steered" and row.limit == "task" and cell in counting:
            numbers.setdefault(cell, {1}).add(row.num_candidates)
    most = max(numbers.values(), key=lambda found: (len(found), max(found)), default=set())
    if len(most) < 3:
        return None
    cells = {cell for cell, found in numbers.items() if found >= most}
    by_count = {n: paired_cells(rows, ("steered", n)) for n in sorted(most - {1})}
    same = together(*(only(found, cells) for found in by_count.values()))
    if not same[0]:
        return None
    gains = [
        (n, mean) for n, found in zip(by_count, same, strict=True) if (mean := mean_over(found))
    ]
    if 1 not in by_count:
        null = [
            stats.Cell(policy=c.policy, task=c.task, first=c.second, second=c.second)
            for c in same[0]
        ]
        start = mean_over(null)
        gains = [(1, start), *gains] if start else gains
    return Sweep(
        cells=tuple(Cell(cell.policy, cell.task) for cell in same[0]),
        gains=tuple(gains),
        last_to_first=_last_to_first(same[-1], same[0]),
        beside=tuple(_beside(rows, cells)),
    )


def _last_to_first(last: Sequence[stats.Cell], first: Sequence[stats.Cell]) -> MeanGain | None:
    """Return the mean of what the arm of `last` gains over that of `first`."""
    found = [
        stats.Cell(policy=a.policy, task=a.task, first=a.first, second=b.first)
        for a, b in zip(last, first, strict=True)
    ]
    return mean_over(found)


def _beside(rows: Sequence[Row], cells: Collection[Cell]) -> list[Beside]:
    count, found = main_count(rows), []
    tried = Counter(row.num_candidates for row in rows if row.arm == "oracle").most_common(1)
    for arm, number in (
        ("random", count),
        ("medoid", count),
        ("oracle", tried[0][0] if tried else 0),
    ):
        own = only(paired_cells(rows, (arm, number)), cells)
        steered = only(paired_cells(rows, ("steered", number)), cells)
        mine, same = together(own, steered)
        if len(mine) != len(together(own)[0]):
            mine, same = together(own)[0], []
        gain = mean_over(mine)
        if gain is not None:
            found.append(Beside(arm, number, len(mine), gain, mean_over(same) if same else None))
    return found


def _share(
    oracle: Sequence[stats.Cell],
    steered: Sequence[stats.Cell],
    gain: MeanGain | None,
    ours: MeanGain | None,
) -> Estimate | None:
    if gain is None or ours is None or gain.fixed.value < ours.fixed.value:
        return None
    return mean_share(steered, oracle, rng=_rng())


def _decisions(rows: Sequence[Row], margin: float | None) -> tuple[list[ScoredDecision], int]:
    """Return the decisions whose candidates have scores and outcomes, and how many have not."""
    found, left_out = [], 0
    for row in sorted(rows, key=lambda row: row.key):
        for scores, outcomes in zip(row.scores, row.outcomes, strict=True):
            is_whole = len(scores) == len(outcomes) >= 2
            if not (is_whole and np.isfinite(scores).all() and np.isfinite(outcomes).all()):
                left_out += 1
                continue
            found.append(
                ScoredDecision(
                    episode=row.key,
                    scores=scores,
                    outcomes=outcomes,
                    chosen=_gated(scores, margin),
                )
            )
    return found, left_out


def _promises(decisions: Sequence[ScoredDecision]) -> tuple[float | None, Estimate | None]:
    """Return what the critic's choices promised over candidate 0, and what came of them."""
    promised, kept, episodes = [], [], []
    for decision in decisions:
        scores, outcomes = decision.arrays()
        chosen = int(scores.argmax()) if decision.chosen is None else decision.chosen
        if chosen:
            promised.append(float(scores[chosen] - scores[0]))
            kept.append(float(outcomes[chosen] - outcomes[0]))
            episodes.append(decision.episode)
    if not kept:
        return None, None
    return float(np.mean(promised)), clustered_mean(kept, episodes, rng=_rng())


def _gated(scores: Sequence[float], margin: float | None) -> int | None:
    """Return what the gate would have run; None for the best score where its margin is unknown."""
    if margin is None:
        return None
    best = int(np.argmax(scores))
    return best if scores[best] > margin else 0


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)
