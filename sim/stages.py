"""The commands that make the committed weights, in order, and what each depends on."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sim.checkpoints import CAMERAS, PLAN, Planned
from sim.seeds import SPLITS, episode_seeds
from sim.suite import LEARNT_FROM, POLICIES, source_of
from sim.tasks import DEMO, TASKS, TaskSpec, spec_of

__all__ = ["KINDS", "NUM_EPISODES", "PACKAGES", "Stage", "sha256", "stages", "tuning_stage"]

KINDS = ("data", "pictures", "policy", "first", "rollouts", "played", "critic", "audit")
"""Of the stages, in the order in which they depend on each other."""
NUM_EPISODES, NUM_CLEAN_EPISODES = 300, 150
PACKAGES = ("gymnasium-robotics", "lerobot", "metaworld", "mujoco", "numpy", "ogbench", "torch")
FEWER_EPISODES = (25, 50, 100)
"""Critics of fewer demonstrations, for how much data is enough; of the tasks below."""
FEWER_TASKS = ("push", "cube-single")
NUM_ROLLOUTS, FIRST_ROLLOUT = 40, 1_000
"""Episodes of each cell and arm that critics learn from, and how many train seeds they skip."""

_POLICY_CODE = (Path("sim/policies"), Path("sim/checkpoints.py"), Path("sim/suite.py"))
_CRITIC_CODE = (Path("steer/train"), Path("steer/critics"))


@dataclass(frozen=True, slots=True)
class Stage:
    """One command of the build.

    Attributes:
        name: Its kind and what it makes, for example `critic/push`.
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
        """What it makes one of: the part of the name before the slash."""
        return self.name.partition("/")[0]

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


def stages(work: Path, *, is_demo: bool = False) -> list[Stage]:
    """Return all stages up to the audit, in order.

    Args:
        work: Where data and artefacts are made.
        is_demo: Whether to make what the demo needs alone.
    """
    tasks = DEMO if is_demo else tuple(TASKS)
    plan = {
        name: planned for name, planned in PLAN.items() if not is_demo or name in _demo_sources()
    }
    clean = [task for item in plan.values() if item.kind.is_clean for task in item.tasks]
    looking = [item for item in plan.values() if item.kind.looks]
    found = [_collect(spec_of(task), work) for task in tasks]
    found += [_collect(spec_of(task), work, is_clean=True) for task in clean]
    found += [_pictures(planned, work) for planned in looking]
    found += [_policy(name, planned, work) for name, planned in plan.items()]
    found += [_first(spec_of(task), work) for task in tasks]
    cells = [
        (policy, task)
        for policy in LEARNT_FROM
        for task in POLICIES[policy].tasks
        if task in tasks and source_of(policy, task) in plan
    ]
    found += [_rollouts(cells, work), *_played(cells, work)]
    found += [_critic(spec_of(task), work, _did(cells, task, work)) for task in tasks]
    if not is_demo:
        found += [
            _critic(spec_of(task), work, (), f"@{name}", *options)
            for task in FEWER_TASKS
            for name, options in _fewer().items()
        ]
    return found + [_audit(spec_of(task), work) for task in tasks]


def tuning_stage(work: Path) -> Stage:
    """Return the last stage, which chooses N and the margin with the artefacts in their place."""
    tune = SPLITS["tune"]
    command = ("-m", "sim.tune", "--output", str(work / "tune"))
    return Stage("tuning", command, f"tune {tune.start} to {tune.stop - 1}")


def _demo_sources() -> set[str]:
    return {
        source_of(policy, task) for policy in ("diffusion", "diffusion-filtered") for task in DEMO
    }


def _fewer() -> dict[str, tuple[str, ...]]:
    """Return options of `steer train` by the name of what they leave out."""
    counts = {str(count): ("--episodes", str(count)) for count in FEWER_EPISODES}
    return {**counts, "demonstrations": (), "successes": ("--successes-only",)}


def _collect(spec: TaskSpec, work: Path, *, is_clean: bool = False) -> Stage:
    count = NUM_CLEAN_EPISODES if is_clean else NUM_EPISODES
    seeds = episode_seeds("train", count, block=spec.seed_block)
    where = ("--task", spec.name, "--root", str(_data(spec, work, is_clean=is_clean)))
    noise = ("--noise", "0:1") if is_clean else ()
    command = ("-m", "sim.collect", *where, "--episodes", str(count), *noise)
    name = f"data/{spec.name}{'-clean' if is_clean else ''}"
    return Stage(name, command, f"train {seeds[0]} to {seeds[-1]}")


def _pictures(planned: Planned, work: Path) -> Stage:
    data = work / "data" / planned.dataset
    output = work / "data" / "pictures" / planned.dataset
    camera, every = CAMERAS[planned.dataset]
    tasks = ("--tasks", ",".join(planned.tasks))
    options = ("--root", str(data), *tasks, "--camera", camera, "--every", str(every))
    return Stage(
        f"pictures/{planned.dataset}",
        ("-m", "sim.frames", *options, "--output", str(output)),
        "those of the data",
    )


