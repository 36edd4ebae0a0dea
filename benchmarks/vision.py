"""Measures what critics that look gain, and that it is lost once their camera is covered.

    python -m benchmarks.vision --data data --rollouts data/rollouts --work build/vision

For each task and sense: pictures or clouds of all that is learnt from, a critic of them and of
`observation.state` (proprioception; no pose of an object), and two runs on seeds that nothing was
chosen on, the second with the camera's observation blanked. The critic alone decides, agreement
has no weight, so that what is lost in the second run is what the critic saw. What was made is kept
under `--work`: a command that was stopped goes on. Writes `demo/vision.json`; `make results`
publishes it.
"""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from sim.bank.ablate import rollouts_of
from sim.evaluation.gains import paired_cells
from sim.evaluation.rows import read_rows
from sim.interrupt import GOES_ON, exit_code, run
from sim.records import make_record, write_records
from sim.stage_runner import StageError, StageRunner
from sim.stages import Stage
from sim.stats import Cell, PairedDifference, paired_difference
from sim.tasks import TaskSpec, spec_of
from steer.errors import ConfigError

__all__ = ["POLICY_OF", "SENSES", "gain_of", "main", "plan"]

OUTPUT = Path("demo") / "vision.json"
POLICY_OF: Mapping[str, str] = MappingProxyType(
    {
        "push": "diffusion",
        "cube-single": "diffusion",
        "fetch-push": "diffusion",
        "fetch-pick-and-place": "dit",
    }
)
"""Policy of each task's cell: one that succeeds in 5 to 90% on tune seeds, and knows the poses."""
SENSES = ("rgb", "points")
_CAMERAS = {
    "metaworld": "corner3",
    "ogbench": "front_pixels",
    "gymnasium-robotics": "external_camera_0",
}
_KEYS = {"rgb": "observation.images", "points": "observation.points"}
_PIXELS = 64
_LEARNING = {"rgb": ("--batch-size", "128"), "points": ("--batch-size", "128")}
_RECIPE = ("--algorithm", "sarsa", "--reward-per", "chunk", "--observation", "observation.state")
_DECIDING = ("--candidates", "64", "--margin", "0.5", "--weight", "consensus=0")
_CODE = (Path("steer/train"), Path("steer/critics"))


def plan(options: argparse.Namespace, sense: str, task: str) -> list[list[Stage]]:
    """Return what makes a sense's figures of one task: groups that depend on those before them.

    Args:
        options: Of the command line.
        sense: `rgb` or `points`.
        task: Name of the task.
    """
    spec = spec_of(task)
    roots = [options.data / spec.dataset, *rollouts_of(spec, options.rollouts)]
    seen = [options.work / "frames" / sense / task / str(number) for number in range(len(roots))]
    critic = options.work / "critics" / sense / task
    frames = [
        Stage(
            f"frames/{sense}@{task}-{number}",
            ("-m", "sim.frames", *_looking(sense, spec, root), "--output", str(output)),
            "those of the data",
        )
        for number, (root, output) in enumerate(zip(roots, seen, strict=True))
    ]
    how = ("--horizon", str(spec.commit_horizon), "--steps", str(options.steps), "--resume")
    where = ("--dataset", *map(str, roots), "--task", task, "--frames", *map(str, seen))
    learn = Stage(
        f"critic/{sense}@{task}",
        (
            *("-m", "steer.cli", "train", *where, "--output", str(critic)),
            *(*_RECIPE, *how, *_LEARNING[sense]),
        ),
        "training 0",
        (critic / "card.json", critic / "critic.safetensors"),
        _CODE,
    )
    return [frames, [learn], [_run(options, sense, task, name) for name in ("seen", "blank")]]


def gain_of(cell: Cell) -> PairedDifference:
    """Return the gain of one cell: success of steered less alone, paired by seed."""
    seeds = sorted(cell.first)
    pairs = [cell.first[seed] for seed in seeds], [cell.second[seed] for seed in seeds]
    return paired_difference(*([value > 0.0 for value in side] for side in pairs))


