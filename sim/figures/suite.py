"""All figures of a run, and the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.evaluation.cells import Cell
from sim.evaluation.gains import paired_cells
from sim.evaluation.row import Row
from sim.figures.cells import ALPHA, CellFigures, LimitFigures, cells_of_rows, limits_of
from sim.figures.checks import Checks, checks_of
from sim.figures.means import (
    Control,
    PolicyMean,
    controls_of,
    main_count,
    mean_over,
    only,
    policy_means,
)
from sim.figures.oracle import OracleFigures, Sweep, oracle_of, sweep_of
from sim.figures.overrides import (
    Latency,
    Overrides,
    OverrideTotals,
    latencies_of,
    overrides_of,
    totals_of,
)
from sim.stats import Estimate, MeanGain, mcnemar

__all__ = ["SuiteFigures", "suite_figures", "verdict"]

_BLIND = {
    "random": "without a critic one of the candidates at random",
    "medoid": "the one nearest to the others (medoid)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteFigures:
    """All figures of a run.

    Attributes:
        num_candidates: N of the arm steered.
        num_episodes: All rows.
        cells: By package, policy and task.
        mean: Of steered minus alone over the cells that count; None where none does.
        mean_of_all: Over all cells.
        policies: The same by kind of policy.
        controls: On the cells that count and where they ran.
        sweep: Over N; None where it did not run.
        oracle: None where it did not run.
        overrides: Of each cell.
        override_totals: Over all cells; None without a decision.
        latencies: By policy, then by part.
        limits: Cells that ran to the package's own step limit.
        flagged: Rows of episodes that broke.
        checks: Of the evaluator itself.
    """

    num_candidates: int
    num_episodes: int
    cells: tuple[CellFigures, ...]
    mean: MeanGain | None
    mean_of_all: MeanGain | None
    policies: tuple[PolicyMean, ...]
    controls: tuple[Control, ...]
    sweep: Sweep | None
    oracle: OracleFigures | None
    overrides: Mapping[Cell, Overrides]
    override_totals: OverrideTotals | None
    latencies: Mapping[str, Mapping[str, Latency]]
    limits: tuple[LimitFigures, ...]
    flagged: tuple[Row, ...]
    checks: Checks

    @property
    def compared(self) -> tuple[CellFigures, ...]:
        """The cells where steered and alone ran on seeds that they share."""
        return tuple(cell for cell in self.cells if cell.gain is not None)

    @property
    def counting(self) -> tuple[CellFigures, ...]:
        """Those of them that count."""
        return tuple(cell for cell in self.compared if cell.is_counting)

    @property
    def better(self) -> tuple[CellFigures, ...]:
        """The cells where steering is better, after Holm's correction; all cells are tested."""
        return tuple(cell for cell in self.cells if cell.gain and cell.gain.is_better)

    @property
    def worse(self) -> tuple[CellFigures, ...]:
        """The cells where it is worse."""
        return tuple(cell for cell in self.cells if cell.gain and cell.gain.is_worse)

    def control(self, arm: str) -> Control | None:
        """Return a control, None where it did not run."""
        return next((item for item in self.controls if item.arm == arm), None)


def suite_figures(rows: Sequence[Row], *, margin: float | None = None) -> SuiteFigures:
    """Return all figures of the rows; they are the same each time.

    Args:
        rows: Of a run, complete or not.
        margin: Of the gate, in discounted return; None for not known.
    """
    cells = cells_of_rows(rows)
    counting = {Cell(cell.policy, cell.task) for cell in cells if cell.is_counting}
    gains = paired_cells(rows, ("steered", main_count(rows)))
    return SuiteFigures(
        num_candidates=main_count(rows),
        num_episodes=len(rows),
        cells=cells,
        mean=mean_over(only(gains, counting)),
        mean_of_all=mean_over(gains),
        policies=tuple(policy_means(gains, counting)),
        controls=tuple(controls_of(rows, counting)),
        sweep=sweep_of(rows, counting),
        oracle=oracle_of(rows, counting, margin=margin),
        overrides=overrides_of(rows),
        override_totals=totals_of(rows),
        latencies=latencies_of(rows),
        limits=limits_of(rows),
        flagged=tuple(row for row in sorted(rows, key=lambda row: row.key) if row.flag),
        checks=checks_of(rows, counting),
    )


