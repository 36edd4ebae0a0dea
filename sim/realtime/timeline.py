"""The picture of one episode: ticks, requests, splices, rungs, and what was commanded."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import get_args

from sim.evaluation.tuned import Tuned
from sim.files import write_whole
from sim.realtime.bench import Worker, served
from sim.realtime.bouts import add_heads, make_bout
from sim.realtime.delays import JITTERS
from sim.realtime.limits import read_limits
from sim.realtime.methods import METHODS
from sim.realtime.trace import Trace
from sim.report.svg import Scale, dot, drawing, line, path, rect, standalone, text
from sim.seeds import Split, episode_seeds
from sim.tasks import spec_of

__all__ = ["add_parser", "timeline"]

_WIDTH, _LEFT, _RIGHT = 980, 96, 16
_LANES, _LANE, _GAP = 3, 12, 24
_BAND_Y, _SPANS_Y, _PLOT_Y, _PLOT = 34, 66, 66 + _LANES * _LANE + 14, 96
_RUNGS = {
    "STEERED": ("steered", "chosen chunk"),
    "POLICY": ("policy", "policy's own"),
    "REST": ("rest", "rest of a chunk"),
    "HOLD": ("hold", "slows down, holds"),
    "STOP": ("stop", "stopped"),
    "NOTHING": ("nothing", "nothing yet"),
}
_LINES = ("one", "two")
_OF_A_LETTER = 5.8
"""Pixels, of the smaller words."""


def timeline(
    trace: Trace, *, hz: float, names: Sequence[str], dims: Sequence[int], head: str
) -> str:
    """Return the picture.

    From above: the rung of each tick; each request from when it was asked to when its answer was
    there, with a dot where the first action of it ran; and a plot for each dimension, with a dashed
    line at each splice.

    Args:
        trace: Of the episode.
        hz: Ticks a second.
        names: Of all dimensions.
        dims: Those to draw.
        head: What it is of, in words.
    """
    ticks = len(trace.ticks)
    across = Scale(0, max(1, ticks), _LEFT, _WIDTH - _RIGHT)
    bottom = _PLOT_Y + len(dims) * (_PLOT + _GAP)
    body = text(_LEFT, 14, head, "strong")
    body += "".join(_axis(across, bottom, hz))
    body += "".join(_rungs(trace, across)) + "".join(_requests(trace, across))
    for place, dim in enumerate(dims):
        top = _PLOT_Y + place * (_PLOT + _GAP)
        body += "".join(_commands(trace, across, top, dim, names[dim], _LINES[place % 2]))
    body += text(_LEFT - 10, _BAND_Y + 12, "rung", "label")
    body += text(_LEFT - 10, _SPANS_Y + 12, "requests", "label")
    body += "".join(_legend(trace, bottom + 44))
    label = f"timeline of one episode, {head}: {ticks} ticks, {len(trace.asked)} requests"
    return drawing(_WIDTH, bottom + 56, body, label=label, kind="wide")


def _axis(across: Scale, bottom: float, hz: float) -> Iterator[str]:
    for value in across.ticks():
        x = across(value)
        yield line(x, _BAND_Y - 4, x, bottom, "grid")
        yield text(x, bottom + 16, f"{value:g}", "tick")
    yield text(_LEFT - 10, bottom + 16, "tick", "label")
    yield text(_WIDTH - _RIGHT, bottom + 30, f"{hz:g} ticks a second", "side end")


def _rungs(trace: Trace, across: Scale) -> Iterator[str]:
    """Give a band for each stretch on one rung."""
    for name, stretch in groupby(enumerate(trace.ticks), key=lambda item: item[1].rung):
        numbers = [number for number, _ in stretch]
        first, last = numbers[0], numbers[-1] + 1
        title = f"{name}: ticks {first} to {last - 1}"
        x = across(first)
        yield rect(x, _BAND_Y, across(last) - x, 16, _RUNGS[name][0], title=title)


def _requests(trace: Trace, across: Scale) -> Iterator[str]:
    """Give a span for each request, and a dot where its first action ran."""
    ran = {item.sequence: number for number, item in enumerate(trace.ticks) if item.is_first}
    for asked in trace.asked:
        y = _SPANS_Y + _LANE * ((asked.sequence - 1) % _LANES)
        there = len(trace.ticks) if asked.there is None else asked.there
        kind = "override" if asked.overrode else "policy"
        kind = "hold" if asked.there is None else kind
        came = "never came" if asked.there is None else f"there at {asked.there}"
        runs = ran.get(asked.sequence)
        title = f"request {asked.sequence}: asked at {asked.at}, {came}"
        title += "" if runs is None else f", runs from {runs}"
        x = across(asked.at)
        yield rect(x, y, max(2.0, across(there) - x), 7, kind, title=title)
        if runs is not None:
            yield dot(across(runs), y + 3.5, "run", title=title)


def _commands(
    trace: Trace, across: Scale, top: float, dim: int, name: str, kind: str
) -> Iterator[str]:
    """Give the commands of a dimension, and a dashed line at each splice."""
    values = [None if item.action is None else float(item.action[dim]) for item in trace.ticks]
    known = [value for value in values if value is not None] or [0.0]
    most = max(abs(min(known)), abs(max(known)), 1e-3)
    upright = Scale(-most, most, top + _PLOT, top)
    yield line(_LEFT, upright(0), _WIDTH - _RIGHT, upright(0), "zero")
    for value in (-most, most):
        yield line(_LEFT, upright(value), _WIDTH - _RIGHT, upright(value), "grid")
        yield text(_LEFT - 10, upright(value) + 4, f"{value:+.2g}", "label aside")
    yield text(_LEFT - 10, upright(0) + 4, name, "label")
    for number, item in enumerate(trace.ticks):
        if item.is_first:
            yield line(across(number), top, across(number), top + _PLOT, "seam")
    for is_known, stretch in groupby(enumerate(values), key=lambda item: item[1] is not None):
        if is_known:
            yield path([(across(n + 0.5), upright(v or 0.0)) for n, v in stretch], kind)
    for number, item in enumerate(trace.ticks):
        if item.is_broken:
            x = across(number + 0.5)
            yield line(x, top + _PLOT - 6, x, top + _PLOT, "down")


def _legend(trace: Trace, y: float) -> Iterator[str]:
    """Give what the colours mean; of the rungs those that there are."""
    there = {item.rung for item in trace.ticks}
    words = [(kind, what) for name, (kind, what) in _RUNGS.items() if name in there]
    words += [("override", "request: not the policy's own chunk"), ("policy", "request: its own")]
    x = float(_LEFT)
    for kind, what in words:
        yield rect(x, y - 8, 10, 10, kind)
        yield text(x + 14, y + 1, what, "side")
        x += 24 + _OF_A_LETTER * len(what)
    yield dot(x + 5, y - 3, "run")
    yield text(x + 14, y + 1, "runs", "side")
    x += 24 + _OF_A_LETTER * 4
    yield line(x + 5, y - 10, x + 5, y + 3, "seam")
    yield text(x + 12, y + 1, "splice", "side")
    if any(item.is_broken for item in trace.ticks):
        x += 24 + _OF_A_LETTER * 6
        yield line(x + 5, y - 8, x + 5, y + 1, "down")
        yield text(x + 12, y + 1, "moved by a limit", "side")


def add_parser(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", limits: Path
) -> None:
    """Add the command `timeline`."""
    parser = commands.add_parser("timeline", help="draw one episode of the bench")
    parser.set_defaults(work=_timeline)
    parser.add_argument("--cell", required=True, metavar="POLICY/TASK")
    names = ["alone", *METHODS]
    parser.add_argument("--method", default="ours", choices=names, metavar="NAME")
    parser.add_argument("--delay", type=int, default=5, help="in ticks (default: 5)")
    parser.add_argument("--jitter", choices=JITTERS, default="gauss", help="(default: gauss)")
    parser.add_argument(
        "--drop", type=float, default=0.0, help="share of lost answers (default: 0)"
    )
    parser.add_argument("--seeds", choices=get_args(Split), default="user", help="(default: user)")
    parser.add_argument("--seed", type=int, default=0, help="number of the episode (default: 0)")
    parser.add_argument("--candidates", type=int, help="N (default: as tuned)")
    parser.add_argument("--dims", type=int, nargs="+", default=[0, 1], help="(default: 0 1)")
    add_heads(parser)
    parser.add_argument("--limits", type=Path, default=limits, help=f"(default: {limits})")
    parser.add_argument("--output", type=Path, required=True, help="SVG file")


def _timeline(options: argparse.Namespace, words: Sequence[str]) -> int:
    del words
    spec = spec_of(options.cell.split("/", 1)[1])
    settings = Tuned.load().settings
    if options.candidates is not None:
        settings = replace(settings, num_candidates=options.candidates)
    hz = spec.embodiment.control_hz
    seeds = episode_seeds(options.seeds, options.seed + 1, block=spec.seed_block)
    bout = make_bout(
        options.cell,
        options.method,
        delay=options.delay,
        jitter=options.jitter,
        drop=options.drop,
        seed=seeds[options.seed],
        settings=settings,
        limits=read_limits(options.limits, [options.cell])[options.cell],
        heads=options.heads,
    )
    trace = Trace()
    log = options.output.with_suffix(".log")
    with served([options.cell], methods=[bout.method], log=log, policy_workers=1) as server:
        worker = Worker(server.address, settings)
        row = worker.play(bout, on_tick=trace.on_tick, on_answer=trace.on_answer).row
    end = "success" if row.is_success else "no success"
    head = f"{bout.cell}, {bout.method.name}, {options.delay} ticks of delay, {end}"
    names = [dim.name for dim in spec.embodiment.actions]
    picture = timeline(trace, hz=hz, names=names, dims=options.dims, head=head)
    write_whole(options.output, standalone(picture))
    sys.stdout.write(f"{options.output}: {head}\n")
    return 0
