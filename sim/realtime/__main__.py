"""What delays cost a robot, and what each way of bridging them saves: `python -m sim.realtime`.

    python -m sim.realtime limits --cells diffusion/fetch-push      # of the robots, on tune seeds
    python -m sim.realtime forecasts --tasks fetch-push             # of what they will observe
    python -m sim.realtime bench --cells diffusion/fetch-push --methods wait naive ours \
        --delays 0 5 --jitter gauss --episodes 20 --output runs/realtime
    python -m sim.realtime monitors --cells dit/fetch-push --episodes 120 --output runs/monitors
    python -m sim.realtime clock --cell dit/push --output runs/clock          # on the wall clock
    python -m sim.realtime recover --cell dit/fetch-push --output runs/recover

The bench: real decisions of a real server, real physics, and delays on purpose, in virtual time: an
answer that takes five ticks is there after five ticks of the world, however long this machine took
for it. On the wall clock: is System 1 punctual beside a server that is ranking, and how does it
come back after one that was killed? An interrupted run goes on with the same command.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import get_args

from tqdm import tqdm

from sim.evaluation.arms import Settings
from sim.evaluation.tuned import Tuned
from sim.files import write_whole
from sim.interrupt import GOES_ON, exit_code, run
from sim.origin import Origin, code_digest
from sim.realtime import clock, delay_records, fit, forecasts, plot, recover, timeline
from sim.realtime.bench import Played, Rows, play_all, served
from sim.realtime.bouts import PLAIN, add_cells, add_heads, make_bout
from sim.realtime.cell import LIVE_CODE
from sim.realtime.delays import JITTERS
from sim.realtime.limits import read_limits
from sim.realtime.methods import METHODS
from sim.realtime.play import Bout
from sim.realtime.row import Row
from sim.realtime.table import table
from sim.realtime.watch_report import table_of, write_report
from sim.realtime.watched import Rule, watched
from sim.seeds import Split, episode_seeds
from sim.suite import source_of
from sim.tasks import spec_of
from steer.errors import ConfigError, InvalidInputError
from steer.loop.signals import scale_of

__all__ = ["main"]

_LIMITS = Path("results") / "realtime" / "limits.json"
_INCOMPLETE = 3
_NAMES = ["alone", *METHODS]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 done, 2 refused, 3 time up, 130 interrupted."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _options(words)
    return exit_code("sim.realtime", partial(options.work, options, words), interrupted=GOES_ON)


def _bench(options: argparse.Namespace, words: Sequence[str]) -> int:
    rows, left = _played(options, words)
    sys.stdout.write(table(rows))
    return _INCOMPLETE if left else 0


def _monitors(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Say how well monitors tell failing from succeeding episodes, as a robot's would."""
    rule = Rule(
        alpha=options.alpha, in_a_row=options.in_a_row, cooldown_ticks=options.cooldown_ticks
    )
    rows, left = _played(options, words)
    if left:
        return _INCOMPLETE
    scales = {cell: _scale(cell) for cell in options.cells}
    wanted = {_key(bout) for bout in _bouts(options, _settings(options))}
    found = watched((row for row in rows if row.key in wanted), scales=scales, rule=rule)
    origin = Origin.now(shlex.join(["python", "-m", "sim.realtime", *words]))
    write_report(options.output, found, origin=origin, rule=rule)
    sys.stdout.write(table_of(found))
    return 0


def _scale(cell: str) -> list[float]:
    return [float(item) for item in scale_of(spec_of(cell.split("/", 1)[1]).embodiment)]


def _played(options: argparse.Namespace, words: Sequence[str]) -> tuple[list[Row], int]:
    """Play what is missing; return all rows, and how many could not be begun in time."""
    settings = _settings(options)
    bouts = list(_bouts(options, settings))
    _check_run(options, settings, words)
    rows = Rows(options.output / "rows.jsonl")
    todo = [bout for bout in bouts if _key(bout) not in rows.keys]
    left = 0
    if todo:
        log = options.output / "server.log"
        with (
            served(options.cells, methods=[bout.method for bout in todo], log=log) as server,
            tqdm(total=len(bouts), initial=len(bouts) - len(todo), unit="episode") as bar,
        ):

            def keep(played: Played) -> None:
                rows.add(played.row)
                bar.set_postfix_str(f"{played.row.cell} {played.row.method}")
                bar.update()

            left = play_all(
                todo,
                server=server.address,
                settings=settings,
                num_workers=options.workers,
                on_played=keep,
                minutes=options.minutes,
            )
    if left:
        sys.stdout.write(f"{left} episodes are missing: the same command goes on\n")
    return rows.rows, left


def _settings(options: argparse.Namespace) -> Settings:
    tuned = Tuned.load().settings
    given = {"num_candidates": options.candidates, "margin": options.margin}
    return replace(tuned, **{name: item for name, item in given.items() if item is not None})


