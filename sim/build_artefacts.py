"""Makes the demo's weights from nothing: data, policies, critics, audits, and the tuned choice.

    python -m sim.build_artefacts

Each stage is a command of this repository, run in a process of its own. A stage whose output is
complete is skipped, so a build that was stopped goes on where it was. Everything is made under
`--work`; only when it is complete does it replace `sim/artefacts`, with `MANIFEST.json` saying
which command, with which seeds, made which file.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import FrameType

from sim.seeds import SPLITS, episode_seeds
from sim.tasks import TASKS, TaskSpec
from steer.errors import ConfigError, SteerError

__all__ = ["Stage", "StageError", "build", "main", "stages", "tuning_stage"]

ARTEFACTS = Path("sim/artefacts")
MAX_BYTES = 16 * 2**20
NUM_EPISODES = 300

_FORMAT_VERSION = 1
_ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
_RECORDED_VERSIONS = ("lerobot", "metaworld", "mujoco", "numpy", "ogbench", "torch")


class StageError(SteerError):
    """A command of the build failed; what it made before is kept.

    Attributes:
        code: Its exit code.
    """

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Stage:
    """One command of the build.

    Attributes:
        name: For example `push/critic`.
        command: Arguments after `python`.
        seeds: Which seeds it uses, in words.
        outputs: Files that exist once it is complete; each appears whole or not at all. Empty for
            a command that finds out by itself what is left to do.
    """

    name: str
    command: tuple[str, ...]
    seeds: str
    outputs: tuple[Path, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing left to do, as far as the files tell."""
        return bool(self.outputs) and all(path.is_file() for path in self.outputs)


def stages(work: Path) -> list[Stage]:
    """Return all stages up to the audit, in order.

    Args:
        work: Where data and artefacts are made.
    """
    steps = (_collect, _policy, _filtered_policy, _critic, _audit)
    return [step(spec, work) for step in steps for spec in TASKS.values()]


def tuning_stage(work: Path) -> Stage:
    """Return the last stage, which chooses N and the margin with the artefacts in their place."""
    tune = SPLITS["tune"]
    command = ("-m", "sim.tune", "--output", str(work / "tune"))
    return Stage("tuning", command, f"tune {tune.start} to {tune.stop - 1}")


def _collect(spec: TaskSpec, work: Path) -> Stage:
    seeds = episode_seeds("train", NUM_EPISODES, block=spec.seed_block)
    options = ("--task", spec.name, "--root", str(_data(spec, work)))
    command = ("-m", "sim.collect", *options, "--episodes", str(NUM_EPISODES))
    return Stage(f"{spec.name}/data", command, f"train {seeds[0]} to {seeds[-1]}")


def _policy(spec: TaskSpec, work: Path, *options: str, name: str = "policy") -> Stage:
    output = work / "artefacts" / spec.name / name
    where = ("--task", spec.name, "--root", str(_data(spec, work)), "--output", str(output))
    return Stage(
        f"{spec.name}/{name}",
        ("-m", "sim.policies.train", *where, "--seed", "0", *options),
        "training 0",
        (output / "model.safetensors", output / "steer.json", output / "training.json"),
    )


def _filtered_policy(spec: TaskSpec, work: Path) -> Stage:
    return _policy(spec, work, "--successes-only", name="policy-filtered")


def _critic(spec: TaskSpec, work: Path) -> Stage:
    output = work / "artefacts" / spec.name / "critic"
    where = ("--dataset", str(_data(spec, work)), "--task", spec.name, "--output", str(output))
    how = ("--algorithm", "iql", "--horizon", str(spec.commit_horizon), "--seed", "0", "--resume")
    return Stage(
        f"{spec.name}/critic",
        ("-m", "steer.cli", "train", *where, *how),
        "training 0",
        (output / "card.json", output / "critic.safetensors"),
    )


