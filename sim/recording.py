"""Records the noisy attempts of a scripted expert in a LeRobotDataset v3, failures included.

An episode is a function of its seed and its noise, so a run that was stopped in any way goes on
where it was: whole shards are kept, a torn one is undone and made again.
"""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from sim.card import collected_seeds, write_card
from sim.experts import Expert, make_expert
from sim.journal import ShardJournal
from sim.seeds import episode_seeds
from sim.tasks import Env, TaskSpec, make
from steer.embodiment import ObservationField
from steer.errors import InvalidInputError
from steer.interrupt import stop_on_interrupt

__all__ = ["Check", "Progress", "attempt", "collect", "noise_plan", "record", "with_cameras"]

SHARD_EPISODES = 25

Progress = Callable[[int, int], None]
"""Told how many episodes are there and how many are wanted."""
Check = Callable[[int, Sequence[Mapping[str, Any]]], None]
"""Given the seed and the rows of a whole episode before it is kept; raises to refuse it."""

_IMAGE_PREFIX = "observation.images."
_OUTCOME = {
    "next.reward": {"dtype": "float32", "shape": (1,), "names": None},
    "next.done": {"dtype": "bool", "shape": (1,), "names": None},
    "next.success": {"dtype": "bool", "shape": (1,), "names": None},
    "next.truncated": {"dtype": "bool", "shape": (1,), "names": None},
    "steer.seed": {"dtype": "int64", "shape": (1,), "names": None},
    "steer.noise": {"dtype": "float32", "shape": (1,), "names": None},
}