def _bouts(options: argparse.Namespace, settings: Settings) -> Iterator[Bout]:
    """Return all bouts, seed by seed, so that methods stay paired whenever a run is stopped."""
    limits = read_limits(options.limits, options.cells)
    for number in range(options.first, options.first + options.episodes):
        for cell in options.cells:
            spec = spec_of(cell.split("/", 1)[1])
            seeds = episode_seeds(options.seeds, number + 1, block=spec.seed_block)
            for delay in options.delays:
                for name in options.methods:
                    yield make_bout(
                        cell,
                        name,
                        delay=delay,
                        jitter=options.jitter,
                        drop=options.drop,
                        seed=seeds[number],
                        settings=settings,
                        limits=limits[cell],
                        heads=options.heads,
                    )


def _key(bout: Bout) -> tuple[str, str, int, str, int]:
    network = bout.network
    return (bout.cell, bout.method.name, network.ticks, network.jitter, bout.seed)


def _check_run(options: argparse.Namespace, settings: Settings, words: Sequence[str]) -> None:
    """Refuse rows of other settings or other code; keep what made these.

    Raises:
        ConfigError: They are of others.
    """
    path = options.output / "run.json"
    same = {
        "settings": json.loads(json.dumps(asdict(settings))),
        "drop": options.drop,
        "limits": json.loads(options.limits.read_text()),
        "code": code_digest(LIVE_CODE),
    }
    tree = json.loads(path.read_text()) if path.is_file() else {**same, "made_by": {}}
    for name, value in same.items():
        if tree.get(name) != value:
            raise ConfigError(
                f"{options.output}: expected a run of the same {name}, got another; "
                "take another --output"
            )
    origin = Origin.now(shlex.join(["python", "-m", "sim.realtime", *words]))
    tree["made_by"] |= origin.entry()["made_by"]
    write_whole(path, json.dumps(tree, indent=1, sort_keys=True) + "\n")


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sim.realtime",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    fit.add_parser(commands, _LIMITS)
    bench = commands.add_parser("bench", help="play episodes with delays")
    bench.set_defaults(work=_bench)
    monitors = commands.add_parser("monitors", help="tell failing episodes by their decisions")
    monitors.set_defaults(work=_monitors, drop=0.0, seeds="tune")
    monitors.add_argument(
        "--method",
        dest="methods",
        nargs=1,
        default=["ours"],
        choices=_NAMES,
        metavar="NAME",
        help="of `bench` (default: ours)",
    )
    monitors.add_argument(
        "--delay",
        dest="delays",
        nargs=1,
        type=int,
        default=[5],
        metavar="TICKS",
        help="(default: 5)",
    )
    monitors.add_argument("--alpha", type=float, default=0.1, help="false alarms (default: 0.1)")
    monitors.add_argument("--in-a-row", type=int, default=1, help="readings (default: 1)")
    monitors.add_argument("--cooldown-ticks", type=int, default=0, help="after it (default: 0)")
    bench.add_argument("--methods", nargs="+", default=list(PLAIN), choices=_NAMES, metavar="NAME")
    bench.add_argument("--delays", nargs="+", type=int, default=[0, 2, 5, 8], metavar="TICKS")
    bench.add_argument("--drop", type=float, default=0.0, help="share of lost answers (default: 0)")
    bench.add_argument("--seeds", choices=get_args(Split), default="user", help="(default: user)")
    for command in (bench, monitors):
        add_cells(command, _LIMITS)
        add_heads(command)
        command.add_argument("--jitter", choices=JITTERS, default="gauss", help="(default: gauss)")
        command.add_argument("--candidates", type=int, help="N (default: as tuned)")
        command.add_argument("--margin", type=float, help="of the gate (default: as tuned)")
        command.add_argument("--minutes", type=float, default=float("inf"), help="begin none after")
        command.add_argument("--output", type=Path, required=True, help="directory of the run")
    for module in (forecasts, clock, recover, timeline, plot, delay_records):
        module.add_parser(commands, _LIMITS)
    options = parser.parse_args(words)
    _check(options, parser)
    return options


def _check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Refuse counts that are too small, and cells that there are not."""
    least = {"episodes": 1, "workers": 1, "runs": 1, "candidates": 1, "first": 0, "minutes": 0}
    for name, value in least.items():
        found = getattr(options, name, None)
        if found is not None and found < value:
            parser.error(f"--{name}: expected >= {value}, got {found}")
    for cell in (*getattr(options, "cells", ()), *filter(None, [getattr(options, "cell", "")])):
        policy, _, task = cell.partition("/")
        try:
            source_of(policy, spec_of(task).name)
        except InvalidInputError as error:
            parser.error(f"{cell!r}, of POLICY/TASK: {error}")


if __name__ == "__main__":
    sys.exit(run(main))
