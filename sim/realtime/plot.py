"""Success against delay for every method: a panel each, with all others behind it."""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sim.files import write_whole
from sim.realtime.bench import Rows
from sim.realtime.methods import METHODS
from sim.realtime.row import Row
from sim.report.svg import Scale, dot, drawing, line, path, standalone, text
from sim.stats import Estimate, success_rate
from steer.errors import ConfigError

__all__ = ["add_parser", "delay_plot"]

_ACROSS, _PANEL, _HEIGHT, _GAP = 4, 226, 190, 18
_LEFT, _TOP, _FOOT = 40, 48, 38
_OURS = "ours"
_Rates = Mapping[int, Estimate]


def delay_plot(rows: Sequence[Row]) -> str:
    """Return success against delay with 95% intervals, a panel for each method; empty without rows.

    All cells count together, as in the table.
    """
    rates = _rates(rows)
    if not rates:
        return ""
    delays = sorted({delay for found in rates.values() for delay in found})
    count = len(rates)
    columns = min(_ACROSS, count)
    lines = -(-count // columns)
    body = ""
    for place, name in enumerate(rates):
        x = _LEFT + (place % columns) * (_PANEL + _GAP)
        y = _TOP + (place // columns) * (_HEIGHT + _FOOT + 30)
        body += "".join(_panel(rates, name, delays, x, y))
    width = _LEFT + columns * (_PANEL + _GAP)
    height = _TOP + lines * (_HEIGHT + _FOOT + 30) - 10
    cells = ", ".join(sorted({row.cell for row in rows}))
    body += text(_LEFT, 16, f"success against delay, 95% intervals: {cells}", "strong")
    label = (
        "share of episodes with success against the delay in ticks, each method in its own panel"
    )
    return drawing(width, height, body, label=label, kind="wide")


def _rates(rows: Sequence[Row]) -> dict[str, _Rates]:
    """Return the success of each method at each delay, in the order of the methods."""
    ends: dict[tuple[str, int], list[bool]] = defaultdict(list)
    for row in rows:
        ends[row.method, row.delay].append(row.is_success)
    there = {name for name, _ in ends}
    known = [name for name in ("alone", *METHODS) if name in there]
    names = [*known, *sorted(there.difference(known))]
    return {
        name: {d: success_rate(found) for (who, d), found in sorted(ends.items()) if who == name}
        for name in names
    }


def _panel(
    rates: Mapping[str, _Rates], name: str, delays: Sequence[int], x: float, y: float
) -> Iterator[str]:
    most = max(1, delays[-1])
    across = Scale(0, most, x + 12, x + _PANEL - 12)
    upright = Scale(0.0, 1.0, y + _HEIGHT, y)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        kind = "zero" if share == 0 else "grid"
        yield line(x, upright(share), x + _PANEL, upright(share), kind)
        if x == _LEFT:
            yield text(x - 6, upright(share) + 4, f"{share:g}", "label aside")
    for delay in delays:
        yield text(across(delay), y + _HEIGHT + 16, f"{delay}", "tick")
    yield text(x + _PANEL, y + _HEIGHT + 32, "ticks of delay", "side end")
    yield text(x, y - 8, name, "strong")
    for other, found in rates.items():
        if other != name:
            kind = "trend" if other == _OURS else "beside"
            yield path(_places(found, across, upright), kind, title=other)
    kind, own = "steered" if name == _OURS else "even", rates[name]
    yield path(_places(own, across, upright), kind)
    for delay, rate in own.items():
        title = f"{name} at {delay}: {rate.value:.2f} [{rate.low:.2f}, {rate.high:.2f}]"
        yield line(across(delay), upright(rate.low), across(delay), upright(rate.high), kind)
        yield dot(across(delay), upright(rate.value), kind, title=f"{title}, n = {rate.n}")


def _places(found: _Rates, across: Scale, upright: Scale) -> list[tuple[float, float]]:
    return [(across(delay), upright(rate.value)) for delay, rate in found.items()]


def add_parser(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", limits: Path
) -> None:
    """Add the command `plot`."""
    del limits
    parser = commands.add_parser("plot", help="draw success against delay of a run of the bench")
    parser.set_defaults(work=_plot)
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="directory of the run")
    parser.add_argument("--output", type=Path, required=True, help="SVG file")


def _plot(options: argparse.Namespace, words: Sequence[str]) -> int:
    del words
    path = options.run / "rows.jsonl"
    rows = Rows(path).rows
    if not rows:
        raise ConfigError(f"{path}: expected rows of the bench, got none")
    write_whole(options.output, standalone(delay_plot(rows)))
    sys.stdout.write(f"{options.output}: {len(rows)} episodes\n")
    return 0
