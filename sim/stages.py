"""The commands that make the demo's weights, in order, and what each depends on."""

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sim.seeds import SPLITS, episode_seeds
from sim.tasks import DEMO, TaskSpec, spec_of

__all__ = ["NUM_EPISODES", "PACKAGES", "Stage", "sha256", "stages", "tuning_stage"]

NUM_EPISODES = 300
PACKAGES = ("lerobot", "metaworld", "mujoco", "numpy", "ogbench", "torch")

_POLICY_CODE = (Path("sim/policies"),)
_CRITIC_CODE = (Path("steer/train"), Path("steer/critics"))


@dataclass(frozen=True, slots=True)
class Stage:
    """One command of the build.

    Attributes:
        name: For example `push/critic`.
        command: Arguments after `python`.
        seeds: Which seeds it uses, in words.
        outputs: Files that exist once it is complete; each appears whole or not at all. Empty for
            a command that finds out by itself what is left to do.
        inputs: Files and directories that its output depends on, code included.
        voids: Names of stages that are not complete any more once this one runs.
    """

    name: str
    command: tuple[str, ...]
    seeds: str
    outputs: tuple[Path, ...] = ()
    inputs: tuple[Path, ...] = ()
    voids: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The part of the name after the task."""
        return self.name.rpartition("/")[2]

    def key(self, work: Path) -> str:
        """Return the SHA-256 of the command, the packages' versions, and all input files.

        Args:
            work: The build's directory; where it lies, and how it is spelled, makes no difference.
        """
        total = hashlib.sha256(json.dumps([version(name) for name in PACKAGES]).encode())
        total.update(json.dumps(self.command).replace(str(work), "WORK").encode())
        for root in self.inputs:
            for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
                if path.is_file() and "__pycache__" not in path.parts:
                    name = str(path).replace(str(work), "WORK")
                    total.update(f"{name} {sha256(path)}\n".encode())
        return total.hexdigest()


def stages(work: Path) -> list[Stage]:
    """Return all stages up to the audit, in order.

    Args:
        work: Where data and artefacts are made.
    """
    steps = (_collect, _policy, _filtered_policy, _critic, _audit)
    return [step(spec, work) for step in steps for spec in map(spec_of, DEMO)]


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
        (_data(spec, work), *_POLICY_CODE),
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
        (_data(spec, work), *_CRITIC_CODE),
        voids=(f"{spec.name}/audit",),
    )


def _audit(spec: TaskSpec, work: Path) -> Stage:
    home = work / "artefacts" / spec.name
    options = ("--critic", str(home / "critic"), "--dataset", str(_data(spec, work)))
    command = ("-m", "steer.cli", "audit", *options, "--policy", f"lerobot:{home / 'policy'}")
    weights = (home / "critic" / "critic.safetensors", home / "policy" / "model.safetensors")
    return Stage(
        f"{spec.name}/audit",
        command,
        "held-out episodes of the data",
        (home / "critic-audit" / "audit.json",),
        (_data(spec, work), *weights, *_CRITIC_CODE),
    )


def _data(spec: TaskSpec, work: Path) -> Path:
    return work / "data" / spec.dataset


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