def _policy(name: str, planned: Planned, work: Path) -> Stage:
    output = work / "artefacts" / "policies" / name
    where = ("--data", str(work / "data"), "--output", str(output.parent))
    spec = spec_of(planned.tasks[0])
    inputs = [_data(spec, work, is_clean=planned.kind.is_clean)]
    if planned.kind.looks:
        inputs.append(work / "data" / "pictures" / planned.dataset)
    return Stage(
        f"policy/{name}",
        ("-m", "sim.policies.plan", name, *where),
        "training 0",
        (output / "model.safetensors", output / "steer.json", output / "training.json"),
        (*inputs, *_POLICY_CODE),
    )


def _first(spec: TaskSpec, work: Path) -> Stage:
    """A critic for the sessions of the rollouts, whose arms do not ask it anything."""
    output = work / "first" / spec.name
    return Stage(
        f"first/{spec.name}",
        ("-m", "steer.cli", "train", *_learn(spec, (_data(spec, work),), output), "--steps", "1"),
        "training 0",
        (output / "card.json", output / "critic.safetensors"),
        (_data(spec, work), *_CRITIC_CODE),
    )


def _rollouts(cells: Sequence[tuple[str, str]], work: Path) -> Stage:
    names = ",".join(f"{policy}/{task}" for policy, task in cells)
    seeds = ("--seeds", "train", "--first", str(FIRST_ROLLOUT), "--episodes", str(NUM_ROLLOUTS))
    tasks = sorted({task for _, task in cells})
    critics = [text for task in tasks for text in ("--critic", f"{task}={work / 'first' / task}")]
    what = ("--cells", names, "--arms", "alone,random", *seeds, "--logs", str(NUM_ROLLOUTS))
    where = ("--artefacts", str(work / "artefacts"), *critics, "--output", str(work / "rollouts"))
    last = FIRST_ROLLOUT + NUM_ROLLOUTS - 1
    text = f"train {FIRST_ROLLOUT} to {last} of each task's block"
    return Stage("rollouts/all", ("-m", "sim.evaluate", *what, *where), text)


def _played(cells: Sequence[tuple[str, str]], work: Path) -> list[Stage]:
    """Each package's rollouts have datasets of their own, so they are played side by side."""
    packages: dict[str, list[str]] = {}
    for task in dict.fromkeys(task for _, task in cells):
        packages.setdefault(spec_of(task).dataset, []).append(task)
    where = (str(work / "rollouts"), "--data", str(work / "data" / "rollouts"), "--tasks")
    return [
        Stage(
            f"played/{package}",
            ("-m", "sim.rollouts", *where, ",".join(tasks)),
            "those of the rollouts",
        )
        for package, tasks in packages.items()
    ]


def _did(cells: Sequence[tuple[str, str]], task: str, work: Path) -> tuple[Path, ...]:
    """Return the datasets of what policies did at a task."""
    home, package = work / "data" / "rollouts", spec_of(task).dataset
    return tuple(
        home / f"{policy}-{arm}" / package
        for policy, name in cells
        if name == task
        for arm in ("alone", "random")
    )


def _learn(spec: TaskSpec, roots: Sequence[Path], output: Path) -> tuple[str, ...]:
    where = ("--dataset", *map(str, roots), "--task", spec.name, "--output", str(output))
    return (*where, "--horizon", str(spec.commit_horizon), "--seed", "0", "--resume")


def _critic(
    spec: TaskSpec, work: Path, did: Sequence[Path], suffix: str = "", *options: str
) -> Stage:
    output = work / "artefacts" / "critics" / f"{spec.name}{suffix}"
    roots = (_data(spec, work), *did)
    return Stage(
        f"critic/{output.name}",
        ("-m", "steer.cli", "train", *_learn(spec, roots, output), *options),
        "training 0",
        (output / "card.json", output / "critic.safetensors"),
        (*roots, *_CRITIC_CODE),
        voids=(f"audit/{output.name}",),
    )


def _audit(spec: TaskSpec, work: Path) -> Stage:
    home = work / "artefacts"
    critic = home / "critics" / spec.name
    kinds = [name for name, kind in POLICIES.items() if spec.name in kind.tasks]
    policy = home / "policies" / source_of(kinds[0], spec.name)
    options = ("--critic", str(critic), "--dataset", str(_data(spec, work)))
    return Stage(
        f"audit/{spec.name}",
        ("-m", "steer.cli", "audit", *options, "--policy", f"lerobot:{policy}"),
        "held-out episodes of the data",
        (critic.with_name(f"{spec.name}-audit") / "audit.json",),
        (
            _data(spec, work),
            critic / "critic.safetensors",
            policy / "model.safetensors",
            *_CRITIC_CODE,
        ),
    )


def _data(spec: TaskSpec, work: Path, *, is_clean: bool = False) -> Path:
    home = work / "data"
    return home / "clean" / spec.dataset if is_clean else home / spec.dataset


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