def _audit(spec: TaskSpec, work: Path) -> Stage:
    home = work / "artefacts" / spec.name
    options = ("--critic", str(home / "critic"), "--dataset", str(_data(spec, work)))
    command = ("-m", "steer.cli", "audit", *options, "--policy", f"lerobot:{home / 'policy'}")
    return Stage(f"{spec.name}/audit", command, "held-out episodes of the data")


def _data(spec: TaskSpec, work: Path) -> Path:
    return work / "data" / spec.package


def build(work: Path, target: Path = ARTEFACTS) -> None:
    """Run what is left of the build, and put its result into `target`.

    Args:
        work: Where data and artefacts are made; kept, so that a stopped build goes on.
        target: The artefacts that the demo uses.

    Raises:
        StageError: A command failed.
        ConfigError: The result is over the 16 MiB that the repository takes.
    """
    plan = stages(work)
    for stage in plan:
        _run(stage)
    _install(work / "artefacts", target)
    tuning = tuning_stage(work)
    _run(tuning)
    manifest = _manifest([*plan, tuning], target)
    (target / "MANIFEST.json").write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def _run(stage: Stage) -> None:
    if stage.is_complete:
        sys.stderr.write(f"[{stage.name}] complete\n")
        return
    sys.stderr.write(f"[{stage.name}] python {' '.join(stage.command)}\n")
    # Ctrl-C reaches the command too, which then ends in order; we only wait for that.
    before = signal.signal(signal.SIGINT, _wait_for_the_command)
    try:
        code = subprocess.call([sys.executable, *stage.command], env={**os.environ, **_ENVIRONMENT})
    finally:
        signal.signal(signal.SIGINT, before)
    if code in (-signal.SIGINT, 130):
        raise KeyboardInterrupt
    if code:
        raise StageError(f"stage {stage.name!r}: expected exit code 0, got {code}", code=code)


def _wait_for_the_command(signum: int, frame: FrameType | None) -> None:
    del signum, frame  # Unused.


def _install(made: Path, target: Path) -> None:
    """Put what was made in the place of each task's artefacts, one task after the other."""
    size = sum(path.stat().st_size for path in _files(made))
    if size > MAX_BYTES:
        raise ConfigError(f"artefacts: expected at most {MAX_BYTES} bytes in all, got {size}")
    for task in TASKS:
        fresh, old = target / f".{task}.new", target / task
        shutil.rmtree(fresh, ignore_errors=True)
        for path in _files(made / task):
            copy = fresh / path.relative_to(made / task)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        shutil.rmtree(old, ignore_errors=True)
        os.replace(fresh, old)


def _files(root: Path) -> Iterator[Path]:
    """Yield the files that belong to artefacts: not the states and logs of their training."""
    for path in sorted(root.rglob("*")):
        is_training = any(part.endswith(("training", ".partial")) for part in path.parts)
        if path.is_file() and not is_training:
            yield path


def _manifest(plan: Sequence[Stage], target: Path) -> dict[str, object]:
    """Say how everything below `target` was made."""
    return {
        "format_version": _FORMAT_VERSION,
        "environment": _ENVIRONMENT,
        "versions": {name: version(name) for name in _RECORDED_VERSIONS},
        "stages": [
            {"name": s.name, "command": " ".join(("python", *s.command)), "seeds": s.seeds}
            for s in plan
        ],
        "sha256": {
            str(path.relative_to(target)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in _files(target)
            if path.name != "MANIFEST.json"
        },
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 done, 1 a stage failed, 2 refused, 130 stopped by Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="sim.build_artefacts", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("build/demo-artefacts"),
        help="where data and artefacts are made, and kept for a build that goes on",
    )
    args = parser.parse_args(argv)
    try:
        build(args.work)
    except KeyboardInterrupt:
        return 130
    except (SteerError, OSError) as error:
        sys.stderr.write(f"sim.build_artefacts: error: {error}\n")
        return 1 if isinstance(error, StageError) else 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
