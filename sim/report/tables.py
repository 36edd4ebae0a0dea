"""The tables of the report, the same on the page and in the documents."""

from collections.abc import Iterable

from sim.evaluation.arms import ARMS
from sim.figures import CellFigures, Difference, LimitFigures, SuiteFigures
from sim.report.table import Table
from sim.report.words import DASH, count_of, p_value, rate, share, signed
from sim.stats import Estimate

__all__ = [
    "arms_table",
    "calibration_table",
    "cells_table",
    "controls_table",
    "flags_table",
    "latency_table",
    "limits_table",
    "meanings",
    "oracle_table",
    "overrides_table",
    "policies_table",
    "sweep_table",
    "worst_table",
]


def cells_table(figures: SuiteFigures) -> Table:
    """Return alone, steered and their difference, cell by cell."""
    head = ("cell", "alone", "steered", "difference", "p (McNemar)", "p after Holm", "n", "counts")
    return Table(head, tuple(_cell_row(cell) for cell in figures.compared))


def worst_table(cells: Iterable[CellFigures]) -> Table:
    """Return the same of some cells, with what was won and lost."""
    told = ("p (McNemar)", "p after Holm", "won", "lost")
    head = ("cell", "alone", "steered", "difference", *told, "n", "counts")
    rows = []
    for cell in cells:
        if cell.gain is not None:
            gap, (*some, n, counts) = cell.gain.gap, _cell_row(cell)
            rows.append((*some, str(gap.won), str(gap.lost), n, counts))
    return Table(head, tuple(rows))


def arms_table(figures: SuiteFigures) -> Table:
    """Return every arm of the cells with more than alone and steered, and what it is against."""
    head = ("cell", "arm", "N", "success", "difference", "to", "p (McNemar)", "p after Holm", "n")
    rows: list[tuple[str, ...]] = []
    for cell in figures.cells:
        if len(cell.rates) < 3:
            continue
        for (arm, count), found in cell.rates.items():
            against = [d for d in cell.differences if (d.arm, d.num_candidates) == (arm, count)]
            first = (cell.name, arm, str(count), rate(found))
            if not against:
                rows.append((*first, *("",) * 4, str(found.n)))
            for number, item in enumerate(against):
                shown = first if number == 0 else (*first[:3], "")
                rows.append((*shown, *_difference(item)))
    return Table(head, tuple(rows))


def controls_table(figures: SuiteFigures) -> Table:
    """Return the mean of every control, beside steering on the same cells."""
    beside = ("steered - alone, same cells", "steered - this arm")
    head = ("arm", "to", "cells", "mean difference", "for other tasks", *beside)
    rows: list[tuple[str, ...]] = []
    if figures.mean is not None:
        mean, cells = figures.mean, str(len(figures.counting))
        rows = [("steered", "alone", cells, signed(mean.fixed), signed(mean.random), DASH, DASH)]
    if figures.mean_of_all is not None and len(figures.counting) < len(figures.compared):
        mean, told = figures.mean_of_all, f"all {len(figures.compared)}"
        rows.append(("steered", "alone", told, signed(mean.fixed), signed(mean.random), DASH, DASH))
    for item in figures.controls:
        own, other = signed(item.gain.fixed), signed(item.gain.random)
        steered = signed(item.steered.fixed if item.steered else None)
        ahead = signed(item.ahead.fixed if item.ahead else None)
        rows.append((item.arm, item.base, str(item.num_cells), own, other, steered, ahead))
    return Table(head, tuple(rows))


def policies_table(figures: SuiteFigures) -> Table:
    """Return the mean gain by kind of policy."""
    head = ("policy", "cells that count", "steered - alone", "all its cells", "steered - alone")
    rows = [
        (
            item.policy,
            str(item.num_counting),
            signed(item.counting.fixed if item.counting else None),
            str(item.num_cells),
            signed(item.every.fixed if item.every else None),
        )
        for item in figures.policies
    ]
    return Table(head, tuple(rows) if len(rows) > 1 else ())


def sweep_table(figures: SuiteFigures) -> Table:
    """Return the mean gain by N, and the arms beside it."""
    head = ("arm", "N", "cells", "mean gain", "steered - alone, same cells and seeds")
    if figures.sweep is None:
        return Table(head, ())
    cells = str(len(figures.sweep.cells))
    rows = [("steered", str(n), cells, signed(g.fixed), DASH) for n, g in figures.sweep.gains]
    counts = [n for n, _ in figures.sweep.gains if n > 1]
    if figures.sweep.last_to_first is not None and len(counts) > 1:
        ahead = signed(figures.sweep.last_to_first.fixed)
        rows.append((f"N = {counts[-1]} minus N = {counts[0]}", DASH, cells, ahead, DASH))
    for item in figures.sweep.beside:
        steered = signed(item.steered.fixed if item.steered else None)
        told = str(item.num_candidates), str(item.num_cells), signed(item.gain.fixed)
        rows.append((item.arm, *told, steered))
    return Table(head, tuple(rows))


