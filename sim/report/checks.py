"""The checks of the evaluator itself, in words."""

from collections import Counter
from html import escape

from sim.figures import SuiteFigures
from sim.report.words import DASH, count_of, share, signed
from sim.stats import Estimate

__all__ = ["checks_list", "checks_of_run"]


def checks_list(figures: SuiteFigures) -> str:
    """Return the checks as HTML."""
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>"
        for name, words in checks_of_run(figures).items()
    )
    return f"<dl>{items}</dl>"


def checks_of_run(figures: SuiteFigures) -> dict[str, str]:
    """Return what was checked, and what came of it, by name."""
    return {
        "power": figures.checks.power or "no pairs",
        "no difference, none found": _null(figures),
        "stopping early": _replay(figures),
        "candidates scored": _short(figures),
    }


def _null(figures: SuiteFigures) -> str:
    checks = figures.checks
    if checks.null is None:
        return "the arm null did not run"
    gain = signed(checks.null_gain.fixed) if checks.null_gain else DASH
    verb = "differs" if checks.null_found == 1 else "differ"
    return (
        f"the policy alone under other noise, {count_of(checks.null_cells, 'cell')}: "
        f"{checks.null_found or 'none'} of them {verb} after Holm's correction, mean over those "
        f"that count {gain}; with the arms' names swapped at random, a difference in any cell is "
        f"found in {_share(checks.null.any_cell)} of {checks.null.any_cell.n} resamplings (after "
        f"Holm's correction), and in {_share(checks.null.each_cell)} of single cells (before it)"
    )


def _replay(figures: SuiteFigures) -> str:
    replay, null = figures.checks.replay, figures.checks.replay_null
    if replay is None or null is None:
        return "no pairs"
    verdicts = Counter(replay.verdicts)
    said = ", ".join(f"{count} {name}" for name, count in sorted(verdicts.items()))
    saved = replay.saved_of_orders
    return (
        f"in the order of the seeds, a sequential run would have taken {sum(replay.pairs)} pairs, "
        f"{share(replay.saved)} fewer, and said: {said}; over {saved.n} random orders it saves "
        f"{share(saved.value)} ({share(saved.low)} to {share(saved.high)}), with the same verdict "
        f"in {share(replay.agreed)}; with the arms' names swapped at random, "
        f"{_share(null.each_cell)} of cells are called better or worse, and any cell of the run in "
        f"{_share(null.any_cell)}: the error that is kept is that of one cell"
    )


def _short(figures: SuiteFigures) -> str:
    count = len(figures.checks.short)
    if not count:
        return "all N in every decision of every arm that scores"
    return f"fewer than N in {count_of(count, 'episode')}: not to be published"


def _share(rate: Estimate) -> str:
    return f"{rate.value:.1%} [{rate.low:.1%}, {rate.high:.1%}]"
