"""`python -m sim.realtime recover`: a server is killed with -9, and comes back.

The robot runs in real time all the while. What is looked at: whether its commands keep their limits
on the way down the ladder and back, and how long after the new server says SERVING it is steered
again, with no action of its own.
"""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from sim.origin import Origin, code_digest
from sim.realtime.bench import served
from sim.realtime.cell import LIVE_CODE, LiveCell, Places, apart, check_code
from sim.realtime.figures import recover_records, recover_table
from sim.realtime.health import Watch
from sim.realtime.job import Job, Lived
from sim.realtime.kept import broken_limits, largest_step
from sim.realtime.lines import Lines
from sim.realtime.live import Living
from sim.realtime.shared import running_world
from sim.records import write_records
from sim.seeds import episode_seeds
from sim.tasks import spec_of
from steer.clock import MonotonicClock
from steer.limits import Limits
from steer.loop.ladder import Rung

__all__ = ["add_parser"]

_RECORDS = Path("demo") / "realtime_recover.json"
_BEFORE_S, _AFTER_S = 2.0, 2.0
"""Steered for so long before the server is killed, and after it has come back."""
_START_S = 900.0


def add_parser(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", limits: Path
) -> None:
    """Add the command `recover`."""
    parser = commands.add_parser("recover", help="kill the server, and see the robot come back")
    parser.set_defaults(work=_recover)
    parser.add_argument("--cell", default="dit/fetch-push", metavar="POLICY/TASK")
    parser.add_argument("--runs", type=int, default=5, help="(default: 5)")
    parser.add_argument("--candidates", type=int, default=8, help="N (default: 8)")
    parser.add_argument("--limits", type=Path, default=limits, help=f"(default: {limits})")
    parser.add_argument("--output", type=Path, required=True, help="directory of the runs")


def _recover(options: argparse.Namespace, words: Sequence[str]) -> int:
    settings = {name: getattr(options, name) for name in ("cell", "candidates")}
    lines = Lines(options.output / "recover.jsonl", {**settings, "code": code_digest(LIVE_CODE)})
    command = shlex.join(["python", "-m", "sim.realtime", *words])
    todo = range(len(lines.rows), options.runs)
    cell = LiveCell(
        cell=options.cell, num_candidates=options.candidates, limits_file=options.limits
    )
    with apart() as places:
        for number in tqdm(todo, unit="run"):
            row = _run(cell, options.output, places, number)
            check_code(lines.settings["code"])
            lines.add({**row, "made_by": asdict(Origin.now(command))})
    sys.stdout.write(recover_table(lines.rows))
    write_records(_RECORDS, recover_records(lines.rows, command))
    return 0


def _run(cell: LiveCell, output: Path, places: Places, number: int) -> dict[str, Any]:
    """Return the row of one run."""
    clock, limits, spec = MonotonicClock(), cell.limits(), spec_of(cell.task)
    seed, load = (
        episode_seeds("user", number + 1, block=spec.seed_block)[number],
        os.getloadavg()[0],
    )
    with ExitStack() as stack:
        first = stack.enter_context(
            served([cell.cell], log=output / f"{number}-before.log", policy_workers=1)
        )
        world = stack.enter_context(running_world(cell.task, seed))
        job = Job(
            kind="ours",
            world=world.directory,
            remote=cell.remote(first.address, limits),
            hz=cell.body.control_hz,
            seconds=float("inf"),
            limits=limits,
            num_observations=cell.num_observations(first.address),
            core=places.own,
            cores=places.others,
        )
        living = stack.enter_context(Living(job))
        living.wait_for(Rung.STEERED, budget_s=_START_S)
        clock.sleep(_BEFORE_S)
        killed_s = clock.now_s()
        os.kill(first.pid, signal.SIGKILL)
        living.wait_for(Rung.HOLD, after_s=killed_s, budget_s=_START_S)
        with Watch(first.address, clock) as watch:
            log = output / f"{number}-after.log"
            stack.enter_context(
                served([cell.cell], log=log, policy_workers=1, listen=first.address)
            )
            serving_s = watch.serving_s(budget_s=_START_S)
        steered_s = living.wait_for(Rung.STEERED, after_s=serving_s, budget_s=_START_S)
        clock.sleep(_AFTER_S)
        lived = living.lived(budget_s=_START_S, is_stopped=True)
    rungs = [(name, round(at - killed_s, 3)) for name, at in living.changes if at >= killed_s]
    return {
        "run": number,
        "load": round(load, 2),
        "recover_s": round(steered_s - serving_s, 4),
        "gone_s": round(serving_s - killed_s, 3),
        "rungs": rungs,
        **_kept(lived, limits),
    }


def _kept(lived: Lived, limits: Limits) -> dict[str, Any]:
    commands_TA = np.array(lived.actions)
    return {
        "ticks": len(commands_TA),
        "broken": broken_limits(commands_TA, limits),
        "largest_step": round(largest_step(commands_TA, limits), 4),
        "num_starts": lived.num_starts,
        "refused": lived.refused,
        "faults": lived.faults,
    }
