"""Pictures or point clouds for recorded episodes: each is played back, and its ticks are looked at.

    python -m sim.frames --root data/metaworld --tasks push --camera corner3 --output …
    python -m sim.frames --root … --tasks fetch-push --camera external_camera_0 --points --output …

An episode is a function of its seed and its actions, so what is played back is the recording to
the last bit; that is checked at every tick. `steer.frames` says what is written; a run that was
stopped goes on.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from sim import opengl
from sim.interrupt import GOES_ON, exit_code, run
from sim.policies.data import as_array, read_rows
from sim.tasks import TASKS, Env, TaskSpec, make, spec_of
from sim.tasks.views import NUM_POINTS, View, cloud_tree, view_of
from steer.clouds import FAR_M
from steer.embodiment import ObservationField
from steer.errors import DatasetError, InvalidInputError
from steer.frames import IMAGES, POINTS, FrameCard, FrameWriter, data_digest, decision_rows

__all__ = ["make_frames", "pictures_of", "points_of"]

_SHARD_EPISODES = 5


def pictures_of(camera: str, size: int) -> ObservationField:
    """Return the observation that a camera's pictures are, `size` pixels high and wide."""
    return ObservationField(name=IMAGES + camera, dtype="uint8", shape=(size, size, 3))


def points_of(camera: str) -> ObservationField:
    """Return the observation that a camera's point clouds are."""
    return ObservationField(name=POINTS + camera, dtype="float32", shape=(NUM_POINTS, 3), unit="m")


def make_frames(
    spec: TaskSpec, root: Path, output: Path, seen: ObservationField, *, every: int = 1
) -> None:
    """Bring the frames of a task to what was asked for.

    Args:
        spec: The task.
        root: The dataset.
        output: Directory of the frames; made where there is none.
        seen: What is seen, of `pictures_of` or `points_of`.
        every: Each episode's first tick has a frame, and every so many after it.

    Raises:
        ConfigError: The task has no such camera, or its package no clouds.
        DatasetError: The dataset does not have the task, playing it back gives other observations
            (then another version of the simulator recorded it), the directory has frames of other
            rows, or a whole episode has no point within the crop.
    """
    view = view_of(seen, spec)
    table, _ = read_rows(root, [spec.instruction])
    seeds = as_array(table, "steer.seed").reshape(-1)
    actions = as_array(table, "action").astype(np.float32)
    state = as_array(table, "observation.environment_state").astype(np.float32)
    episode = table["episode_index"].to_numpy()
    ends = np.flatnonzero(np.r_[episode[1:] != episode[:-1], True]) + 1
    card = FrameCard(
        key=seen.name,
        shape=seen.shape,
        dtype=seen.dtype,
        camera=view.camera,
        every=every,
        rows=len(seeds),
        data_sha256=data_digest(actions, seeds),
        cloud=None if view.cloud is None else cloud_tree(spec, seen.shape[0]),
    )
    writer = FrameWriter(output, spec.name, card, decision_rows(episode, every=every))
    bar = tqdm(total=card.rows, initial=writer.done, desc=f"{spec.name} frames", unit="row")
    bounds = zip((0, *ends[:-1]), ends, strict=True)
    todo = [(int(first), int(end)) for first, end in bounds if first >= writer.done]
    with bar, closing(make(spec.name)) as env:
        for index, (first, end) in enumerate(todo, start=1):
            rows = slice(first, end)
            seed = int(seeds[first])
            taken = _play_back(env, seed, actions[rows], state[rows], view, every=every)
            writer.put(first, end, taken)
            bar.update(end - first)
            if index % _SHARD_EPISODES == 0 or end == card.rows:
                writer.keep(end)


def _play_back(
    env: Env,
    seed: int,
    actions: NDArray[np.float32],
    seen: NDArray[np.float32],
    view: View,
    *,
    every: int,
) -> NDArray[Any]:
    """Run one episode again and return its frames, each taken before the tick's action.

    Raises:
        DatasetError: It is not the recorded one, or there is not a single point in its clouds.
    """
    observation, taken = env.reset(seed), []
    for tick, action in enumerate(actions):
        now = np.asarray(observation.arrays["observation.environment_state"])
        if not np.array_equal(now, seen[tick]):
            raise DatasetError(
                f"episode of seed {seed} in tick {tick}: expected what was recorded, got another "
                "observation; the dataset was recorded with another simulator or another task"
            )
        if tick % every == 0:
            taken.append(view.take(env))
        observation = env.step(action).observation
    frames = np.stack(taken)
    if view.cloud is not None and not (np.abs(frames) <= FAR_M).any():
        raise DatasetError(
            f"episode of seed {seed}: expected points of {view.camera!r} within the crop from "
            f"{view.cloud.low_m} to {view.cloud.high_m}, got none"
        )
    return frames


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 refused, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.frames", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--root", type=Path, required=True, help="the dataset")
    parser.add_argument("--tasks", required=True, help=f"with commas between: {', '.join(TASKS)}")
    parser.add_argument("--camera", required=True, help="one of the tasks' cameras")
    parser.add_argument("--size", type=int, default=48, help="height and width in pixels")
    parser.add_argument(
        "--points", action="store_true", help="point clouds of its depth instead of pictures"
    )
    parser.add_argument(
        "--every", type=int, default=1, help="leave out all but every so many ticks"
    )
    parser.add_argument("--output", type=Path, required=True, help="directory of the frames")
    args = parser.parse_args(arguments)
    return exit_code("sim.frames", partial(_make_all, args), interrupted=GOES_ON)


def _make_all(args: argparse.Namespace) -> int:
    for name in ("size", "every"):
        if getattr(args, name) < 1:
            raise InvalidInputError.expected(f"--{name}", ">= 1", getattr(args, name))
    seen = points_of(args.camera) if args.points else pictures_of(args.camera, args.size)
    os.environ["MUJOCO_GL"] = opengl.choose()  # MuJoCo reads it when it is imported, later
    for name in args.tasks.split(","):
        make_frames(spec_of(name), args.root, args.output, seen, every=args.every)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
