"""Scripted experts -> a LeRobotDataset v3 of mixed quality: noisy attempts, failures kept.

    python -m sim.collect --task push --root data/metaworld --episodes 300
    python -m sim.collect --suite --data data --jobs 2

A run that was stopped in any way goes on where it was: type the same command again.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from sim import opengl
from sim.interrupt import GOES_ON, exit_code, run
from sim.plugins import is_plugin, load_plugin
from sim.recording import Progress, collect, with_cameras
from sim.suite_data import collect_suite, progress_line
from sim.tasks import TASKS, spec_of
from steer.errors import ConfigError

__all__ = ["main"]

NUM_EPISODES = 300
IMAGE_SIZE = 128
_OF_TASK = ("root", "expert", "noise", "cameras", "image_size", "lines")
_OF_SUITE = ("data", "jobs")


@contextmanager
def _bar(name: str) -> Iterator[Progress]:
    """Show a bar with the time left."""
    bars: list[tqdm[NoReturn]] = []

    def show(num_there: int, num_wanted: int) -> None:
        if not bars:
            bars.append(tqdm(total=num_wanted, initial=num_there, desc=name))
        bars[0].update(num_there - bars[0].n)

    try:
        yield show
    finally:
        for bar in bars:
            bar.close()


@contextmanager
def _lines(name: str) -> Iterator[Progress]:
    """Write a line an episode, for logs and for `collect_suite`."""

    def show(num_there: int, num_wanted: int) -> None:
        sys.stdout.write(progress_line(name, num_there, num_wanted))
        sys.stdout.flush()

    yield show


def _noise(text: str) -> tuple[float, int]:
    sigma, _, count = text.partition(":")
    return float(sigma), int(count or 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sim.collect",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--task", metavar="TASK", help=f"{', '.join(TASKS)}; or FILE.py:NAME, with --expert"
    )
    what.add_argument(
        "--suite",
        action="store_true",
        help="all tasks, one dataset for each body and way of observing, in directories of --data",
    )
    parser.add_argument(
        "--episodes",
        type=int,
        default=NUM_EPISODES,
        help=f"how many a task shall have (default: {NUM_EPISODES})",
    )
    task = parser.add_argument_group("with --task")
    task.add_argument("--expert", metavar="FILE.py:NAME", help="class of an expert of your own")
    task.add_argument("--root", type=Path, help="dataset to make or to continue; needed")
    task.add_argument(
        "--noise",
        nargs="+",
        type=_noise,
        metavar="SIGMA[:COUNT]",
        help="noise of the expert's actions, as proportions (default: the task's own mixture)",
    )
    task.add_argument(
        "--cameras",
        nargs="+",
        metavar="CAMERA",
        help="cameras to record, by the names that the task's package gives them; drawn with EGL "
        "or else OSMesa, unless MUJOCO_GL says otherwise",
    )
    task.add_argument("--image-size", type=int, help=f"pixels of each side (default: {IMAGE_SIZE})")
    task.add_argument(
        "--lines", action="store_true", default=None, help="a line an episode instead of a bar"
    )
    suite = parser.add_argument_group("with --suite")
    suite.add_argument("--data", type=Path, help="where the datasets lie (default: data)")
    suite.add_argument("--jobs", type=int, help="datasets at a time (default: cores)")
    return parser


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    args = parser.parse_args(argv)
    for name in _OF_TASK if args.suite else _OF_SUITE:
        if getattr(args, name) is not None:
            option, other = name.replace("_", "-"), "task" if args.suite else "suite"
            parser.error(f"--{option}: expected with --{other} alone")
    if args.task and args.root is None:
        parser.error("--task: expected a --root with it, got none")
    if args.task and not is_plugin(args.task) and args.task not in TASKS:
        names = ", ".join(map(repr, TASKS))
        parser.error(f"--task: expected one of {names}, or FILE.py:NAME, got {args.task!r}")
    return args


def _collect_task(args: argparse.Namespace) -> bool:
    spec = spec_of(args.task)
    if is_plugin(args.task) and not args.expert:
        raise ConfigError("--expert: expected FILE.py:NAME for a task of your own, got none")
    spec = replace(spec, mixture=tuple(args.noise or spec.mixture))
    spec = with_cameras(spec, args.cameras or (), args.image_size or IMAGE_SIZE)
    if args.cameras:
        os.environ["MUJOCO_GL"] = opengl.choose()  # MuJoCo reads it when it is imported, later
    with (_lines if args.lines else _bar)(spec.name) as progress:
        return collect(
            spec,
            args.root,
            num_episodes=args.episodes,
            progress=progress,
            task=args.task,
            expert=load_plugin(args.expert)() if args.expert else None,
        )


def _collect_suite(args: argparse.Namespace) -> bool:
    jobs = (os.cpu_count() or 1) if args.jobs is None else args.jobs
    return collect_suite(args.data or Path("data"), num_episodes=args.episodes, num_jobs=jobs)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code: 0 done, 2 refused, 130 stopped by Ctrl-C."""
    args = _options(argv)
    return exit_code("sim.collect", partial(_collect, args), interrupted=GOES_ON)


def _collect(args: argparse.Namespace) -> int:
    is_complete = _collect_suite(args) if args.suite else _collect_task(args)
    return 0 if is_complete else 130


if __name__ == "__main__":
    sys.exit(run(main))