def noise_plan(mixture: Sequence[tuple[float, int]], num_episodes: int) -> list[float]:
    """Return the noise of each episode, the levels spread evenly.

    The smallest block with the mixture's proportions is repeated, so more episodes of the same
    mixture begin with those of fewer, and whole blocks hold the proportions exactly.

    Args:
        mixture: (sigma, how many episodes); the counts give the proportions.
        num_episodes: How many episodes are wanted, >= 0.

    Raises:
        InvalidInputError: A sigma is negative or not finite, or a count is not positive.
    """
    for sigma, count in mixture:
        if not (math.isfinite(sigma) and sigma >= 0 and count >= 1):
            raise InvalidInputError.expected(
                "noise", "sigma >= 0 and count >= 1", f"{sigma}:{count}"
            )
    divisor = math.gcd(*(count for _, count in mixture))
    places = [
        ((k + 0.5) * divisor / count, sigma)
        for sigma, count in mixture
        for k in range(count // divisor)
    ]
    block = [sigma for _, sigma in sorted(places)]
    return [block[index % len(block)] for index in range(num_episodes)]


def collect(
    spec: TaskSpec,
    root: Path,
    *,
    num_episodes: int,
    progress: Progress,
    task: str = "",
    expert: Expert | None = None,
) -> bool:
    """Bring the dataset at `root` to `num_episodes` episodes of the task.

    Args:
        spec: The task, with the cameras to record, see `with_cameras`; `spec.mixture` gives the
            noise, see `noise_plan`.
        root: The dataset; made where there is none.
        num_episodes: How many episodes of the task it shall hold, 0 to 4000.
        progress: Called at the beginning and after each episode.
        task: What makes the robot, where it is the user's own; else `spec.name`.
        expert: The user's own; else that of the task.

    Returns:
        Whether all are there; False if the user stopped the run.

    Raises:
        DatasetError: The dataset is of another embodiment, was not made here, is being written by
            another process, or holds other episodes for these seeds.
        InvalidInputError: An argument is out of range.
    """
    seeds = episode_seeds("train", num_episodes, block=spec.seed_block)
    plan = dict(zip(seeds, noise_plan(spec.mixture, num_episodes), strict=True))
    return record(spec, root, plan, progress=progress, task=task, expert=expert)


def record(
    spec: TaskSpec,
    root: Path,
    plan: Mapping[int, float],
    *,
    progress: Progress,
    task: str = "",
    expert: Expert | None = None,
    check: Check | None = None,
) -> bool:
    """Bring the dataset at `root` to one episode of each seed; see `collect`.

    Args:
        spec: The task, with the cameras to record.
        root: The dataset; made where there is none.
        plan: Noise of the expert's actions, by seed.
        progress: Called at the beginning and after each episode.
        task: What makes the robot, where it is the user's own; else `spec.name`.
        expert: Whoever drives the robot; else the expert of the task.
        check: Of each whole episode before it is kept.

    Returns:
        Whether all are there; False if the user stopped the run.

    Raises:
        DatasetError: As `collect`; or the check refuses an episode.
    """
    journal = ShardJournal(root)
    with journal.lock(), stop_on_interrupt() as stop:
        done = collected_seeds(root, spec, plan)
        todo = [seed for seed in plan if seed not in done]
        num_there = len(plan) - len(todo)
        progress(num_there, len(plan))
        if not todo:
            return True
        env, expert = make(task or spec.name), expert or make_expert(spec)
        for start in range(0, len(todo), SHARD_EPISODES):
            with journal.shard():
                dataset = None
                for seed in todo[start : start + SHARD_EPISODES]:
                    frames = attempt(env, expert, spec, (seed, plan[seed]), stop)
                    if stop.is_set():
                        break
                    if check:
                        check(seed, frames)
                    dataset = dataset or _open(root, spec)
                    _save(dataset, frames)
                    num_there += 1
                    progress(num_there, len(plan))
                if dataset:
                    dataset.finalize()
                    write_card(root, spec)
            if stop.is_set():
                return False
    return True


def attempt(
    env: Env,
    expert: Expert,
    spec: TaskSpec,
    seed_and_noise: tuple[int, float],
    stop: threading.Event,
) -> list[dict[str, Any]]:
    """Let the expert try once, with Gaussian noise on its actions.

    Args:
        env: The robot.
        expert: The expert of its task.
        spec: The task, with the embodiment as it is recorded.
        seed_and_noise: Seed of the episode and of the noise; sigma of the noise, in action units.
        stop: Ends the attempt early once it is set.

    Returns:
        The rows: what was seen, the action that ran, and what came after it.
    """
    seed, sigma = seed_and_noise
    rng = np.random.default_rng([seed, 2])
    observation, frames = env.reset(seed), []
    expert.begin(env, seed)
    names = [item.name for item in spec.embodiment.observations]
    size = {n.name: n.shape[0] for n in spec.embodiment.observations if n.dtype == "uint8"}
    for tick in range(spec.max_steps):
        if stop.is_set():
            break
        noise = rng.normal(0.0, 1.0, spec.embodiment.action_dim)
        action = np.clip(expert.act(observation) + sigma * noise, -1.0, 1.0).astype(np.float32)
        seen = {
            name: env.render(name.removeprefix(_IMAGE_PREFIX), height=size[name], width=size[name])
            if name in size
            else observation.arrays[name]
            for name in names
        }
        step = env.step(action)
        is_truncated = not step.is_success and tick + 1 == spec.max_steps
        outcome = {
            "next.reward": np.array([step.reward], np.float32),
            "next.done": np.array([step.is_success or is_truncated]),
            "next.success": np.array([step.is_success]),
            "next.truncated": np.array([is_truncated]),
            "steer.seed": np.array([seed], np.int64),
            "steer.noise": np.array([sigma], np.float32),
        }
        frames.append({**seen, "action": action, **outcome, "task": spec.instruction})
        observation = step.observation
        if step.is_success:
            break
    return frames


def with_cameras(spec: TaskSpec, cameras: Sequence[str], image_size: int) -> TaskSpec:
    """Return the task with cameras to record, a column `observation.images.<camera>` each.

    Args:
        spec: The task.
        cameras: Names of its cameras.
        image_size: Height and width of their pictures, in pixels, >= 1.

    Raises:
        InvalidInputError: The task has no such camera, or the pictures have no pixels.
    """
    if image_size < 1:
        raise InvalidInputError.expected("image size", ">= 1 pixel", image_size)
    for camera in cameras:
        if camera not in spec.cameras:
            raise InvalidInputError.expected("camera", "one of " + ", ".join(spec.cameras), camera)
    pictures = tuple(
        ObservationField(name=_IMAGE_PREFIX + name, dtype="uint8", shape=(image_size,) * 2 + (3,))
        for name in cameras
    )
    observations = spec.embodiment.observations + pictures
    return replace(spec, embodiment=replace(spec.embodiment, observations=observations))


class _Writer(Protocol):
    """What we use of LeRobotDataset."""

    def add_frame(self, frame: dict[str, Any]) -> None: ...

    def save_episode(self) -> None: ...

    def finalize(self) -> None: ...


def _open(root: Path, spec: TaskSpec) -> _Writer:
    """Return LeRobot's writer on the dataset, which is made where there is none."""
    import datasets
    from lerobot.datasets import LeRobotDataset

    datasets.disable_progress_bars()  # it draws one an episode, over ours
    name = f"local/{root.name}"
    if root.exists():
        return cast(_Writer, LeRobotDataset.resume(name, root=root))
    features: dict[str, dict[str, Any]] = {}
    for item in spec.embodiment.observations:
        is_image = item.dtype == "uint8"
        features[item.name] = {
            "dtype": "image" if is_image else item.dtype,
            "shape": item.shape,
            "names": ["height", "width", "channels"] if is_image else None,
        }
    actions = [dim.name for dim in spec.embodiment.actions]
    features["action"] = {"dtype": "float32", "shape": (len(actions),), "names": actions}
    dataset = LeRobotDataset.create(
        name,
        fps=round(spec.embodiment.control_hz),
        root=root,
        robot_type=spec.embodiment.name,
        features={**features, **_OUTCOME},
    )
    return cast(_Writer, dataset)


def _save(dataset: _Writer, frames: Sequence[dict[str, Any]]) -> None:
    for frame in frames:
        dataset.add_frame(frame)
    dataset.save_episode()
