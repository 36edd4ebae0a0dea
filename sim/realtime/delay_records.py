"""Figures of the bench as records: success against delay, and what it says of our method."""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from sim.origin import Origin, origins_of
from sim.realtime.bench import Rows
from sim.realtime.row import Row
from sim.records import write_records
from sim.stats import Cell, Estimate, mean_gain, mean_share, paired_difference
from steer.errors import ConfigError
from steer.heads import EDITORS

__all__ = ["add_parser", "delay_records"]

_RECORDS = Path("demo") / "realtime_bench.json"
_OURS, _IDEAL, _DELAY = "ours", "wait", 5
"""Ours at that delay is held against `wait` without any: a robot that waits for no time at all."""
_UNEDITED = "ours-alone"
_SEED = 0
_Group = Mapping[tuple[str, int], Row]
"""Rows of one method at one delay, by cell and seed."""
_Groups = Mapping[tuple[str, int], _Group]


@dataclass(frozen=True, slots=True)
class _Figure:
    metric: str
    value: float
    interval: tuple[float, float] | None
    n: int
    unit: str
    against: str = ""


def delay_records(
    rows: Sequence[Row],
    origin: Origin,
    *,
    more: Sequence[Row] = (),
    more_origin: Origin | None = None,
    under: Mapping[str, tuple[Sequence[Row], Origin]] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """Return the records of a run of the bench.

    Args:
        rows: Every method at every delay on the same cells and seeds.
        origin: Of these rows.
        more: Of a second run, likewise; its methods that the first has too are there to be paired
            with, and are not published again.
        more_origin: Of those.
        under: Runs on other networks, by name, with their origin.

    Raises:
        ConfigError: A method lacks episodes that another one of its run has.
    """
    groups = _groups(rows)
    found = [(item, origin) for item in _figures(groups)]
    if more:
        others, seen = _groups(more), {method for method, _ in groups}
        figures = [*_successes(others, besides=seen), *_edits(others)]
        found += [(item, more_origin or origin) for item in figures]
    for name, (disturbed, whose) in under.items():
        found += [(item, whose) for item in _under(name, _groups(disturbed))]
    return [_record(item, whose) for item, whose in found]


def _record(item: _Figure, origin: Origin) -> dict[str, Any]:
    low, high = item.interval or (None, None)
    return {
        "metric": item.metric,
        "value": round(item.value, 4),
        "low": None if low is None else round(low, 4),
        "high": None if high is None else round(high, 4),
        "n": item.n,
        "unit": item.unit,
        "against": item.against,
        **asdict(origin),
    }


def _groups(rows: Sequence[Row]) -> _Groups:
    found: dict[tuple[str, int], dict[tuple[str, int], Row]] = defaultdict(dict)
    for row in rows:
        found[row.method, row.delay][row.cell, row.seed] = row
    every = {key for group in found.values() for key in group}
    for (method, delay), group in sorted(found.items()):
        if len(group) != len(every):
            contract = f"all {len(every)} episodes of {method} at {delay} ticks"
            raise ConfigError(
                f"rows: expected {contract}, got {len(group)}; run the bench to its end"
            )
    return found


def _figures(groups: _Groups) -> Iterator[_Figure]:
    yield from _successes(groups)
    yield from _edits(groups)
    cells = sorted({cell for group in groups.values() for cell, _ in group})
    yield _Figure("tasks", len(cells), None, len(cells), ", ".join(cells))
    if (_OURS, _DELAY) in groups and (_IDEAL, 0) in groups:
        yield from _against_ideal(groups)
    ours = [
        row for (method, _), group in groups.items() if method == _OURS for row in group.values()
    ]
    if ours:
        stops = sum(row.broken for row in ours)
        ticks = sum(row.steps for row in ours)
        unit = (
            f"ticks of {ticks} in which a limit would have been broken, all delays; candidates "
            "were moved within the limits before they were judged"
        )
        yield _Figure("protective_stops", stops, None, len(ours), unit)
        for delay in sorted(delay for method, delay in groups if method == _OURS):
            held = groups[_OURS, delay].values()
            share = sum(row.moved for row in held) / max(1, sum(row.decisions for row in held))
            unit = "share of decisions whose chosen chunk was moved within the limits"
            yield _Figure(f"moved/{_OURS}/d{delay}", share, None, len(held), unit)
    for (method, delay), group in sorted(groups.items()):
        broken = [row.broken for row in group.values()]
        unit = "ticks in which a limit would have been broken"
        yield _Figure(f"limit_breaks/{method}/d{delay}", sum(broken), None, len(broken), unit)
        if (method, delay) == ("naive", _DELAY):
            yield _Figure("naive_limit_breaks", sum(broken), None, len(broken), unit)


def _successes(
    groups: _Groups, besides: set[str] | frozenset[str] = frozenset()
) -> Iterator[_Figure]:
    for (method, delay), group in sorted(groups.items()):
        if method in besides:
            continue
        cells = sorted({cell for cell, _ in group})
        name, where = f"{method}/d{delay}", ", ".join(cells)
        rate = mean_gain(_cells(group, None), rng=_rng()).fixed
        yield _of(f"success/{name}", rate, f"success, mean over {where}")
        for cell in cells if len(cells) > 1 else ():
            own = {key: row for key, row in group.items() if key[0] == cell}
            rate = mean_gain(_cells(own, None), rng=_rng()).fixed
            yield _of(f"success/{name}/{cell}", rate, "success")
        held = list(group.values())
        steps = sum(row.steps for row in held)
        idle = sum(row.rungs.get(rung, 0) for row in held for rung in ("NOTHING", "HOLD", "STOP"))
        shapes = (
            ("standing", idle / max(1, steps), "share of ticks without an action to run"),
            (
                "seam",
                float(np.mean([row.seam for row in held])),
                "largest jump, parts of the range",
            ),
            ("jerk", float(np.mean([row.jerk for row in held])), "rms, parts of the range a tick"),
            (
                "age_ms",
                float(np.mean([row.ages_ms[0] for row in held])),
                "mean age of what ran, ms",
            ),
        )
        for kind, value, unit in shapes:
            yield _Figure(f"{kind}/{name}", value, None, len(held), unit)


def _under(name: str, groups: _Groups) -> Iterator[_Figure]:
    """Say what is left on another network, and what the robot did meanwhile."""
    for figure in _successes(groups):
        kind, _, rest = figure.metric.partition("/")
        if kind in ("success", "standing") and rest.count("/") == 1:
            yield replace(figure, metric=f"{kind}_under/{name}/{rest}")
    for (method, delay), group in sorted(groups.items()):
        broken = [row.broken for row in group.values()]
        metric, unit = f"limit_breaks_under/{name}/{method}/d{delay}", "ticks"
        yield _Figure(metric, sum(broken), None, len(broken), unit)


def _edits(groups: _Groups) -> Iterator[_Figure]:
    """Say what each kind of edit adds, all without agreement, at the delay that counts."""
    plain = groups.get((_UNEDITED, _DELAY))
    for kind in EDITORS:
        edited = groups.get((f"ours-{kind}", _DELAY))
        if edited is None or plain is None:
            continue
        keys = sorted(edited)
        found = paired_difference(
            [edited[key].is_success for key in keys], [plain[key].is_success for key in keys]
        )
        where = ", ".join(sorted({cell for cell, _ in keys}))
        name = "edit_gain" if kind == "edit" else f"edit_gain/{kind}"
        unit = f"success at {_DELAY} ticks, {where}"
        found_of = Estimate(found.value, found.low, found.high, found.n)
        yield _of(name, found_of, unit, "ours without edits, paired by seed")


def _against_ideal(groups: _Groups) -> Iterator[_Figure]:
    ideal = groups[_IDEAL, 0]
    what = "zero-delay steered success, paired by seed"
    for method in sorted({name for name, delay in groups if delay == _DELAY}):
        late = groups[method, _DELAY]
        share = mean_share(_cells(late, None), _cells(ideal, None), rng=_rng())
        name = f"success_ratio_d{_DELAY}" + ("" if method == _OURS else f"/{method}")
        if share is not None:
            yield _of(name, share, f"ratio of mean successes, {method}", what)
        own = groups.get((method, 0))
        if own is not None and method != "wait":
            kept = mean_share(_cells(late, None), _cells(own, None), rng=_rng())
            if kept is not None:
                metric = f"success_ratio_d{_DELAY}_own/{method}"
                yield _of(metric, kept, f"ratio of mean successes, {method}", "its own at 0 ticks")
        if method != _OURS:
            gap = mean_gain(_cells(groups[_OURS, _DELAY], late), rng=_rng()).fixed
            metric = f"success_over/{method}/d{_DELAY}"
            yield _of(metric, gap, "success, ours minus it", f"{method}, paired by seed")


def _of(metric: str, found: Estimate, unit: str, against: str = "") -> _Figure:
    return _Figure(metric, found.value, (found.low, found.high), found.n, unit, against)


def _cells(group: _Group, base: _Group | None) -> list[Cell]:
    """Return the cells of a group against another one, or against nothing at all."""
    found = []
    for cell in sorted({cell for cell, _ in group}):
        policy, task = cell.split("/", 1)
        first = {seed: float(row.is_success) for (name, seed), row in group.items() if name == cell}
        second = {
            seed: 0.0 if base is None else float(base[cell, seed].is_success) for seed in first
        }
        found.append(Cell(policy=policy, task=task, first=first, second=second))
    return found


def _rng() -> np.random.Generator:
    return np.random.default_rng(_SEED)


def add_parser(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", limits: Path
) -> None:
    """Add the command `records`."""
    del limits
    parser = commands.add_parser("records", help="make the figures of a run of the bench")
    parser.set_defaults(work=_write)
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="with all methods at all delays")
    parser.add_argument("--more", type=Path, metavar="RUN_DIR", help="with more methods")
    parser.add_argument(
        "--under",
        type=Path,
        nargs="+",
        default=[],
        metavar="RUN_DIR",
        help="on other networks; the figures are named after the directory",
    )
    parser.add_argument("--output", type=Path, default=_RECORDS, help=f"(default: {_RECORDS})")


def _write(options: argparse.Namespace, words: Sequence[str]) -> int:
    del words
    rows, origin = _read(options.run)
    more, more_origin = _read(options.more) if options.more else ([], None)
    under = {path.name: _read(path) for path in options.under}
    found = delay_records(rows, origin, more=more, more_origin=more_origin, under=under)
    write_records(options.output, found)
    count = len(rows) + len(more) + sum(len(others) for others, _ in under.values())
    sys.stdout.write(f"{options.output}: {len(found)} figures of {count} episodes\n")
    return 0


def _read(directory: Path) -> tuple[list[Row], Origin]:
    """Return rows, and the command that made the last of them.

    Raises:
        ConfigError: There are none.
    """
    path = directory / "rows.jsonl"
    rows = Rows(path).rows
    settings = directory / "run.json"
    if not rows or not settings.is_file():
        raise ConfigError(f"{directory}: expected a run of the bench, got none")
    return rows, origins_of(json.loads(settings.read_text()))[-1]
