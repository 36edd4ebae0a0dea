"""Figures of monitors as a table, as records, and as a picture."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sim.files import write_whole
from sim.origin import Origin
from sim.realtime.watched import CLOCK, MonitorFigures, Rule, Watched
from sim.report.svg import Scale, dot, drawing, interval, line, standalone, text
from sim.report.words import rate
from sim.stats import Estimate

__all__ = ["picture", "records", "table_of", "write_report"]

_HEAD = (
    "monitor",
    "auc",
    "early",
    "(whole)",
    "detection",
    "by chance",
    "false alarms",
    "by chance",
    "tick",
    "by chance",
)
_WIDTH, _LEFT, _RIGHT, _ROW = 760, 170, 170, 26


def table_of(found: Watched) -> str:
    """Return the table as text.

    `auc` is of the largest reading so far, `early` at one tick of each cell, `(whole)` of whole
    episodes, which the clock wins; `sim.stats.Discrimination` has the differences. `tick` is that
    of the first alarm in failing episodes, on average.
    """
    lines = [_HEAD, *(_line(item) for item in found.monitors)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    rows = [
        "  ".join(word.rjust(width) for word, width in zip(line, widths, strict=True))
        for line in lines
    ]
    fitted = ", ".join(f"{cell}: {number}" for cell, number in found.num_fitted.items())
    told = (
        f"{found.num_failing} failing and {found.num_succeeding} succeeding episodes; "
        f"fitted on successes ({fitted})"
    )
    return "".join(f"{row}\n" for row in [*rows, told])


def _line(item: MonitorFigures) -> tuple[str, ...]:
    alarms, chance = item.alarms, item.chance
    return (
        item.name,
        rate(item.auc),
        rate(item.auc_early),
        f"{item.auc_whole.value:.2f}",
        rate(alarms.detection),
        f"{chance.detection:.2f}",
        rate(alarms.false_alarm),
        f"{chance.false_alarm:.2f}",
        "-" if alarms.tick is None else f"{alarms.tick:.0f}",
        "-" if chance.tick is None else f"{chance.tick:.0f}",
    )


def records(found: Watched, *, origin: Origin) -> list[dict[str, Any]]:
    """Return the figures as records; design section 9 has their form."""
    return [
        {
            "metric": f"monitor/{name}",
            "value": round(figure.value, 4),
            "low": _end(figure.low),
            "high": _end(figure.high),
            "n": figure.n,
            "unit": unit,
            "against": against,
            **asdict(origin),
        }
        for name, figure, unit, against in _figures(found)
        if math.isfinite(figure.value)
    ]


def _end(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _figures(found: Watched) -> Iterator[tuple[str, Estimate, str, str]]:
    area = "area under the receiver's curve, largest reading so far"
    for item in found.monitors:
        yield f"{item.name}/auc", item.auc, area, "0.5, a clock"
        for cell, figure in item.by_cell.items():
            yield f"{item.name}/auc/{cell}", figure, area, "0.5, a clock"
        yield f"{item.name}/auc_early", item.auc_early, f"{area}, at one tick", "0.5, a clock"
        yield f"{item.name}/auc_whole", item.auc_whole, "the same, whole episodes", "a clock's"
        alarms, chance = item.alarms, item.chance
        shares = (
            ("detection", alarms.detection, chance.detection, "failing"),
            ("false_alarm", alarms.false_alarm, chance.false_alarm, "succeeding"),
        )
        for name, figure, by_chance, kind in shares:
            unit = f"share of {kind} episodes with an alarm"
            yield f"{item.name}/{name}", figure, unit, f"chance at the same rate, {by_chance:.3f}"
        if alarms.tick is not None:
            count = round(alarms.detection.value * alarms.detection.n)
            tick = Estimate(alarms.tick, float("nan"), float("nan"), count)
            unit = "ticks to the first alarm of a failing episode"
            against = "" if chance.tick is None else f"chance at the same rate, {chance.tick:.1f}"
            yield f"{item.name}/tick", tick, unit, against


def picture(found: Watched) -> str:
    """Return the areas with their intervals, as a plot."""
    height = _ROW * len(found.monitors) + 26
    scale = Scale(0.0, 1.0, _LEFT, _WIDTH - _RIGHT)
    grid = "".join(
        line(scale(value), 0, scale(value), height - 22, "zero" if value == 0.5 else "grid")
        + text(scale(value), height - 6, f"{value:.2f}", "tick")
        for value in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    rows = "".join(
        _row(scale, _ROW * index + _ROW / 2, item) for index, item in enumerate(found.monitors)
    )
    label = "how often a failing episode is above a succeeding one after as long, by monitor"
    return standalone(drawing(_WIDTH, height, grid + rows, label=label, kind="wide"))


def _row(scale: Scale, y: float, item: MonitorFigures) -> str:
    area = item.auc
    kind = "up" if area.low > 0.5 else "down" if area.high < 0.5 else "even"
    name = text(_LEFT - 12, y + 4, item.name, "label aside" if item.name == CLOCK else "label")
    return (
        name
        + interval(scale, area.low, area.high, y, kind)
        + dot(scale(area.value), y, kind, title=f"n = {area.n}")
        + text(_WIDTH - _RIGHT + 12, y + 4, rate(area), "value")
    )


def write_report(directory: Path, found: Watched, *, origin: Origin, rule: Rule) -> None:
    """Write `monitors.json` and `monitors.svg`."""
    tree = {
        "results": records(found, origin=origin),
        "rule": asdict(rule),
        "num_fitted": dict(found.num_fitted),
        "thresholds": {cell: item.to_tree() for cell, item in found.thresholds.items()},
    }
    write_whole(directory / "monitors.json", json.dumps(tree, indent=1) + "\n")
    write_whole(directory / "monitors.svg", picture(found))