def oracle_table(figures: SuiteFigures) -> Table:
    """Return what the oracle reaches, and what choosing with the critic misses."""
    head, oracle = ("what", "value", "of"), figures.oracle
    if oracle is None:
        return Table(head, ())
    cells, n = count_of(oracle.num_cells, "cell"), f"N = {oracle.num_candidates}"
    rows = [
        ("oracle - alone", signed(oracle.gain.fixed if oracle.gain else None), f"{cells}, {n}"),
        (
            "steered - alone, same cells and seeds",
            signed(oracle.steered.fixed if oracle.steered else None),
            f"{cells}, {n}",
        ),
        (
            "medoid - alone, same cells and seeds",
            signed(oracle.medoid.fixed if oracle.medoid else None),
            f"{cells}, {n}",
        ),
        ("steered's share of the oracle's gain", rate(oracle.share), _pairs(oracle.share)),
    ]
    decisions = count_of(oracle.num_decisions, "decision")
    if oracle.regret is not None:
        chosen = "the gate's choice" if oracle.is_gated else "the best score"
        rows += [
            (f"regret of {chosen}, ticks", signed(oracle.regret.chosen, 1), decisions),
            ("regret of the policy's own, ticks", signed(oracle.regret.own, 1), decisions),
            ("regret of a random one, ticks", signed(oracle.regret.random, 1), decisions),
        ]
    if oracle.rank is not None:
        told = f"{oracle.rank.mean.n} of {decisions}, whose outcomes differ"
        rows.append(("rank correlation (Spearman)", signed(oracle.rank.mean), told))
    return Table(head, tuple(rows))


def calibration_table(figures: SuiteFigures) -> Table:
    """Return what came of candidates by their predicted advantage, and of those chosen."""
    head, oracle = ("candidates", "score", "came of it, ticks", "n"), figures.oracle
    if oracle is None:
        return Table(head, ())
    rows = [
        ("by score", f"{b.predicted:+.2f}", signed(b.observed), str(b.observed.n))
        for b in oracle.bins
    ]
    if oracle.promised is not None and oracle.kept is not None:
        told = (f"{oracle.promised:+.2f}", signed(oracle.kept), str(oracle.kept.n))
        rows.append(("chosen over the policy's own", *told))
    return Table(head, tuple(rows))


def overrides_table(figures: SuiteFigures) -> Table:
    """Return how often was overridden in each cell, and what came of it."""
    ends = ("won", "lost", "same outcome", "won of changed")
    head = ("cell", "overridden", "episodes with one", *ends, "score, median")
    rows = []
    for cell, found in figures.overrides.items():
        part = share(found.overrides / found.decisions) if found.decisions else DASH
        same = found.episodes - found.won - found.lost
        rows.append(
            (
                cell.name,
                f"{part} of {found.decisions}",
                str(found.episodes),
                str(found.won),
                str(found.lost),
                str(same),
                f"{found.won} of {found.won + found.lost}",
                DASH if found.promised is None else f"{found.promised:+.2f}",
            )
        )
    return Table(head, tuple(rows))


def latency_table(figures: SuiteFigures) -> Table:
    """Return the parts of a decision's time by policy."""
    rows = [
        (policy, part, f"{found.median_ms:.1f}", f"{found.p99_ms:.1f}")
        for policy, parts in figures.latencies.items()
        for part, found in parts.items()
    ]
    return Table(("policy", "part", "median, ms", "p99, ms"), tuple(rows))


def flags_table(figures: SuiteFigures) -> Table:
    """Return the episodes that broke."""
    rows = [
        (f"{row.policy}/{row.task}", row.arm, str(row.num_candidates), str(row.seed), row.flag)
        for row in figures.flagged
    ]
    return Table(("cell", "arm", "N", "seed", "what broke"), tuple(rows))


def limits_table(limits: Iterable[LimitFigures]) -> Table:
    """Return gains at the package's own step limit beside ours."""
    head = ("cell", "difference, our limit", "difference, package's limit", "alone there", "n")
    rows = [
        (f"{i.policy}/{i.task}", signed(i.ours), signed(i.package), rate(i.alone), str(i.package.n))
        for i in limits
    ]
    return Table(head, tuple(rows))


def meanings(figures: SuiteFigures) -> dict[str, str]:
    """Return what the arms that ran mean, by name."""
    shown = {arm for cell in figures.cells for arm, _ in cell.rates}
    return {name: arm.meaning for name, arm in ARMS.items() if name in shown}


def _cell_row(cell: CellFigures) -> tuple[str, ...]:
    if cell.gain is None:
        return ()
    gap, counts = cell.gain.gap, "yes" if cell.is_counting else "no"
    told = p_value(gap.p_value), p_value(cell.gain.adjusted)
    return (cell.name, rate(cell.alone), rate(cell.steered), signed(gap), *told, str(gap.n), counts)


def _difference(item: Difference) -> tuple[str, ...]:
    told = p_value(item.gap.p_value), p_value(item.adjusted)
    return (signed(item.gap), item.base, *told, str(item.gap.n))


def _pairs(figure: Estimate | None) -> str:
    if figure is None:
        return "not published: the oracle is not clearly above alone, or below steered"
    return f"{figure.n} pairs"
