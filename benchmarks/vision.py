"""Measures what critics that look gain, with the camera open and covered, and what blind ones do.

    python -m benchmarks.vision --data data --work build/vision

For each task and sense: pictures or clouds of the demonstrations, a critic of them and of
`observation.state` (proprioception; no pose of an object), and two runs on seeds that nothing was
chosen on, the second with the camera's observation blanked. Beside them a critic that never looked
at anything but proprioception, `blind`: what it gains, chunks tell by themselves. The critic alone
decides, agreement has no weight. What was made is kept under `--work`: a command that was stopped
goes on. Writes `demo/vision.json`; `make results` publishes it.

`--critics DIR` measures critics that are there, `DIR/<sense>/<task>`, and trains none; `--runs DIR`
keeps the episodes elsewhere.
"""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from sim.evaluation.gains import paired_cells
from sim.evaluation.rows import read_rows
from sim.interrupt import GOES_ON, exit_code, run
from sim.records import make_record, write_records
from sim.stage_runner import StageError, StageRunner
from sim.stages import Stage
from sim.stats import Cell, PairedDifference, paired_difference
from sim.tasks import TaskSpec, spec_of
from steer.errors import ConfigError

__all__ = ["POLICY_OF", "SENSES", "gain_of", "main", "over", "plan"]

OUTPUT = Path("demo") / "vision.json"
POLICY_OF: Mapping[str, str] = MappingProxyType(
    {
        "cube-single": "diffusion",
        "fetch-pick-and-place": "dit",
        "fetch-slide": "dit",
        "push": "diffusion",
    }
)
"""Policy of each task's cell: one that succeeds in 5 to 90% on tune seeds, and knows the poses."""
SENSES = ("blind", "rgb", "points")
_CAMERAS = {
    "metaworld": "corner3",
    "ogbench": "front_pixels",
    "gymnasium-robotics": "external_camera_0",
}
_KEYS = {"rgb": "observation.images", "points": "observation.points"}
_PIXELS = 64
_RECIPE = ("--algorithm", "sarsa", "--reward-per", "chunk", "--observation", "observation.state")
_RUNS = {"blind": ("alone", "seen"), "rgb": ("seen", "blank"), "points": ("seen", "blank")}
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
    root, seen = options.data / spec.dataset, options.work / "frames" / sense / task
    critic = _critic(options, sense, task)
    looking = ("--frames", str(seen), "--batch-size", "128") if sense != "blind" else ()
    where = ("--dataset", str(root), "--task", task, *looking, "--output", str(critic))
    how = ("--horizon", str(spec.commit_horizon), "--steps", str(options.steps), "--resume")
    learn = Stage(
        f"critic/{sense}@{task}",
        ("-m", "steer.cli", "train", *where, *_RECIPE, *how),
        "training 0",
        (critic / "card.json", critic / "critic.safetensors"),
        _CODE,
    )
    runs = [_run(options, sense, task, name) for name in _RUNS[sense]]
    if options.critics:
        return [runs]
    if sense == "blind":
        return [[learn], runs]
    frames = ("-m", "sim.frames", *_looking(sense, spec, root), "--output", str(seen))
    return [[Stage(f"frames/{sense}@{task}", frames, "those of the data")], [learn], runs]


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
    spec, critic = spec_of(task), _critic(options, sense, task)
    seeds = ("--seeds", options.seeds, "--first", str(options.first))
    arm = "alone" if name == "alone" else "steered"
    what = ("--cells", f"{POLICY_OF[task]}/{task}", "--arms", arm, *_DECIDING)
    count = ("--episodes", str(options.episodes), *seeds, "--critic", f"{task}={critic}")
    camera = _CAMERAS[spec.dataset]
    blank = ("--blank", f"{_KEYS[sense]}.{camera}") if name == "blank" else ()
    output = ("--output", str(_rows(options, sense, task, name)))
    return Stage(
        f"run/{sense}@{task}-{name}",
        ("-m", "sim.evaluate", *what, *count, *blank, "--workers", "1", *output),
        f"{options.seeds} from {options.first} of the task's block",
    )


def _critic(options: argparse.Namespace, sense: str, task: str) -> Path:
    home: Path = options.critics or options.work / "critics"
    return home / sense / task


def _rows(options: argparse.Namespace, sense: str, task: str, name: str) -> Path:
    runs = options.runs or options.work / "runs"
    home: Path = runs / f"{options.seeds}-{options.first}"
    return home / sense / f"{task}-{name}"


def _measure(options: argparse.Namespace) -> int:
    senses = [sense for sense in SENSES if sense == "blind" or sense in options.senses]
    runner = StageRunner(options.work)
    plans = [plan(options, sense, task) for task in options.tasks for sense in senses]
    try:
        with runner.opened():
            for number in range(max(map(len, plans))):
                ready = [stages[number] for stages in plans if number < len(stages)]
                runner.run([stage for group in ready for stage in group], jobs=options.jobs)
    except StageError as error:
        sys.stderr.write(f"benchmarks.vision: error: {error}\n")
        return 1
    found = [
        (metric, gain)
        for task in options.tasks
        for sense in senses
        for metric, gain in _gains(options, sense, task).items()
    ]
    for metric, gain in found:
        shown = f"{gain.value:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}] n={gain.n}"
        sys.stdout.write(f"{metric}: {shown}\n")
    command = "python -m benchmarks.vision " + shlex.join(options.arguments)
    about = {"unit": "success", "command": command}
    records = [
        make_record(metric, gain.value, interval=(gain.low, gain.high), n=gain.n, **about)
        | {"against": _against(metric)}
        for metric, gain in found
    ]
    if options.seeds == "tune":
        sys.stdout.write("tune seeds: nothing is written for make results\n")
    else:
        write_records(options.output, records)
    return 0


def _against(metric: str) -> str:
    other = "the critic that never looked" if metric.endswith("over_blind") else "policy alone"
    return f"{other}, paired by seed"


def _gains(options: argparse.Namespace, sense: str, task: str) -> dict[str, PairedDifference]:
    """Return the gains of a sense on a task by metric."""
    alone = read_rows(_rows(options, "blind", task, "alone"))

    def cell(whose: str, name: str) -> Cell:
        rows = [*alone, *read_rows(_rows(options, whose, task, name))]
        return paired_cells(rows, ("steered", None))[0]

    seen = cell(sense, "seen")
    found = {f"vision/{sense}/{task}": gain_of(seen)}
    if "blank" in _RUNS[sense]:
        found[f"vision/{sense}/{task}/blank"] = gain_of(cell(sense, "blank"))
        found[f"vision/{sense}/{task}/over_blind"] = gain_of(over(seen, cell("blind", "seen")))
    return found


def over(one: Cell, other: Cell) -> Cell:
    """Return what one critic did beside what another did on the same seeds."""
    return Cell(policy=one.policy, task=one.task, first=one.first, second=other.first)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.vision",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="directory of the demonstrations")
    parser.add_argument("--work", type=Path, required=True, help="where critics and runs are made")
    parser.add_argument("--critics", type=Path, help="measure these; default: train them")
    parser.add_argument("--runs", type=Path, help="of the episodes (default: WORK/runs)")
    parser.add_argument("--senses", nargs="+", choices=SENSES[1:], default=SENSES[1:])
    parser.add_argument("--tasks", nargs="+", choices=tuple(POLICY_OF), default=tuple(POLICY_OF))
    parser.add_argument("--steps", type=int, default=1500, help="of a critic (default: 1500)")
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
