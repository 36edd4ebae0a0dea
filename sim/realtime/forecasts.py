"""Forecasts of the simulated robots: one a task, from the data that its critic learnt from."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sim.realtime.bouts import FORECAST, HEADS, head_path
from sim.suite import ARTEFACTS, LEARNT_FROM, POLICIES, critic_path
from sim.tasks import spec_of
from steer.errors import ConfigError

__all__ = ["add_parser", "forecast_command"]


def forecast_command(
    task: str, *, data: Path, output: Path, steps: int, artefacts: Path = ARTEFACTS
) -> list[str]:
    """Return the command that trains the forecast of a task.

    Args:
        task: Its name.
        data: Where `sim.collect` and `sim.rollouts` have put their datasets.
        output: File of the forecast.
        steps: Of the optimiser.
        artefacts: With the critic, whose observations are the forecast's.

    Raises:
        ConfigError: The task was not recorded.
    """
    spec = spec_of(task)
    roots = [data / spec.dataset]
    if not (roots[0] / "meta").is_dir():
        contract = f"the dataset {roots[0]}"
        raise ConfigError(
            f"--data: expected {contract}, got none; `python -m sim.collect` records it"
        )
    roots += [
        path
        for policy in LEARNT_FROM
        for arm in ("alone", "random")
        if spec.name in POLICIES[policy].tasks
        and (path := data / "rollouts" / f"{policy}-{arm}" / spec.dataset).is_dir()
    ]
    where = ("--critic", str(critic_path(spec.name, artefacts)), "--output", str(output))
    learns = ("--dataset", *map(str, roots), "--task", spec.name, "--steps", str(steps))
    return [sys.executable, "-m", "steer.cli", "head", *where, *learns]


def add_parser(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", limits: Path
) -> None:
    """Add the command `forecasts`."""
    del limits
    parser = commands.add_parser("forecasts", help="train the forecast of each task")
    parser.set_defaults(work=_train)
    parser.add_argument("--tasks", nargs="+", required=True, metavar="TASK")
    parser.add_argument("--data", type=Path, default=Path("data"), help="(default: data)")
    parser.add_argument("--steps", type=int, default=8_000, help="(default: 8000)")
    parser.add_argument("--again", action="store_true", help="train those that are there, too")
    parser.add_argument("--heads", type=Path, default=HEADS, help=f"(default: {HEADS})")


def _train(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Train the forecasts that are not there, one after the other."""
    del words
    for task in options.tasks:
        output = head_path(options.heads, FORECAST, f"any/{spec_of(task).name}")
        if output.is_file() and not options.again:
            sys.stderr.write(f"{output}: is there; --again trains it anew\n")
            continue
        output.parent.mkdir(parents=True, exist_ok=True)
        command = forecast_command(task, data=options.data, output=output, steps=options.steps)
        code = subprocess.run(command, check=False).returncode
        if code:
            raise ConfigError(
                f"{task}: expected a forecast, got exit status {code} of `steer head`"
            )
    return 0
