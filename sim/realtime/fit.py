"""`python -m sim.realtime limits`: fit the limits of robots to what the policy alone does."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from sim.evaluation.arms import Settings
from sim.realtime.bench import Played, play_all, served
from sim.realtime.bouts import add_cells
from sim.realtime.delays import Network
from sim.realtime.limits import fitted, read_limits, write_limits
from sim.realtime.methods import ALONE
from sim.realtime.play import Bout
from sim.seeds import episode_seeds
from sim.tasks import spec_of
from steer.limits import Limits

__all__ = ["add_parser"]


def add_parser(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", limits: Path
) -> None:
    """Add the command `limits`."""
    parser = commands.add_parser("limits", help="fit the limits of robots, on tune seeds")
    parser.set_defaults(work=_fit)
    add_cells(parser, limits)


def _fit(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Fit the limits of each cell's robot, and put them beside those of other cells."""
    del words
    path: Path = options.limits
    read_limits(path)  # before an hour of playing: it may be broken
    with served(options.cells, log=path.with_suffix(".log")) as server:
        found = {cell: _fitted(cell, options, server.address) for cell in options.cells}
    write_limits(path, {**read_limits(path), **found})
    sys.stdout.write(f"{path}: limits of {', '.join(found)}\n")
    return 0


def _fitted(cell: str, options: argparse.Namespace, server: str) -> Limits:
    """Return the limits of a cell: of the policy alone, without delay."""
    spec = spec_of(cell.split("/", 1)[1])
    seeds = episode_seeds("tune", options.first + options.episodes, block=spec.seed_block)
    bouts = [
        Bout(
            cell=cell,
            method=ALONE,
            network=Network(ticks=0, hz=spec.embodiment.control_hz),
            seed=seed,
            num_candidates=1,
            limits=None,
        )
        for seed in seeds[options.first :]
    ]
    commands: list[NDArray[np.float32]] = []
    with tqdm(total=len(bouts), unit="episode", desc=cell) as bar:

        def keep(played: Played) -> None:
            commands.append(played.commands)
            bar.update()

        play_all(
            bouts,
            server=server,
            settings=Settings(num_candidates=1),
            num_workers=options.workers,
            on_played=keep,
        )
    return fitted(commands, low=-1.0, high=1.0)
