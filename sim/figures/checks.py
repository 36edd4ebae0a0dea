"""What the evaluator can tell, and how often it would be wrong: checked on the rows themselves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from sim import stats
from sim.evaluation.cells import Cell
from sim.evaluation.gains import paired_cells
from sim.evaluation.row import Row
from sim.figures.means import main_count, mean_over, only
from sim.stats import (
    MeanGain,
    NullCheck,
    Replay,
    SequentialPlan,
    check_null,
    check_sequential_null,
    power_sentence,
    replay,
)

__all__ = ["Checks", "checks_of"]

_WANTED, _GUESS = 0.15, 0.3
"""The gain that the power statement is about, and the rate alone that is guessed before a run."""
_LEVEL = 0.05
PLAN = SequentialPlan()
_SCORING = ("steered", "argmax", "worst", "filtered-steered", "oracle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Checks of the evaluator itself.

    Attributes:
        null: How often a difference is found between the policy alone and itself under other
            noise; None where that arm did not run.
        null_gain: Their mean difference, over the cells that count and where it ran.
        null_cells: How many cells it ran in.
        null_found: In how many of them it differs after Holm's correction.
        replay: What sequential mode would have said and saved; None without pairs.
        replay_null: How often it would have found a difference where none can be.
        power: What could be said before the run, and what its own rates say; empty without pairs.
        short: Episodes of arms that score, in which some decision scored fewer candidates than N.
    """

    null: NullCheck | None
    null_gain: MeanGain | None
    null_cells: int
    null_found: int
    replay: Replay | None
    replay_null: NullCheck | None
    power: str
    short: tuple[Row, ...]


def checks_of(rows: Sequence[Row], counting: Collection[Cell]) -> Checks:
    """Return the checks of a run.

    Args:
        rows: Of the run.
        counting: Cells that go into means.
    """
    null = paired_cells(rows, ("null", 1))
    gains = paired_cells(rows, ("steered", main_count(rows)))
    pairs = [_outcomes(cell) for cell in gains]
    return Checks(
        null=check_null([_outcomes(cell) for cell in null], rng=_rng()) if null else None,
        null_gain=mean_over(only(null, counting)),
        null_cells=len(null),
        null_found=_different(null),
        replay=replay(pairs, plan=PLAN, rng=_rng()) if pairs else None,
        replay_null=check_sequential_null(pairs, plan=PLAN, rng=_rng()) if pairs else None,
        power=_power(gains) if gains else "",
        short=tuple(sorted(filter(_is_short, rows), key=lambda row: row.key)),
    )


def _is_short(row: Row) -> bool:
    is_scoring = row.arm in _SCORING and row.num_candidates > 1
    return is_scoring and not row.flag and row.num_scored < row.num_candidates


def _different(cells: Sequence[stats.Cell]) -> int:
    """Return in how many cells the arms differ after Holm's correction."""
    if not cells:
        return 0
    p_values = [stats.paired_difference(*_outcomes(cell)).p_value for cell in cells]
    return int((stats.holm(p_values) < _LEVEL).sum())


def _power(cells: Sequence[stats.Cell]) -> str:
    """Say what the typical cell's pairs can tell: as a guess, and from the middle rate alone."""
    n = int(np.median([len(cell.first) for cell in cells]))
    alone = float(np.median([np.mean(list(cell.second.values())) for cell in cells]))
    found = min(round(alone, 2), 1.0 - _WANTED)
    before = power_sentence(n, alone=_GUESS, wanted=_WANTED)
    after = power_sentence(n, alone=found, wanted=_WANTED)
    return f"before the run: {before}; from the rates that were found: {after}"


def _outcomes(cell: stats.Cell) -> tuple[list[bool], list[bool]]:
    """Return the successes of both arms, in the order of the seeds."""
    seeds = sorted(cell.first)
    return [bool(cell.first[s]) for s in seeds], [bool(cell.second[s]) for s in seeds]


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)
