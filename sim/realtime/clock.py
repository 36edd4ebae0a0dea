"""`python -m sim.realtime clock`: is System 1 punctual beside a server that is ranking?

A run drives the same robot twice, one after the other: by our loop, and by the naive one. The
physics steps on the wall clock in a process of its own, the server is asked all the time, and the
robot has 14 dimensions, of which the first are the cell's. Above our loop, on its core, another
only looks whether the core is there: so what the machine took is told from what our loop lost. A
third part drives the cell's own robot at its own rate and says how old decisions are when they run.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from sim.origin import Origin, code_digest
from sim.realtime.bench import served
from sim.realtime.cell import LIVE_CODE, LiveCell, Places, apart, check_code
from sim.realtime.figures import clock_records, clock_table
from sim.realtime.job import Job, Lived
from sim.realtime.lines import Lines
from sim.realtime.live import Living
from sim.realtime.shared import running_world
from sim.realtime.timing import away, lost_ticks, punctuality
from sim.realtime.wide import wide_limits
from sim.realtime.witness import MOST_HZ, Witness
from sim.records import write_records
from sim.seeds import episode_seeds
from sim.tasks import spec_of
from steer.loop.running import act_after

__all__ = ["add_parser"]

_RECORDS = Path("demo") / "realtime_clock.json"
_MOST_PRIORITY = 99
_PATIENCE_S = 200.0
"""Beside the time that counts: to load, and to be steered for the first time."""


def add_parser(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", limits: Path
) -> None:
    """Add the command `clock`."""
    parser = commands.add_parser("clock", help="be punctual beside a server that is ranking")
    parser.set_defaults(work=_clock)
    parser.add_argument("--cell", default="dit/push", metavar="POLICY/TASK")
    parser.add_argument("--hz", type=float, default=200.0, help="(default: 200)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each loop (default: 60)")
    parser.add_argument("--age-seconds", type=float, default=20.0, help="(default: 20)")
    parser.add_argument("--runs", type=int, default=5, help="(default: 5)")
    parser.add_argument("--candidates", type=int, default=64, help="N (default: 64)")
    parser.add_argument("--dims", type=int, default=14, help="of the robot (default: 14)")
    parser.add_argument(
        "--priority", type=_priority, help="of real time (default: as allowed; 0: none)"
    )
    parser.add_argument("--may-sleep", action="store_true", help="let cores sleep")
    parser.add_argument("--limits", type=Path, default=limits, help=f"(default: {limits})")
    parser.add_argument("--output", type=Path, required=True, help="directory of the runs")


def _priority(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST_PRIORITY:
        raise argparse.ArgumentTypeError(f"expected 0 to {_MOST_PRIORITY}, got {text!r}")
    return int(text)


def _clock(options: argparse.Namespace, words: Sequence[str]) -> int:
    names = ("cell", "hz", "seconds", "age_seconds", "candidates", "dims", "priority", "may_sleep")
    settings = {name: getattr(options, name) for name in names}
    lines = Lines(options.output / "clock.jsonl", {**settings, "code": code_digest(LIVE_CODE)})
    command = shlex.join(["python", "-m", "sim.realtime", *words])
    todo = range(len(lines.rows), options.runs)
    if todo:
        cell = LiveCell(
            cell=options.cell, num_candidates=options.candidates, limits_file=options.limits
        )
        with (
            apart() as places,
            served([options.cell], log=options.output / "server.log", policy_workers=1) as server,
        ):
            for number in tqdm(todo, unit="run"):
                row = _run(cell, options, places, server.address, number)
                check_code(lines.settings["code"])
                lines.add({**row, "made_by": asdict(Origin.now(command))})
    sys.stdout.write(clock_table(lines.rows))
    write_records(_RECORDS, clock_records(lines.rows, command))
    return 0


def _run(
    cell: LiveCell, options: argparse.Namespace, places: Places, server: str, number: int
) -> dict[str, Any]:
    """Return the row of one run."""
    load, spec = os.getloadavg()[0], spec_of(cell.task)
    seed = episode_seeds("user", number + 1, block=spec.seed_block)[number]
    with running_world(cell.task, seed) as world:
        size = cell.body.action_dim
        ours = Job(
            kind="ours",
            world=world.directory,
            remote=cell.remote(server, wide_limits(size)),
            hz=options.hz,
            seconds=options.seconds,
            wide=options.dims,
            num_observations=cell.num_observations(server),
            core=places.own,
            priority=options.priority,
            is_kept_awake=not options.may_sleep,
            cores=places.others,
        )
        naive = replace(ours, kind="naive", core=None, cores=places.every)
        own_limits = cell.limits()
        aged = replace(
            ours,
            remote=cell.remote(server, own_limits),
            hz=cell.body.control_hz,
            seconds=options.age_seconds,
            wide=0,
            limits=own_limits,
        )
        looks = options.hz <= MOST_HZ and not options.may_sleep  # who looks wakes the core
        with Witness(ours.core if looks else None, above=options.priority) as witness:
            lived = _lived(ours)
        ours_row = {**_punctual(ours, lived), "away": _away(ours, lived, witness.stalls_S2)}
        naive_row = _punctual(naive, _lived(naive))
        age_row = _aged(aged, _lived(aged))
    return {
        "run": number,
        "load": round(load, 2),
        "ours": ours_row,
        "naive": naive_row,
        "age": age_row,
        "world": world.told,
    }


def _lived(job: Job) -> Lived:
    with Living(job) as living:
        return living.lived(budget_s=job.seconds + _PATIENCE_S)


def _punctual(job: Job, lived: Lived) -> dict[str, Any]:
    found = punctuality(
        np.array(lived.acted_at_s),
        np.array(lived.numbers),
        start_s=lived.start_s,
        hz=job.hz,
        ticks=_ticks(job),
    )
    costs_ms = 1000 * np.array(lived.costs_s)
    return {
        **asdict(found),
        "cost_ms": _spread(costs_ms),
        "rungs": {name: lived.rungs.count(name) for name in sorted(set(lived.rungs))},
        "chunks": len(lived.ages_s),
        "refused": lived.refused,
        "faults": lived.faults,
        "place": lived.place,
        "num_starts": lived.num_starts,
    }


def _away(job: Job, lived: Lived, stalls_S2: NDArray[np.float64] | None) -> int | None:
    """Return in how many lost ticks the core was away; None where nobody could look."""
    if stalls_S2 is None:
        return None
    acted_at_s, start_s = np.array(lived.acted_at_s), lived.start_s
    lost_L = lost_ticks(acted_at_s, start_s=start_s, hz=job.hz, ticks=_ticks(job))
    return away(lost_L, stalls_S2, start_s=start_s, hz=job.hz, act_after_s=act_after(job.hz))


def _ticks(job: Job) -> int:
    return int(job.seconds * job.hz)


def _aged(job: Job, lived: Lived) -> dict[str, Any]:
    ages_ms = {
        name.removesuffix("_s"): 1000 * np.array([age[name] for age in lived.ages_s])
        for name in (lived.ages_s[0] if lived.ages_s else {})
    }
    ages_ms["fresh"] = 1000 * np.array(lived.fresh_s)
    return {
        "hz": job.hz,
        "decisions": len(lived.ages_s),
        "p50_ms": {name: _percentile(ms, 50) for name, ms in ages_ms.items()},
        "p99_ms": {name: _percentile(ms, 99) for name, ms in ages_ms.items()},
        "rungs": {name: lived.rungs.count(name) for name in sorted(set(lived.rungs))},
        "refused": lived.refused,
        "faults": lived.faults,
    }


def _spread(ms: Any) -> Mapping[str, float]:
    mean = round(float(ms.mean()), 4)
    return {"mean": mean, "p50": _percentile(ms, 50), "p99": _percentile(ms, 99)}


def _percentile(ms: Any, share: float) -> float:
    return round(float(np.percentile(ms, share)), 4)