def verdict(figures: SuiteFigures) -> str:
    """Return the verdict in one sentence, and nothing that the rows do not show."""
    if not figures.compared:
        return "Nothing to compare: the arms alone and steered were not both run."
    if figures.mean is None:
        return f"{_no_mean(figures)}; {_holm(figures)}{_broken(figures)}."
    gain, cells = figures.mean.fixed, len(figures.counting)
    shown = f"{_interval(gain)} on average over {_cells(cells)}, {_many(gain.n, 'pair')}"
    if gain.low > 0 and _is_clear(figures):
        text = f"Steering raises the success rate by {shown}"
    elif gain.high < 0 and _is_clear(figures):
        text = f"Steering lowers the success rate: {shown}"
    else:
        text = f"Steering has no clear effect on the success rate: {shown}"
    return f"{text}; {_holm(figures)}; {_blind(figures)}{_broken(figures)}."


def _is_clear(figures: SuiteFigures) -> bool:
    """Return whether an exact test over all pairs finds a difference too.

    Of a few pairs the seeds that are resampled are all alike, and the interval of the mean knows
    nothing of those that were not run.
    """
    gaps = [cell.gain.gap for cell in figures.counting if cell.gain]
    won, lost = (sum(getattr(gap, name) for gap in gaps) for name in ("won", "lost"))
    return float(mcnemar(won, lost)) <= ALPHA


def _broken(figures: SuiteFigures) -> str:
    count = len(figures.flagged)
    return f"; {_many(count, 'episode')} broke and failed" if count else ""


def _no_mean(figures: SuiteFigures) -> str:
    if figures.counting:
        return "No mean: the cells of a task share no seed, as in a single shard of a run"
    low, high = (f"{cell.alone.value:.0%}" for cell in _ends(figures) if cell.alone)
    rates = low if low == high else f"{low} to {high}"
    return (
        f"No cell counts: alone, the policies succeed in {rates} of the episodes, where there is "
        "nothing to win or nothing to lose"
    )


def _holm(figures: SuiteFigures) -> str:
    better, worse = len(figures.better), len(figures.worse)
    return (
        f"after Holm's correction {_cells(better)} of {len(figures.compared)} "
        f"{'is' if better == 1 else 'are'} better and {worse or 'none'} "
        f"{'is' if worse == 1 else 'are'} worse"
    )


def _ends(figures: SuiteFigures) -> tuple[CellFigures, CellFigures]:
    order = sorted(figures.compared, key=lambda cell: cell.alone.value if cell.alone else 0.0)
    return order[0], order[-1]


def _cells(number: int) -> str:
    return _many(number, "cell")


def _many(number: int, name: str) -> str:
    return f"{number:,} {name}" + "s" * (number != 1)


def _blind(figures: SuiteFigures) -> str:
    """Say what comes without a critic: of one at random, and of the one in the middle."""
    told = []
    for arm, words in _BLIND.items():
        control = figures.control(arm)
        if control is not None:
            steered = control.steered.fixed if control.steered else None
            where = f"{_cells(control.num_cells)}" + (
                f", steering there {_interval(steered)}" if steered else ""
            )
            told.append((f"{words} gains {_interval(control.gain.fixed)}", where))
    if not told:
        return "no control ran that chooses without a critic"
    if len({where for _, where in told}) == 1:
        return f"{' and '.join(text for text, _ in told)} ({told[0][1]})"
    return " and ".join(f"{text} ({where})" for text, where in told)


def _interval(gain: Estimate) -> str:
    return f"{gain.value:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]"
