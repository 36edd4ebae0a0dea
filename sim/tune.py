"""Chooses N, margin and weight of agreement for the whole suite, on tune seeds alone; beta is 1.

    python -m sim.tune --output runs/tune

Every setting of the grid is run on the same seeds of the same cells as the policy alone. The rule,
fixed in advance: the setting whose mean gain over the cells has the highest lower end of its 95%
interval (seeds resampled); of equal ones the larger margin, then the smaller N. All numbers go to
`tuning.json` beside the artefacts, and the choice with them; it is the only configuration that
`python -m sim.evaluate` lets see test seeds.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sim.evaluation.arms import ARMS, Settings
from sim.evaluation.campaign import Campaign
from sim.evaluation.cells import Cell
from sim.evaluation.gains import paired_cells
from sim.evaluation.plan import Block, Evaluation
from sim.evaluation.row import Row
from sim.evaluation.serving import serving
from sim.files import write_whole
from sim.interrupt import GOES_ON, exit_code, run
from sim.stats import MeanGain, mean_gain
from sim.suite import ARTEFACTS, cells_of
from steer.client import SteerClient

__all__ = ["CELLS", "GRID", "choose", "main", "tune"]

_BETA = 1.0
GRID = tuple(
    Settings(num_candidates=count, margin=margin, beta=_BETA, weights={"consensus": weight})
    for weight in (0.5, 1.0, 2.0)
    for margin in (0.5, 1.0)
    for count in (64,)
)
"""Of what the bank found best; that 64 candidates gain more than 8 with these critics was known
(docs/decisions/0015)."""
CELLS = (
    "diffusion/push,diffusion/cube-single,diffusion/fetch-push,act/scene,act/fetch-slide,"
    "dit/basketball,dit/fetch-pick-and-place,smolvla/fetch-slide,diffusion-clean/box-close,"
    "diffusion-clean/cube-double"
)
"""Every package, every architecture but one (vqbet), the strong policies and the weak."""
RULE = (
    "highest lower end of the 95% interval of the mean gain over the cells, seeds resampled; of "
    "equal ones the larger margin, then the smaller N"
)


def choose(trials: Sequence[tuple[Settings, MeanGain]]) -> Settings:
    """Return the setting that the rule picks.

    Args:
        trials: What was run, and how it did against the policy alone; at least one.
    """

    def merit(trial: tuple[Settings, MeanGain]) -> tuple[float, float, int]:
        settings, gain = trial
        low = gain.fixed.low
        return (round(low, 6), settings.margin or 0.0, -settings.num_candidates)

    return max(trials, key=merit)[0]


def tune(
    cells: Sequence[Cell],
    *,
    num_episodes: int,
    num_workers: int,
    artefacts: Path,
    output: Path,
) -> dict[str, Any]:
    """Run the grid, or what is missing of it, and write the record.

    Args:
        cells: Policies and tasks to tune on.
        num_episodes: A cell and setting.
        num_workers: Parallel robots.
        artefacts: Critics and policies; the record goes there.
        output: Rows go there; with other critics or policies it must be another directory.

    Returns:
        The record.

    Raises:
        SteerError: An artefact is missing, or the server failed.
    """
    counts = list(dict.fromkeys(settings.num_candidates for settings in GRID))
    everything = _evaluation(cells, GRID[0], counts, num_episodes)
    output.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[Row]] = {}
    with serving(
        everything.todo(),
        artefacts=artefacts,
        critics={path.parent.name: path.parent for path in artefacts.glob("critics/*/card.json")},
        log=output / "server.log",
        allow_unaudited=True,
    ) as server:
        for name, settings in {_name(item): item for item in GRID}.items():
            arms = ("steered",) if rows else ("alone", "steered")
            campaign = Campaign(
                evaluation=_evaluation(cells, settings, counts, num_episodes, arms),
                output=output / name,
                serve=lambda todo: nullcontext(server.address),
                num_workers=num_workers,
            )
            sys.stderr.write(f"{name}\n")
            rows[name] = campaign.run().rows
        with SteerClient(server.address) as client:
            critics = {item.name: item.digest for item in client.describe().critics}
    alone = [row for row in next(iter(rows.values())) if row.arm == "alone"]
    trials = [(item, _gain(item, alone, rows[_name(item)])) for item in GRID]
    record = _record(cells, num_episodes, trials, critics)
    write_whole(artefacts / "tuning.json", json.dumps(record, indent=2) + "\n")
    return record


def _name(settings: Settings) -> str:
    """Return the name of the run of a setting; all N are in one."""
    weights = (f"-{name}-{weight:g}" for name, weight in sorted(settings.weights.items()))
    return f"margin-{settings.margin:g}" + "".join(weights)


def _evaluation(
    cells: Sequence[Cell],
    settings: Settings,
    counts: Sequence[int],
    num_episodes: int,
    arms: Sequence[str] = ("alone", "steered"),
) -> Evaluation:
    blocks = tuple(
        Block(
            cells=tuple(cells),
            arms=tuple(ARMS[name] for name in arms),
            num_episodes=num_episodes,
            num_candidates=count,
        )
        for count in counts
    )
    return Evaluation(blocks=blocks, split="tune", settings=settings)


def _gain(settings: Settings, alone: Sequence[Row], rows: Sequence[Row]) -> MeanGain:
    cells = paired_cells([*alone, *rows], ("steered", settings.num_candidates))
    return mean_gain(cells, rng=np.random.default_rng(0))


def _record(
    cells: Sequence[Cell],
    num_episodes: int,
    trials: Sequence[tuple[Settings, MeanGain]],
    critics: Mapping[str, str],
) -> dict[str, Any]:
    return {
        "rule": RULE,
        "seeds": "tune",
        "settings": asdict(choose(trials)),
        "cells": [cell.name for cell in cells],
        "episodes": num_episodes,
        "critics": dict(sorted(critics.items())),
        "trials": [
            {
                **asdict(settings),
                "gain": round(gain.fixed.value, 4),
                "low": round(gain.fixed.low, 4),
                "high": round(gain.fixed.high, 4),
                "n": gain.fixed.n,
            }
            for settings, gain in trials
        ],
    }


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sim.tune",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cells", default=CELLS, help="POLICY/TASK,… (default: ten of the suite)")
    parser.add_argument("--episodes", type=int, default=20, help="a cell and setting (default: 20)")
    parser.add_argument("--workers", type=int, default=4, help="parallel robots (default: 4)")
    parser.add_argument("--artefacts", type=Path, default=ARTEFACTS, help="critics and policies")
    parser.add_argument("--output", type=Path, default=Path("runs/tune"), help="rows go there")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 refused, 130 interrupted."""
    return exit_code("sim.tune", partial(_tune, arguments), interrupted=GOES_ON)


def _tune(arguments: Sequence[str] | None) -> int:
    options = _options(arguments)
    record = tune(
        cells_of(options.cells),
        num_episodes=options.episodes,
        num_workers=options.workers,
        artefacts=options.artefacts,
        output=options.output,
    )
    sys.stdout.write(json.dumps({**record, "critics": "…"}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
