"""The suite's checkpoints: which architecture is trained on which tasks, with which options.

    python -m sim.policies.plan --list
    python -m sim.policies.plan dit-metaworld act-scene --data data --output build/suite/policies

Trains those that are named, one after the other, and passes over those that are there. A policy is
called `<policy>-<task>` where it does one task, and `<policy>-<dataset>` where it does several.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sim.checkpoints import PLAN
from sim.interrupt import GOES_ON, exit_code, run
from sim.policies.options import PolicyConfig
from sim.policies.train import train
from steer.errors import InvalidInputError

__all__ = ["config_of", "main"]


def config_of(name: str, *, data: Path, output: Path) -> PolicyConfig:
    """Return the options of a planned checkpoint.

    Args:
        name: One of `PLAN`.
        data: Where the datasets lie: `<dataset>`, `clean/<dataset>` and `pictures/<dataset>`.
        output: Where the checkpoints are made.

    Raises:
        InvalidInputError: There is no such plan; the text lists those that there are.
    """
    if name not in PLAN:
        raise InvalidInputError.expected("policy", "one of " + ", ".join(PLAN), repr(name))
    planned = PLAN[name]
    kind = planned.kind
    home = data / "clean" if kind.is_clean else data
    return PolicyConfig(
        tasks=planned.tasks,
        root=home / planned.dataset,
        output=output / name,
        architecture=kind.architecture,
        successes_only=kind.successes_only,
        clean_only=kind.is_clean,
        pictures=data / "pictures" / planned.dataset if kind.looks else None,
        steps=planned.steps,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 refused, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.policies.plan", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to train; default: all")
    parser.add_argument("--data", type=Path, default=Path("data"), help="where the datasets lie")
    parser.add_argument("--output", type=Path, default=Path("build/suite/policies"))
    parser.add_argument("--list", action="store_true", help="say what there is, and train nothing")
    args = parser.parse_args(arguments)
    if args.list:
        for name, planned in PLAN.items():
            sys.stdout.write(f"{name}: {', '.join(planned.tasks)}\n")
        return 0
    return exit_code("sim.policies.plan", partial(_train, args), interrupted=GOES_ON)


def _train(args: argparse.Namespace) -> int:
    configs = [config_of(n, data=args.data, output=args.output) for n in args.names or PLAN]
    for config in configs:
        if not (config.output / "training.json").exists():
            train(config)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
