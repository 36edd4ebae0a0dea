"""The suite's checkpoints: which architecture is trained on which tasks, with which options.

    python -m sim.policies.plan --list
    python -m sim.policies.plan dit-metaworld act-scene --data data --output build/suite/policies

Trains those that are named, one after the other, and passes over those that are there. A policy is
called `<policy>-<task>` where it does one task, and `<policy>-<dataset>` where it does several.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from sim.policies.options import PolicyConfig
from sim.policies.train import train
from sim.tasks import TASKS, spec_of
from steer.errors import InvalidInputError, SteerError

__all__ = ["CAMERAS", "PLAN", "Planned", "config_of", "main"]

CAMERAS: Mapping[str, str] = MappingProxyType(
    {"metaworld": "corner3", "gymnasium-robotics": "external_camera_0"}
)
"""Camera of the policies that look, by dataset; `python -m sim.policies.pictures` needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One checkpoint of the suite.

    Attributes:
        architecture: One of `sim.policies.architectures`.
        tasks: What it is trained on and serves.
        dataset: Directory of their data; they share it.
        is_clean: Whether it clones experts without noise, whose data lie in `clean/<dataset>`.
        successes_only: Whether it clones successful episodes alone.
        needs_pictures: Whether it looks through the dataset's camera.
    """

    architecture: str
    tasks: tuple[str, ...]
    dataset: str
    is_clean: bool = False
    successes_only: bool = False
    needs_pictures: bool = False


def _tasks_of(dataset: str) -> tuple[str, ...]:
    return tuple(name for name, spec in TASKS.items() if spec.dataset == dataset)


def _single(
    architecture: str, tasks: Sequence[str], *, is_clean: bool = False, successes_only: bool = False
) -> dict[str, Planned]:
    """Return one checkpoint for each task."""
    kind = "-clean" if is_clean else "-filtered" if successes_only else ""
    return {
        f"{architecture}{kind}-{name}": Planned(
            architecture=architecture,
            tasks=(name,),
            dataset=spec_of(name).dataset,
            is_clean=is_clean,
            successes_only=successes_only,
        )
        for name in tasks
    }


def _shared(
    architecture: str, dataset: str, tasks: tuple[str, ...] = (), *, needs_pictures: bool = False
) -> dict[str, Planned]:
    """Return one checkpoint for several tasks, all of the dataset unless some are named."""
    planned = Planned(
        architecture=architecture,
        tasks=tasks or _tasks_of(dataset),
        dataset=dataset,
        needs_pictures=needs_pictures,
    )
    return {f"{architecture}-{dataset}": planned}


_ACT_TASKS = (
    "cube-single",
    "cube-double",
    "scene",
    "puzzle-3x3",
    "fetch-push",
    "fetch-pick-and-place",
    "fetch-slide",
)
_CLEAN_TASKS = ("box-close", "cube-double", "fetch-push")
_FILTERED_TASKS = ("basketball", "cube-double", "fetch-pick-and-place", "scene")

PLAN: Mapping[str, Planned] = MappingProxyType(
    {
        **_single("diffusion", tuple(TASKS)),
        **_single("act", _ACT_TASKS),
        **_shared("dit", "metaworld"),
        **_shared("dit", "gymnasium-robotics"),
        **_shared("vqbet", "metaworld", ("push", "basketball", "box-close"), needs_pictures=True),
        **_shared("smolvla", "metaworld", needs_pictures=True),
        **_shared("smolvla", "gymnasium-robotics", needs_pictures=True),
        **_single("diffusion", _CLEAN_TASKS, is_clean=True),
        **_single("diffusion", _FILTERED_TASKS, successes_only=True),
    }
)


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
    home = data / "clean" if planned.is_clean else data
    return PolicyConfig(
        tasks=planned.tasks,
        root=home / planned.dataset,
        output=output / name,
        architecture=planned.architecture,
        successes_only=planned.successes_only,
        clean_only=planned.is_clean,
        pictures=data / "pictures" / planned.dataset if planned.needs_pictures else None,
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
    try:
        configs = [config_of(n, data=args.data, output=args.output) for n in args.names or PLAN]
        for config in configs:
            if not (config.output / "training.json").exists():
                train(config)
    except (SteerError, OSError) as error:
        sys.stderr.write(f"sim.policies.plan: error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on from the last training state\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
