"""The smaller plots: gain by N, calibration, and where in an episode steering overrides."""

from collections.abc import Sequence
from itertools import pairwise

from sim.figures import DataPoint, SuiteFigures
from sim.report.svg import Scale, dot, drawing, line, nice_range, text
from sim.report.words import Interval, share, signed
from sim.stats import Bin, Estimate

__all__ = ["calibration_plot", "data_plot", "profiles", "sweep_plot"]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 300, 64, 44
_BARS = 70
_MOST_PROFILES = 6


def sweep_plot(figures: SuiteFigures) -> str:
    """Return mean gain by N, with random, medoid and oracle beside it; empty without a sweep."""
    if figures.sweep is None:
        return ""
    points = [(f"steered, N = {n}", gain.fixed, "steered") for n, gain in figures.sweep.gains]
    most = len(figures.sweep.cells)
    beside: list[tuple[str, Estimate, str]] = []
    for item in figures.sweep.beside:
        is_fewer = item.num_cells < most
        where = f"N = {item.num_candidates}" + (f", {item.num_cells} cells" if is_fewer else "")
        beside.append((f"{item.arm}, {where}", item.gain.fixed, "other"))
        if is_fewer and item.steered is not None:
            beside.append(("steered, there", item.steered.fixed, "steered"))
    columns = [*points, *beside]
    scale = _upright([end for _, gain, _ in columns for end in (gain.low, gain.high)])
    step = (_WIDTH - _LEFT - 20) / len(columns)
    places = [_LEFT + step * (number + 0.5) for number in range(len(columns))]
    body = _grid(scale, "+.2f")
    path = [(x, scale(gain.value)) for x, (_, gain, _) in zip(places, points, strict=False)]
    body += "".join(line(*start, *end, "trend") for start, end in pairwise(path))
    for x, (name, gain, kind) in zip(places, columns, strict=True):
        body += _upright_mark(scale, x, gain, kind, f"{name}: {signed(gain)}")
        who, _, where = name.partition(", ")
        body += text(x, _HEIGHT - 24, who, "tick") + text(x, _HEIGHT - 10, where, "tick")
    label = "mean gain by number of candidates, with random, medoid and oracle beside it"
    return drawing(_WIDTH, _HEIGHT, body, label=label, kind="small")


def data_plot(points: Sequence[DataPoint]) -> str:
    """Return the mean gain by the critic's data, each cell's gain beside it; empty without any."""
    if not points:
        return ""
    drawn: list[Interval] = [point.mean.fixed for point in points]
    drawn += [gap for point in points for gap in point.cells.values()]
    scale = _upright([end for found in drawn for end in (found.low, found.high)])
    step = (_WIDTH - _LEFT - 20) / len(points)
    body = _grid(scale, "+.2f")
    for number, point in enumerate(points):
        x = _LEFT + step * (number + 0.5)
        mean = point.mean.fixed
        body += _upright_mark(scale, x, mean, "steered", f"{point.amount}: {signed(mean)}")
        for place, (name, gap) in enumerate(sorted(point.cells.items()), start=1):
            title = f"{point.amount}, {name}: {signed(gap)}"
            body += _upright_mark(scale, x + 16 * place, gap, "other", title)
        body += text(x, _HEIGHT - 16, point.amount, "tick")
    names = ", ".join(sorted(points[0].cells))
    body += text(_LEFT, 10, f"in each column from the left: mean, {names}", "side")
    label = "mean gain by the episodes that the critic has learnt from, and each cell's beside it"
    return drawing(_WIDTH, _HEIGHT, body, label=label, kind="small")


def calibration_plot(bins: Sequence[Bin]) -> str:
    """Return what came of candidates over what was predicted; empty without any."""
    if not bins:
        return ""
    across = Scale(*nice_range([found.predicted for found in bins]), _LEFT, _WIDTH - 20)
    scale = _upright([end for found in bins for end in (found.observed.low, found.observed.high)])
    body = _grid(scale, "+g")
    start, end = max(across.low, scale.low), min(across.high, scale.high)
    body += line(across(start), scale(start), across(end), scale(end), "ideal")
    for value in across.ticks():
        body += text(across(value), _HEIGHT - 24, f"{value:+g}", "tick")
    for found in bins:
        title = f"predicted {found.predicted:+.2f}, came {signed(found.observed)}"
        body += _upright_mark(scale, across(found.predicted), found.observed, "steered", title)
    body += text((_LEFT + _WIDTH) / 2, _HEIGHT - 6, "score over the policy's own chunk", "tick")
    label = "outcome of candidates over their score; the line is equality"
    return drawing(_WIDTH, _HEIGHT, body, label=label, kind="small")


def profiles(figures: SuiteFigures) -> str:
    """Return where in an episode steering overrides, for the cells that override most."""
    order = sorted(
        figures.overrides.items(), key=lambda item: -item[1].overrides / max(1, item[1].decisions)
    )
    drawn = [_profile(cell.name, found.profile) for cell, found in order[:_MOST_PROFILES]]
    return f"<div class='cards'>{''.join(drawn)}</div>" if drawn else ""


def _profile(name: str, shares: Sequence[float | None]) -> str:
    bars = "".join(
        f"<rect x='{26 * index + 2}' y='{_BARS * (1 - value):.1f}' width='22' "
        f"height='{_BARS * value:.1f}'><title>{share(value)}</title></rect>"
        for index, value in enumerate(shares)
        if value is not None
    )
    body = (
        line(0, 0.5, 262, 0.5, "grid")
        + line(0, _BARS, 262, _BARS, "zero")
        + bars
        + text(268, 11, "100%", "side")
        + text(268, _BARS + 4, "0%", "side")
        + text(0, _BARS + 16, "start", "side")
        + text(262, _BARS + 16, "longest episode's end", "side end")
        + text(0, _BARS + 36, name[-40:], "caption")
    )
    label = f"share overridden over the episode: {name}"
    return drawing(310, _BARS + 42, body, label=label, kind="profile")


def _upright(ends: Sequence[float]) -> Scale:
    return Scale(*nice_range(ends), _HEIGHT - _BOTTOM, 12)


def _grid(scale: Scale, form: str) -> str:
    return "".join(
        line(_LEFT, scale(value), _WIDTH - 20, scale(value), "zero" if value == 0 else "grid")
        + text(_LEFT - 8, scale(value) + 4, format(value, form), "label")
        for value in scale.ticks()
    )


def _upright_mark(scale: Scale, x: float, figure: Interval, kind: str, title: str) -> str:
    y = scale(figure.value)
    return line(x, scale(figure.low), x, scale(figure.high), kind) + dot(x, y, kind, title=title)
