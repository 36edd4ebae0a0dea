"""The forest plot: every cell's paired difference, and the mean over cells."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from sim.figures import CellFigures, SuiteFigures
from sim.report.svg import Scale, diamond, dot, drawing, interval, line, nice_range, text
from sim.report.words import signed
from sim.stats import Estimate

__all__ = ["forest"]

_WIDTH, _LEFT, _RIGHT, _ROW = 980, 270, 200, 22
_LONGEST = 33


def forest(figures: SuiteFigures) -> str:
    """Return the plot; empty where no cell has both arms."""
    cells = figures.compared
    if not cells:
        return ""
    means = list(_means(figures))
    gaps = [cell.gain.gap for cell in cells if cell.gain]
    ends = [end for gap in gaps for end in (gap.low, gap.high)]
    ends += [end for _, mean, _ in means for end in (mean.low, mean.high)]
    low, high = nice_range(ends)
    scale = Scale(max(low, -1.0), min(high, 1.0), _LEFT, _WIDTH - _RIGHT)
    rows = _cells(cells, scale)
    rows += [_mean(scale, index + len(rows), *mean) for index, mean in enumerate(means)]
    height = _ROW * len(rows) + 26
    grid = "".join(_tick(scale, value, height) for value in scale.ticks())
    label = "paired difference, steered minus alone, of every cell, with 95% intervals"
    return drawing(_WIDTH, height, grid + "".join(rows), label=label, kind="wide")


def _means(figures: SuiteFigures) -> Iterator[tuple[str, Estimate, str]]:
    if figures.mean is not None:
        yield f"mean of {len(figures.counting)} that count", figures.mean.fixed, "mean"
        yield "the same, for other tasks", figures.mean.random, "mean wider"
    if figures.mean_of_all is not None and len(figures.counting) < len(figures.compared):
        yield f"mean of all {len(figures.compared)}", figures.mean_of_all.fixed, "mean wider"


def _cells(cells: Sequence[CellFigures], scale: Scale) -> list[str]:
    """Return a line for each package, and one for each of its cells."""
    rows: list[str] = []
    for package, found in groupby(cells, key=lambda cell: cell.package):
        rows.append(text(8, _middle(len(rows)) + 4, package, "group"))
        for cell in found:
            rows.append(_cell(scale, len(rows), cell))
    return rows


def _cell(scale: Scale, index: int, cell: CellFigures) -> str:
    if cell.gain is None:
        return ""
    y, gap = _middle(index), cell.gain.gap
    kind = "up" if cell.gain.is_better else "down" if cell.gain.is_worse else "even"
    kind += "" if cell.is_counting else " aside"
    star = " *" if cell.gain.is_better or cell.gain.is_worse else ""
    title = f"{cell.name}: won {gap.won}, lost {gap.lost} of {gap.n}"
    name = cell.name if len(cell.name) <= _LONGEST else "\u2026" + cell.name[1 - _LONGEST :]
    return (
        text(_LEFT - 12, y + 4, name, "label" if cell.is_counting else "label aside")
        + interval(scale, gap.low, gap.high, y, kind)
        + dot(scale(gap.value), y, kind, title=title)
        + text(_WIDTH - _RIGHT + 12, y + 4, signed(gap) + star, "value")
    )


def _mean(scale: Scale, index: int, name: str, mean: Estimate, kind: str) -> str:
    y = _middle(index)
    return (
        text(_LEFT - 12, y + 4, name, "label strong")
        + diamond(scale(mean.low), scale(mean.value), scale(mean.high), y, kind)
        + text(_WIDTH - _RIGHT + 12, y + 4, signed(mean), "value")
    )


def _tick(scale: Scale, value: float, height: float) -> str:
    x, kind = scale(value), "zero" if value == 0 else "grid"
    return line(x, 0, x, height - 22, kind) + text(x, height - 6, f"{value:+.1f}", "tick")


def _middle(index: int) -> float:
    return _ROW * index + _ROW / 2