def _looking(sense: str, spec: TaskSpec, root: Path) -> tuple[str, ...]:
    camera = ("--root", str(root), "--tasks", spec.name, "--camera", _CAMERAS[spec.dataset])
    every = ("--every", str(spec.commit_horizon))
    return (*camera, *every, *(("--points",) if sense == "points" else ("--size", str(_PIXELS))))


def _run(options: argparse.Namespace, sense: str, task: str, name: str) -> Stage:
    spec, critic = spec_of(task), options.work / "critics" / sense / task
    key = f"{_KEYS[sense]}.{_CAMERAS[spec.dataset]}"
    seeds = ("--seeds", options.seeds, "--first", str(options.first))
    what = ("--cells", f"{POLICY_OF[task]}/{task}", "--arms", "alone,steered", *_DECIDING)
    count = ("--episodes", str(options.episodes), *seeds, "--critic", f"{task}={critic}")
    blank = ("--blank", key) if name == "blank" else ()
    output = ("--output", str(_rows(options, sense, task, name)))
    return Stage(
        f"run/{sense}@{task}-{name}",
        ("-m", "sim.evaluate", *what, *count, *blank, *output),
        f"{options.seeds} from {options.first} of the task's block",
    )


def _rows(options: argparse.Namespace, sense: str, task: str, name: str) -> Path:
    home: Path = options.work / "runs" / f"{options.seeds}-{options.first}"
    return home / sense / f"{task}-{name}"


def _measure(options: argparse.Namespace) -> int:
    command = "python -m benchmarks.vision " + shlex.join(options.arguments)
    runner, records = StageRunner(options.work), []
    for sense in options.senses:
        for task in options.tasks:
            try:
                with runner.opened():
                    for stages in plan(options, sense, task):
                        runner.run(stages, jobs=options.jobs)
            except StageError as error:
                sys.stderr.write(f"benchmarks.vision: error: {error}\n")
                return 1
            for name in ("seen", "blank"):
                rows = read_rows(_rows(options, sense, task, name))
                (cell,) = paired_cells(rows, ("steered", None))
                found = gain_of(cell)
                metric = f"vision/{sense}/{task}" + ("/blank" if name == "blank" else "")
                sys.stdout.write(
                    f"{metric}: {found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}] "
                    f"n={found.n}\n"
                )
                interval = (found.low, found.high)
                records.append(
                    make_record(
                        metric,
                        found.value,
                        interval=interval,
                        n=found.n,
                        unit="success",
                        command=command,
                    )
                    | {"against": "policy alone, paired by seed"}
                )
    if options.seeds == "tune":
        sys.stdout.write("tune seeds: nothing is written for make results\n")
    else:
        write_records(options.output, records)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.vision",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="directory of the demonstrations")
    parser.add_argument("--rollouts", type=Path, required=True, help="what `sim.rollouts` wrote")
    parser.add_argument("--work", type=Path, required=True, help="where critics and runs are made")
    parser.add_argument("--senses", nargs="+", choices=SENSES, default=SENSES)
    parser.add_argument("--tasks", nargs="+", choices=tuple(POLICY_OF), default=tuple(POLICY_OF))
    parser.add_argument("--steps", type=int, default=3000, help="of a critic (default: 3000)")
    parser.add_argument("--episodes", type=int, default=100, help="of a cell (default: 100)")
    parser.add_argument("--seeds", default="user", choices=("tune", "user"), help="default: user")
    parser.add_argument("--first", type=int, default=3000, help="seeds skipped (default: 3000)")
    parser.add_argument("--jobs", type=int, default=2, help="commands at a time (default: 2)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"default: {OUTPUT}")
    options = parser.parse_args(arguments)
    if options.episodes < 1:
        raise ConfigError(f"--episodes: expected >= 1, got {options.episodes}")
    options.arguments = list(arguments)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 done, 1 a command failed, 2 refused, 130 interrupted."""
    given = sys.argv[1:] if arguments is None else arguments
    return exit_code("benchmarks.vision", lambda: _measure(_options(given)), interrupted=GOES_ON)


if __name__ == "__main__":
    sys.exit(run(main))
